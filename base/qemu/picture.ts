import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A picture without transparency: red, green and blue, a byte each, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const PICTURE_LIMIT = 256 * 1024 * 1024; // bytes of a decoded picture

/** Read a PNG by netpbm. Throws `Error` for any other file, and when netpbm is not there. */
export async function readPicture(path: string): Promise<Picture> {
  // "pngtopam" gives grey pictures another form; ppmtoppm and pamdepth give all of them one
  const decode = 'set -o pipefail; pngtopam -mix -background=black "$0" | ppmtoppm | pamdepth 255';
  const options = { encoding: "buffer", maxBuffer: PICTURE_LIMIT } as const;
  const { stdout } = await promisify(execFile)("bash", ["-c", decode, path], options).catch(
    (cause: Error) => {
      throw new Error(`${path} cannot be decoded (apt install netpbm)`, { cause });
    },
  );
  const [head = "", width, height] = /^P6\n(\d+) (\d+)\n255\n/.exec(stdout.toString("latin1", 0, 40)) ?? [];
  return { width: Number(width), height: Number(height), pixels: stdout.subarray(head.length) };
}

/** The red, green and blue of the pixel at `x` and `y`, from 0 to 255 each. */
export function pixelAt({ width, pixels }: Picture, x: number, y: number): number[] {
  const at = 3 * (y * width + x);
  return [...pixels.subarray(at, at + 3)];
}

/** The colour of the letters on pages that say what is wrong, which stand on black: base/boot/splash/screen.sh. */
const INK = "216,220,232";

/** How much of a picture the letters of such a page take, from 0 to 1; 0 when anything else is there, as a splash. */
export function pageLetters(picture: Picture): number {
  const { width, height } = picture;
  let letters = 0;
  for (let i = 0; i < width * height; i++) {
    const colour = pixelAt(picture, i % width, Math.floor(i / width)).join();
    if (colour === INK) letters++;
    else if (colour !== "0,0,0") return 0;
  }
  return letters / (width * height);
}

const COLUMNS = 32;
const ROWS = 18;

/**
 * How far two pictures are from each other, from 0 (the same) to 1 (black and white). Both are reduced to 32 by 18
 * fields and these compared: so size, pointer and small movements hardly count, and a white or a black page does.
 */
export function difference(one: Picture, other: Picture): number {
  const [a, b] = [reduced(one), reduced(other)];
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length / 255;
}

/** The mean colour of each field. */
function reduced({ width, height, pixels }: Picture): Float64Array {
  const sums = new Float64Array(COLUMNS * ROWS * 3);
  const counts = new Float64Array(COLUMNS * ROWS * 3);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * ROWS) / height);
    for (let x = 0; x < width; x++) {
      const field = row * COLUMNS + Math.floor((x * COLUMNS) / width);
      for (let channel = 0; channel < 3; channel++) {
        sums[field * 3 + channel]! += pixels[(y * width + x) * 3 + channel]!;
        counts[field * 3 + channel]! += 1;
      }
    }
  }
  return sums.map((sum, i) => sum / Math.max(counts[i]!, 1));
}
