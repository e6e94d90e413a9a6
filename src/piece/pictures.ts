import type { Command, Face, PictureName } from "./blocks.ts";
import type { ColorName } from "./palette.ts";
import { words } from "./words.ts";

/** Something to draw, in pixels of the canvas. */
export type Item =
  | (Rectangle & { readonly kind: "box"; readonly color: ColorName })
  | {
      readonly kind: "text";
      readonly x: number;
      readonly y: number;
      /** Pixels of the canvas to one of the typeface. */
      readonly size: number;
      readonly text: string;
      readonly color: ColorName;
    }
  | ButtonItem
  /** Where the page shows the bundle itself. */
  | (Rectangle & { readonly kind: "preview" });

/** Where something is, in pixels of the canvas. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A place that can be pressed. */
export interface ButtonItem extends Rectangle {
  readonly kind: "button";
  readonly command: Command;
  /** How thick its edge is. */
  readonly unit: number;
  readonly chosen: boolean;
  /** The number of the piece that it offers. */
  readonly offer?: number;
}

/** A filled box. */
export const box = (x: number, y: number, w: number, h: number, color: ColorName): Item => ({
  kind: "box",
  x,
  y,
  w,
  h,
  color,
});

/** A line of text, from the corner of its first character. */
export const write = (text: string, x: number, y: number, size: number, color: ColorName): Item => ({
  kind: "text",
  text,
  x,
  y,
  size,
  color,
});

// Everything below is drawn in boxes. A letter is a colour of the palette.
const INKS: Readonly<Record<string, ColorName>> = {
  o: "body",
  l: "light",
  g: "glass",
  w: "paper",
  e: "edge",
  b: "bar",
  t: "text",
  d: "dim",
};

const SPRITES = {
  machine: [
    "..oooooooooooooooo..",
    ".ollllllllllllllllo.",
    "ollggggggggggggggloo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "ollggggggggggggggloo",
    ".ooooooooooooooooeo.",
    "..oooooooooooooooo..",
    "....eee......eee....",
    "...ooooo....ooooo...",
  ],
  page: [
    "wwwwwwwwww...",
    "wwwwwwwwwwl..",
    "wwddddddwwll.",
    "wwwwwwwwwwwww",
    "wwdddddddddww",
    "wwwwwwwwwwwww",
    "wwdddddddddww",
    "wwwwwwwwwwwww",
    "wbbbbbbbbbbbw",
    "wbwbwwbbwwbbw",
    "wbwbwbbwbbwbw",
    "wbwbbwbwbbwbw",
    "wbwbwwbbwwbbw",
    "wbbbbbbbbbbbw",
    "wwwwwwwwwwwww",
  ],
  imagePage: [
    "wwwwwwwwwwwwww...",
    "wwwwwwwwwwwwwwl..",
    "wwddddddddddwwll.",
    "wwwwwwwwwwwwwwwww",
    "wwdddddddddddddww",
    "wwwwwwwwwwwwwwwww",
    "wwdddddddddddddww",
    "wwwwwwwwwwwwwwwww",
    "wbbbbbbbbbbbbbbbw",
    "wbwbwbbbwbbwwwbbw",
    "wbwbwwbwwbwbbbbbw",
    "wbwbwbwbwbwbwwbbw",
    "wbwbwbbbwbbwwwbbw",
    "wbbbbbbbbbbbbbbbw",
    "wwwwwwwwwwwwwwwww",
  ],
  stick: [
    "oooooooooooooo......",
    "ollllllllllllowwwww.",
    "olooooooooooooweweww",
    "olobbooooooooowwwwww",
    "oloboboooooooowwwwww",
    "oloboboooooooowwwwww",
    "olobbooooooooowwwwww",
    "olooooooooooooweweww",
    "oooooooooooooowwwww.",
    "oooooooooooooo......",
  ],
  arrow: ["....b...", "....bb..", "bbbbbbb.", "bbbbbbbb", "bbbbbbb.", "....bb..", "....b..."],
  laptop: [
    ".oooooooooooooooooooooooo.",
    ".ollllllllllllllllllllllo.",
    ".olggggggggggggggggggggoo.",
    ".olggggggggggggggggggggoo.",
    ".olgggbbbggggggbbggggggoo.",
    ".olgggbgbggggbggbggggggoo.",
    ".olgggbgbggbgggggggggggoo.",
    ".olgggbbbggbbbbbbbbggggoo.",
    ".olggggggggggggggggggggoo.",
    ".olgglllllllllgggggggggoo.",
    ".olggggggggggggggggggggoo.",
    ".olggllllllggggggggggggoo.",
    ".olggggggggggggggggggggoo.",
    ".oooooooooooooooooooooooo.",
    "eeeeeeeeeeeeeeeeeeeeeeeeee",
    "elllllllllllllllllllllllle",
    "eooooooooooooooooooooooooe",
    ".eeeeeeeeeeeeeeeeeeeeeeee.",
  ],
  eject: ["...bb...", "..bbbb..", ".bbbbbb.", "bbbbbbbb", "........", "bbbbbbbb"],
  pointer: ["t.....", "tt....", "twt...", "twwt..", "twwwt.", "twwwwt", "twwttt", "twtt..", "tt.tt."],
  sparkle: ["...l...", "...l...", "..lbl..", "llbwbll", "..lbl..", "...l...", "...l..."],
};

