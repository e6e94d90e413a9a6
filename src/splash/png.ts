import { adler32, crc32 } from "hash-wasm";
import type { Bytes } from "../bytes/segment.ts";
import { SIGNATURE } from "./png-size.ts";

/** A picture whose pixels are numbers of colours, row by row. */
export interface Indexed {
  readonly width: number;
  readonly height: number;
  /** One byte a pixel. */
  readonly pixels: Uint8Array;
  /** `#rrggbb`, at most 256. */
  readonly palette: readonly string[];
}

/**
 * `picture` as a PNG (the specification's third edition, sections 5 and 11): 8-bit indexed colour, not interlaced,
 * which every reader knows, GRUB's too. Packed by code of ours, so that it is the same bytes everywhere; small
 * where rows are alike and colours go on for a while.
 */
export async function png({ width, height, pixels, palette }: Indexed): Promise<Bytes> {
  const colours = palette.flatMap((colour) =>
    [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)),
  );
  const rows = differences(width, height, pixels);
  const checksum = Number.parseInt(await adler32(rows), 16);
  const chunks = [
    await chunk("IHDR", [...be32(width), ...be32(height), 8, 3, 0, 0, 0]), // depth, indexed, the only methods, plain
    await chunk("PLTE", colours),
    await chunk("IDAT", [0x78, 0x01, ...deflate(rows), ...be32(checksum)]), // RFC 1950: deflate, window of 32 KiB
    await chunk("IEND", []),
  ];
  return Uint8Array.from([SIGNATURE, ...chunks].flat());
}

async function chunk(type: string, data: readonly number[]): Promise<number[]> {
  const body = [...Array.from(type, (letter) => letter.charCodeAt(0)), ...data];
  const checksum = Number.parseInt(await crc32(Uint8Array.from(body)), 16);
  return [...be32(data.length), ...body, ...be32(checksum)];
}

function be32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Each row as what differs from the row above (filter type 2, "Up"): zeros, where they are alike. */
function differences(width: number, height: number, pixels: Uint8Array): Uint8Array {
  const out = new Uint8Array(height * (1 + width));
  for (let y = 0; y < height; y++) {
    const to = y * (1 + width);
    out[to] = 2;
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      out[to + 1 + x] = (pixels[at] ?? 0) - (y > 0 ? (pixels[at - width] ?? 0) : 0);
    }
  }
  return out;
}

/** The longest run that one code stands for, and the shortest. */
const [LONGEST, SHORTEST] = [258, 3];

/** RFC 1951, 3.2.5: the shortest run of length code 257, 258 …; what is above it follows in extra bits. */
const RUNS = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];

/** One block of fixed Huffman codes (RFC 1951, 3.2.6) whose only matches are runs of one byte. */
function deflate(bytes: Uint8Array): number[] {
  const out: number[] = [];
  let held = 0;
  let count = 0;
  const bits = (value: number, length: number) => {
    held |= value << count;
    for (count += length; count >= 8; count -= 8) {
      out.push(held & 0xff);
      held >>>= 8;
    }
  };
  const huffman = (code: number, length: number) => {
    for (let i = length - 1; i >= 0; i--) bits((code >> i) & 1, 1); // these go in from the other end
  };
  const symbol = (value: number) => {
    if (value < 144) huffman(0x30 + value, 8);
    else if (value < 256) huffman(0x190 + value - 144, 9);
    else if (value < 280) huffman(value - 256, 7);
    else huffman(0xc0 + value - 280, 8);
  };
  const repeat = (length: number) => {
    const code = RUNS.findLastIndex((shortest) => shortest <= length);
    symbol(257 + code);
    bits(length - RUNS[code]!, code < 8 || length === LONGEST ? 0 : (code - 4) >> 2);
    huffman(0, 5); // distance 1
  };

  bits(1, 1); // the last block
  bits(1, 2); // of fixed codes
  for (let at = 0; at < bytes.length;) {
    const value = bytes[at]!;
    let end = at + 1;
    while (end < bytes.length && bytes[end] === value) end++;
    symbol(value);
    let left = end - at - 1;
    for (; left >= SHORTEST; left -= Math.min(left, LONGEST)) repeat(Math.min(left, LONGEST));
    for (; left > 0; left--) symbol(value);
    at = end;
  }
  symbol(256); // end of block
  bits(0, 7); // up to a whole byte
  return out;
}
