import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";

/** A picture without transparency: red, green and blue, a byte each, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Read a PNG of 8 bits a channel, not interlaced, as QEMU and browsers write it. Throws `RangeError` for any other file. */
export async function readPicture(path: string): Promise<Picture> {
  const bytes = await readFile(path);
  if (bytes.toString("latin1", 0, 8) !== "\x89PNG\r\n\x1a\n") throw new RangeError(`${path} is no PNG`);
  let width = 0;
  let height = 0;
  let channels = 0;
  const data: Buffer[] = [];
  // PNG specification, 5.3: a chunk is its length, its type, so much data, and a checksum
  for (let at = 8; at + 12 <= bytes.length; at += bytes.readUInt32BE(at) + 12) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    const chunk = bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at));
    if (type === "IDAT") data.push(chunk);
    if (type !== "IHDR") continue;
    width = chunk.readUInt32BE(0);
    height = chunk.readUInt32BE(4);
    channels = { 2: 3, 6: 4 }[chunk[9]!] ?? 0; // colour type
    if (chunk[8] !== 8 || channels === 0 || chunk[12] !== 0) {
      throw new RangeError(`${path} is a PNG of another kind than 8-bit colour, not interlaced`);
    }
  }
  const rows = unfiltered(inflateSync(Buffer.concat(data)), width * channels, height, channels);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) pixels.set(rows.subarray(i * channels, i * channels + 3), i * 3);
  return { width, height, pixels };
}

/** The rows of a PNG without their filters (PNG specification, 9.2). */
function unfiltered(data: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  if (data.length !== (stride + 1) * height)
    throw new RangeError("a PNG's data is not as long as it should be");
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]!;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x >= channels ? out[at - channels]! : 0;
      const up = y > 0 ? out[at - stride]! : 0;
      const corner = x >= channels && y > 0 ? out[at - stride - channels]! : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      if (guess === undefined) throw new RangeError(`a PNG has no filter ${filter}`);
      out[at] = data[y * (stride + 1) + 1 + x]! + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [toLeft, toUp, toCorner] = [left, up, corner].map((value) => Math.abs(estimate - value));
  if (toLeft! <= toUp! && toLeft! <= toCorner!) return left;
  return toUp! <= toCorner! ? up : corner;
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
