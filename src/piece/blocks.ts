import type { Allowance } from "../allowances.ts";
import type { ColorName } from "./palette.ts";
import type { Name } from "./words.ts";

/**
 * What a person can ask for by a key or a button; `go:notepat` goes to the build of that piece, or of several with tildes
 * between, `mark:notepat` puts it among those that are built together, or takes it away; `look:notepat` shows one of
 * several, `include:notepat` leaves it out or puts it in, `use:camera` lets it, or the only one, `starts:FOLDER` and `remove:FOLDER` mean a piece on a stick, and `ask:…`
 * opens a question about one, or closes it.
 */
export type Command =
  | "start"
  | "choose"
  | "keep"
  | "sign"
  | "pause"
  | "askToStop"
  | "goOn"
  | "stop"
  | "open"
  | "copy"
  | "saveChecksum"
  | "clear"
  | "unfold"
  | "link"
  | "closeLink"
  | "pickAnother"
  | "pickAgain"
  | "forAnother"
  | "buildMarked"
  | "goWithout"
  | "fetchAgain"
  | "showFirst"
  | "nextPage"
  | "previousPage"
  | "settings"
  | "stick"
  | "anotherStick"
  | "leaveStick"
  | "stopStick"
  | "putOnStick"
  | "replaceOnStick"
  | "repairStick"
  | "checkStick"
  | "lookAtStick"
  | "takeOffStick"
  | "manageStick"
  | "stickIsFat"
  | "showWays"
  | "onlyPiece"
  | "wholeImage"
  | "copyCommand"
  | "openImage"
  | "showImage"
  | "hideImage"
  | "checkImage"
  | "repairImage"
  | "putIntoImage"
  | "stopImage"
  | `ask:${"remove" | "takeOff" | "replace" | ""}`
  | `starts:${string}`
  | `remove:${string}`
  | `use:${Allowance}`
  | `look:${string}`
  | `mark:${string}`
  | `include:${string}`
  | `go:${string}`;

/** How the machine looks: by its face one sees how things are. */
export type Face = "calm" | "glad" | "busy" | "asleep" | "sad";

/** A picture of each step of the instructions. */
export type PictureName = "flash" | "format" | "boot" | "write" | "card" | "erase" | "reset" | "eject";

/** A button at the bottom of the canvas, or in a row. */
export interface Action {
  readonly command: Command;
  /** As AC names them in events; the first is shown. */
  readonly keys: readonly string[];
  readonly name: Name;
  /** What it is called at other times: there is room for both. */
  readonly other: Name;
}

/** What a screen shows, from top to bottom. A block knows nothing of pixels, so any screen fits any canvas. */
export type Block =
  /** Left out on a small canvas, unless it is `needed`: AC's label in the corner names the piece. */
  | { readonly kind: "heading"; readonly text: string; readonly needed: boolean }
  /** `brief` is drawn instead where there is little room; a screen reader is told `heard`. */
  | {
      readonly kind: "text";
      readonly text: string;
      readonly brief: string;
      readonly heard: string;
      readonly color: ColorName;
    }
  /** `clear`: where there is little room the value is enough. */
  | { readonly kind: "field"; readonly label: string; readonly value: string; readonly clear: boolean }
  | { readonly kind: "sha256"; readonly hex: string }
  | { readonly kind: "gap" }
  /** What follows begins a page. */
  | { readonly kind: "break" }
  | { readonly kind: "bar"; readonly part: number; readonly calm: boolean }
  | Pair
  /** `news`, or else `pair`, with room for all of `holds`, so that nothing moves when one takes the other's place. */
  | {
      readonly kind: "news";
      readonly news: string;
      readonly color: ColorName;
      readonly pair: Pair;
      readonly holds: readonly string[];
    }
  /** Three lamps of which one is lit: something is waited for. */
  | { readonly kind: "dots"; readonly lit: number }
  | { readonly kind: "input"; readonly text: string }
  | {
      readonly kind: "offer";
      readonly piece: string;
      readonly label: string;
      readonly note: string;
      readonly number: number;
      readonly chosen: boolean;
      /** Whether it is among those that are built together; `undefined` as long as none is. */
      readonly marked: boolean | undefined;
    }
  /** A row that leads to something else, with a few words about that to the right where there is room. */
  | {
      readonly kind: "choice";
      readonly key: string;
      readonly label: string;
      readonly note: string;
      readonly command: Command;
    }
  | {
      readonly kind: "checkbox";
      readonly key: string;
      readonly label: string;
      readonly checked: boolean;
      readonly command: Command;
    }
  | { readonly kind: "row"; readonly actions: readonly Action[] }
  /** Down, then across, in as many columns as there is room for. */
  | { readonly kind: "cells"; readonly cells: readonly string[] }
  | { readonly kind: "picture"; readonly name: PictureName }
  | { readonly kind: "preview" }
  | { readonly kind: "qr"; readonly rows: readonly string[] };

interface Pair {
  readonly kind: "pair";
  readonly left: string;
  readonly right: string;
  /** The longest that each can become. */
  readonly widest: readonly [string, string];
}

interface Shown {
  readonly face: Face;
  readonly blocks: readonly Block[];
  readonly actions: readonly Action[];
}

/** All that is shown at a time. */
export type Screen =
  /**
   * Over as many pages as it needs. `aside` stands beside the blocks up to the first break where there is room for it, and
   * else after them; a break that it begins with counts only there.
   */
  | (Shown & { readonly kind: "pages"; readonly aside?: readonly Block[] })
  /** The page with the chosen one of `offers` is shown; a screen reader is told `heard` of it. */
  | (Shown & { readonly kind: "picker"; readonly offers: readonly string[]; readonly heard: string })
  /** On one page, where nothing moves; a screen reader is told nothing but `heard`. */
  | (Shown & { readonly kind: "meter"; readonly heard: string });

type BlockOf<K extends Block["kind"]> = Extract<Block, { readonly kind: K }>;

/** A title. */
export const heading = (text: string, needed = false): Block => ({ kind: "heading", text, needed });

/** A paragraph, with what is drawn or told in its stead where that is something else. */
export const text = (
  said: string,
  { color = "text", brief = said, heard = said }: Partial<BlockOf<"text">> = {},
): Block => ({ kind: "text", text: said, brief, heard, color });

/** A label and its value; `clear` when the value needs no label. */
export const field = (label: string, value: string, clear = false): Block => ({
  kind: "field",
  label,
  value,
  clear,
});

/** A little room between two blocks. */
export const gap = (): Block => ({ kind: "gap" });

/** Two texts at the two edges, with the longest that each can become. */
export const pair = (left: string, right: string, widest: readonly [string, string]): Pair => ({
  kind: "pair",
  left,
  right,
  widest,
});

/** `keys` have spaces between them. */
export const action = (keys: string, name: Name, command: Command, other: Name = ["", ""]): Action => ({
  command,
  keys: keys.split(" "),
  name,
  other,
});
