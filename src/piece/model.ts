import type { BuildState, PageInfo } from "../messages.ts";
import { action, heading, text, type Block, type PictureName, type Screen } from "./blocks.ts";
import { plain } from "./text.ts";
import { words } from "./words.ts";

/** All that a screen is made of: what the piece knows, plain and in one place. */
export interface Model {
  /** The piece to build, as the person named it; nothing yet, or `clear`. */
  target: string;
  phone: boolean;
  /** What the page can do, once it is there. */
  page: PageInfo | null;
  /** Whether the page has been waited for too long. */
  pageIsLate: boolean;
  /** What the page said of the build last. */
  build: BuildState | null;
  cleared: { readonly bytes: number; readonly message?: string } | null;
  /** Whether the page waits for a key or a tap to do what was asked last. */
  unconfirmed: boolean;
  link: { readonly url: string; readonly qr: readonly string[] } | null;
  /** Whether the link is shown instead of the build. */
  linking: boolean;
  /** Whether the person looks at what the piece may use. It is shown anyway when it asks for something. */
  unfolded: boolean;
  /** What the person is asked about a stick: which piece goes, or whether they mean it. */
  stickQuestion: "" | "remove" | "takeOff" | "replace";
  /** Whether the person knows better than we do that a stick has FAT. */
  stickIsFat: boolean;
  /** Whether the stick is shown, and not that it is done. */
  stickManaged: boolean;
  /** Whether the person is asked if the build is to stop. */
  stopping: boolean;
  /** While a piece is chosen: what has been typed, and which of the offers is chosen. */
  typed: string;
  chosen: number;
  /** Until what failed is tried again; 0 when it is not, or now. */
  retrySeconds: number;
  /** Grows while something is waited for. */
  beat: number;
}

/** The heading of a piece's screens. */
export const title = ({ target }: Model) => heading(words.title(plain(target)));

/** Something is waited for. */
export function waiting(model: Model, said: string, { heard = said, stoppable = false } = {}): Screen {
  return {
    kind: "pages",
    face: "busy",
    blocks: [title(model), text(said, { heard }), { kind: "dots", lit: model.beat % 3 }],
    actions: stoppable ? [action("c", words.cancel, "stop")] : [],
  };
}

/** A step of what is left to do by hand, on a page of its own: what, its picture, and how. */
export function step(name: PictureName, what: string, how: readonly string[]): Block[] {
  return [
    { kind: "break" },
    text(what, { color: "title" }),
    { kind: "picture", name },
    ...how.map((line) => text(line)),
    ...(name === "boot" ? [{ kind: "gap" } as const, { kind: "cells", cells: words.bootKeys } as const] : []),
  ];
}
