import { ARCHITECTURES, architectureOf, knownArchitecture, USUAL_ARCH } from "../architectures.ts";
import type { BuildState, ImageFileState, PageInfo } from "../messages.ts";
import { action, heading, text, type Block, type PictureName, type Screen } from "./blocks.ts";
import { plain } from "./text.ts";
import { type Machine, words } from "./words.ts";

/** All that a screen is made of: what the piece knows, plain and in one place. */
export interface Model {
  /** The piece to build, as the person named it; nothing yet, or `clear`. */
  target: string;
  /** Those that are to be on the same stick. */
  others: readonly string[];
  /** The architecture that the person has chosen, by its word; what is suggested when "". */
  machine: "" | Machine;
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
  /** Whether the ways that few want are offered too. */
  waysShown: boolean;
  /** What the person is asked about a stick: which piece goes, or whether they mean it. */
  stickQuestion: "" | "remove" | "takeOff" | "replace";
  /** Whether the person knows better than we do that a stick has FAT. */
  stickIsFat: boolean;
  /** Whether the stick is shown, and not that it is done. */
  stickManaged: boolean;
  /** The image on disk that the page has open, and whether it is shown instead of the build. */
  image: ImageFileState | null;
  imageShown: boolean;
  /** Whether the person is asked if the build is to stop. */
  stopping: boolean;
  /** Of several pieces, whether the person goes on without those that cannot be had. */
  goesWithout: boolean;
  /** The name of the one of several that the person looks at; "" for all of them. */
  looking: string;
  /** While a piece is chosen: what has been typed, which of the offers is chosen, and what is to be built together. */
  typed: string;
  chosen: number;
  marked: readonly string[];
  /** Until what failed is tried again; 0 when it is not, or now. */
  retrySeconds: number;
  /** Grows while something is waited for. */
  beat: number;
}

/** The word for the architecture that the next build is for: the chosen one, or what is suggested here. */
export function machineOf({ machine, page }: Pick<Model, "machine" | "page">): Machine {
  return machine || wordOf(page?.suggested ?? USUAL_ARCH);
}

/** The word for the architecture that words beside pieces name first, as people or as manifests say it; "" where none does. */
export function machineIn(qualifiers: readonly string[]): "" | Machine {
  return qualifiers.map(architectureOf).find((each) => each !== undefined)?.word ?? "";
}

/** The word for the other one. */
export function otherMachine(word: Machine): Machine {
  return ARCHITECTURES.find((each) => each.word !== word)!.word;
}

/** A person's word for an architecture of a manifest. */
export function wordOf(arch: string): Machine {
  return knownArchitecture(arch).word;
}

/**
 * What has to stand beside pieces in an address so that they are built for the machine that a person has chosen, if they have,
 * of what stands there now. What is only suggested gives way to another one where there is no base for it, so the word for it
 * is left out just where it is the usual one and nothing else is suggested.
 */
export function qualifiersFor(
  word: "" | Machine,
  qualifiers: readonly string[],
  { suggested = USUAL_ARCH }: { readonly suggested?: PageInfo["suggested"] | undefined },
): string[] {
  const others = [...new Set(qualifiers.filter((each) => architectureOf(each) === undefined))];
  const isMeant = word === "" || (suggested === USUAL_ARCH && word === wordOf(USUAL_ARCH));
  return isMeant ? others : [...others, word];
}

/** The heading of a build's screens. */
export function title({ target, others, build }: Model): Block {
  const on = others.length > 0 ? build?.info?.pieces.map(({ name }) => name) : undefined;
  return heading(words.title(called(on ?? [target, ...others])));
}

/** Pieces in short: the first by its name, and how many more. */
export function called([first = "", ...more]: readonly string[]): string {
  return words.several.named(plain(first), more.length);
}

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
