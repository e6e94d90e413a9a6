import { BLOCK_WIDTH, glyph, LINE_HEIGHT } from "./font.ts";
import { png } from "./png.ts";
import type { Bytes } from "../bytes/segment.ts";

/** Laid out in squares of two pixels: sharp also at one and a half times the size, 1920 by 1080. */
const SQUARE = 2;
const [COLUMNS, ROWS] = [640, 360];

/** Black around it all, so that there is no edge to what letterboxes it, and to what comes before and after. */
const GROUND = ["#000000", "#f4f1ea", "#5c6072"];
const [INK, QUIET] = [1, 2];

/** A piece has one of these for its own. */
const COLOURS = ["#ff6b9d", "#ffa45c", "#ffd166", "#9be27a", "#4fd1c5", "#5cb8ff", "#8f8bff", "#d58bff"];
const OWN = GROUND.length;

const ROOM = 0.8 * COLUMNS;
const [SMALLEST, LARGEST] = [4, 10];
const MIDDLE = 156; // of the name: a little above the picture's own

const MARK = 24;

interface Line {
  readonly text: string;
  /** In squares, of a letter's pixel. */
  readonly size: number;
  readonly colour: number;
}

/** Where who has built it stands at the lowest, above the mark. */
const BUILDER = 268;

/**
 * What a screen shows while the machine starts: the name of the piece, 1280 by 720 pixels, as a PNG of some nine
 * kilobytes; below it who has built the image (`@jeffrey`), where that is to be said. The same bytes for the same names
 * wherever they are made.
 */
export async function splash(name: string, by?: string): Promise<Bytes> {
  const [, handle = "", piece = name] = /^(@[^/]+)\/(.*)$/.exec(name) ?? [];
  const largest = Math.floor(ROOM / (BLOCK_WIDTH * piece.length - 1));
  const size = Math.max(SMALLEST, Math.min(largest, LARGEST));
  const lines = [
    ...broken(handle).map((text) => ({ text, size: SMALLEST, colour: OWN })),
    ...broken(piece).map((text) => ({ text, size, colour: INK })),
  ];
  const height = lines.reduce((sum, line) => sum + LINE_HEIGHT * line.size, 0);
  const picture = new Picture();
  let y = MIDDLE - Math.floor(height / 2);
  for (const line of lines) {
    picture.write(line, y);
    y += LINE_HEIGHT * line.size;
  }
  picture.sign(by, y);
  return await picture.png([...GROUND, colourOf(name)]);
}

/** How high the names of several pieces may stand together, and how large their letters may be. */
const [LIST_HEIGHT, LIST_SIZES] = [220, [6, 5, 4, 3, 2]];

/**
 * The same for a stick with several pieces, called `names`, none of which starts by itself: "notepat · line ·
 * @jeffrey/frog". Of more names than the picture has room for the last are counted.
 */
export async function menuSplash(names: readonly string[], by?: string): Promise<Bytes> {
  const { lines, size } = listed(names.map(shortened));
  const picture = new Picture();
  let y = MIDDLE - Math.floor((lines.length * LINE_HEIGHT * size) / 2);
  for (const text of lines) {
    picture.write({ text, size, colour: INK }, y);
    y += LINE_HEIGHT * size;
  }
  picture.sign(by, y);
  return await picture.png([...GROUND, colourOf(names.join(" "))]);
}

/** A name that fits a line at the smallest size. */
function shortened(name: string): string {
  const most = Math.floor((ROOM / LIST_SIZES.at(-1)! + 1) / BLOCK_WIDTH);
  return name.length <= most ? name : `${name.slice(0, most - 3)}...`;
}

/** Names in lines, in the largest letters for which there is room. */
function listed(names: readonly string[]): { lines: string[]; size: number } {
  const smallest = LIST_SIZES.at(-1)!;
  for (const size of LIST_SIZES) {
    const lines = inLines(names, size);
    if (lines) return { lines, size };
  }
  for (let some = names.length - 1; some > 0; some--) {
    const lines = inLines([...names.slice(0, some), `and ${names.length - some} more`], smallest);
    if (lines) return { lines, size: smallest };
  }
  return { lines: [`${names.length} pieces`], size: smallest };
}

/** Names with points between, broken where a line is full; undefined when that is too wide or too high. */
function inLines(names: readonly string[], size: number): string[] | undefined {
  const most = Math.floor((ROOM / size + 1) / BLOCK_WIDTH);
  const lines: string[] = [];
  let line = "";
  for (const name of names) {
    if (name.length > most) return undefined;
    const longer = line === "" ? name : `${line} · ${name}`;
    if (longer.length <= most) line = longer;
    else {
      lines.push(line);
      line = name;
    }
  }
  lines.push(line);
  return lines.length * LINE_HEIGHT * size <= LIST_HEIGHT ? lines : undefined;
}

/** `text` in as few lines as it fits at the smallest size, broken at a mark in the name if it takes no more. */
function broken(text: string): string[] {
  const most = Math.floor((ROOM / SMALLEST + 1) / BLOCK_WIDTH);
  const cut = text.match(new RegExp(`.{1,${most}}`, "g")) ?? [];
  const kind = text.match(new RegExp(`.{1,${most}}$|.{1,${most - 1}}[-_.]|.{1,${most}}`, "g")) ?? [];
  return kind.length > cut.length ? cut : kind;
}

function colourOf(name: string): string {
  const sum = Array.from(name).reduce((all, letter) => (31 * all + letter.charCodeAt(0)) % 65_521, 7);
  return COLOURS[sum % COLOURS.length]!;
}

class Picture {
  private readonly width = COLUMNS * SQUARE;
  private readonly pixels = new Uint8Array(COLUMNS * ROWS * SQUARE ** 2);

  /** A line in the middle, its upper edge at `y`. What KidLisp's names begin with has the piece's colour. */
  write({ text, size, colour }: Line, y: number): void {
    const left = Math.floor((COLUMNS - (BLOCK_WIDTH * text.length - 1) * size) / 2);
    Array.from(text).forEach((letter, at) => {
      for (const pixel of glyph(letter)) {
        const x = left + (at * BLOCK_WIDTH + pixel.x) * size;
        this.fill(x, y + pixel.y * size, size, letter === "$" ? OWN : colour);
      }
    });
  }

  fill(x: number, y: number, size: number, colour: number): void {
    for (let row = y * SQUARE; row < (y + size) * SQUARE; row++) {
      const at = row * this.width + x * SQUARE;
      this.pixels.fill(colour, at, at + size * SQUARE);
    }
  }

  /** What is below every name: who has built it, with the names ending at `y`, and our mark. */
  sign(by: string | undefined, y: number): void {
    // Not just "by": whoever builds notepat has not made notepat. Names that leave no room have handles that AC does not give
    if (by !== undefined && y <= BUILDER) {
      this.write({ text: `built by ${by}`, size: 2, colour: QUIET }, Math.min(y + 6, BUILDER));
    }
    for (let x = -MARK / 2; x < MARK / 2; x += 2) this.fill(COLUMNS / 2 + x, 296, 2, OWN);
    this.write({ text: "aesthetic computer", size: 2, colour: QUIET }, 308);
  }

  async png(palette: readonly string[]): Promise<Bytes> {
    return await png({ width: this.width, height: ROWS * SQUARE, pixels: this.pixels, palette });
  }
}