const FACES: Record<Face, readonly string[]> = {
  calm: ["...l........l...", "...l........l...", "................", "....l......l....", ".....llllll....."],
  glad: ["..lll......lll..", "..l.l......l.l..", ".....llllll.....", ".....lbbbbl.....", "......llll......"],
  busy: ["....ll.....ll...", "....ll.....ll...", "................", "......llll......", "......llll......"],
  asleep: [
    "................",
    "..lll......lll..",
    "................",
    "................",
    "......llll......",
  ],
  sad: ["....l......l....", "...l........l...", "................", ".....llllll.....", "....l......l...."],
};

/** How large the machine with its face is, in pixels of its own. */
export const MACHINE = { w: 20, h: 16 };

/** An old machine, and a pal: by its face one sees how things are. */
export function machine(face: Face, x: number, y: number, scale: number): Item[] {
  return [
    ...sprite(SPRITES.machine, x, y, scale),
    ...sprite(FACES[face], x + 2 * scale, y + 5 * scale, scale),
  ];
}

/** Rows of letters as boxes, as few as there are runs of a letter. */
export function sprite(rows: readonly string[], x: number, y: number, scale: number): Item[] {
  return rows.flatMap((row, i) =>
    Array.from(row.matchAll(/([a-z])\1*/g), ({ index, 0: run, 1: letter = "" }) =>
      box(x + index * scale, y + i * scale, run.length * scale, scale, INKS[letter] ?? "text"),
    ),
  );
}

/** An SD card: one corner is cut off, and its contacts are at that end. */
function card(x: number, y: number, s: number): Item[] {
  return [
    box(x, y, 10 * s, 3 * s, "edge"),
    box(x, y + 3 * s, 13 * s, 13 * s, "edge"),
    box(x + 10 * s, y + s, s, 2 * s, "edge"),
    box(x + 11 * s, y + 2 * s, s, s, "edge"),
    ...[2, 4, 6, 8].map((right) => box(x + right * s, y + s, s, 3 * s, "white")),
    box(x + 2 * s, y + 7 * s, 9 * s, 7 * s, "key"),
  ];
}

/** All pictures are of one size, so that none makes its page jump. */
export const PICTURE = { w: 104, h: 34 };

/** What each step of the instructions is about, `s` pixels to one of the picture's. */
export const pictures = {
  flash: (x: number, y: number, s: number): Item[] => [
    ...sprite(SPRITES.page, x + 6 * s, y + 8 * s, s),
    ...sprite(SPRITES.arrow, x + 32 * s, y + 12 * s, s),
    ...sprite(SPRITES.stick, x + 54 * s, y + 11 * s, s),
  ],
  format: (x: number, y: number, s: number): Item[] => {
    const { title, text, yes, no } = words.format;
    const button = (label: string, left: number, color: ColorName) => [
      box(x + left * s, y + 21 * s, (label.length * 6 + 6) * s, 12 * s, color),
      write(label, x + (left + 3) * s, y + 22 * s, s, "text"),
    ];
    return [
      box(x, y, 104 * s, 34 * s, "edge"),
      box(x + s, y + s, 102 * s, 32 * s, "panel"),
      box(x + s, y + s, 102 * s, 9 * s, "from"),
      write(title, x + 3 * s, y + s, s, "white"),
      write(text, x + 5 * s, y + 11 * s, s, "text"),
      ...button(yes, 6, "track"),
      ...button(no, 54, "press"),
      ...sprite(SPRITES.pointer, x + 92 * s, y + 25 * s, s),
    ];
  },
  boot: (x: number, y: number, s: number): Item[] => {
    const key = (label: string, left: number) => [
      box(x + left * s, y + 10 * s, (label.length * 6 + 8) * s, 15 * s, "edge"),
      box(x + (left + 1) * s, y + 11 * s, (label.length * 6 + 6) * s, 11 * s, "panel"),
      write(label, x + (left + 4) * s, y + 12 * s, s, "key"),
    ];
    return [...sprite(SPRITES.laptop, x + 2 * s, y + 8 * s, s), ...key("F12", 38), ...key("Esc", 70)];
  },
  write: (x: number, y: number, s: number): Item[] => [
    ...sprite(SPRITES.imagePage, x + 6 * s, y + 8 * s, s),
    ...sprite(SPRITES.arrow, x + 32 * s, y + 12 * s, s),
    ...card(x + 54 * s, y + 8 * s, s),
  ],
  card: (x: number, y: number, s: number): Item[] => [
    box(x + 44 * s, y + 4 * s, 44 * s, 27 * s, "edge"),
    box(x + 45 * s, y + 5 * s, 42 * s, 25 * s, "panel"),
    box(x + 48 * s, y + 7 * s, 28 * s, 2 * s, "key"), // pins
    box(x + 58 * s, y + 13 * s, 11 * s, 11 * s, "track"), // the processor
    ...[9, 16, 23].map((down) => box(x + 80 * s, y + down * s, 10 * s, 5 * s, "key")), // USB and network
    ...sprite(SPRITES.arrow, x + 26 * s, y + 13 * s, s),
    ...card(x + 6 * s, y + 9 * s, s),
  ],
  eject: (x: number, y: number, s: number): Item[] => [
    ...sprite(SPRITES.laptop, x + 2 * s, y + 10 * s, s),
    ...sprite(SPRITES.eject, x + 37 * s, y + 5 * s, s),
    ...sprite(SPRITES.arrow, x + 37 * s, y + 19 * s, s),
    ...sprite(SPRITES.stick, x + 54 * s, y + 17 * s, s),
  ],
  erase: (x: number, y: number, s: number): Item[] => [
    ...card(x + 8 * s, y + 9 * s, s),
    ...sprite(SPRITES.arrow, x + 32 * s, y + 12 * s, s),
    ...card(x + 54 * s, y + 9 * s, s),
    ...sprite(SPRITES.sparkle, x + 72 * s, y + 3 * s, s),
    ...sprite(SPRITES.sparkle, x + 48 * s, y + 23 * s, s),
  ],
  reset: (x: number, y: number, s: number): Item[] => [
    ...sprite(SPRITES.stick, x + 2 * s, y + 11 * s, s),
    ...sprite(SPRITES.arrow, x + 32 * s, y + 12 * s, s),
    ...sprite(SPRITES.stick, x + 54 * s, y + 11 * s, s),
    ...sprite(SPRITES.sparkle, x + 78 * s, y + 4 * s, s),
    ...sprite(SPRITES.sparkle, x + 50 * s, y + 22 * s, s),
  ],
} satisfies Record<PictureName, (x: number, y: number, s: number) => Item[]>;
