import type { Bytes } from "../bytes/segment.ts";
import { sha256OfAll } from "../bytes/sha256.ts";
import { read, type Volume } from "../ext4/reader.ts";
import { diskSizeOf, GPT_LENGTH, parseGpt, type Partition } from "./gpt.ts";
import { type Listing, OS_JSON_LIMIT, parseListing, PIECES } from "./os-json.ts";

/** What the piece partition is called in the partition table of an image. */
const PIECE_LABEL = "FEDAC-PIECE";

/** An image that is shorter than its partition table says. Sizes in bytes. */
export class CutOffError extends RangeError {
  readonly has: number;
  readonly wants: number;

  constructor(has: number, wants: number) {
    super(`it is cut off: it has ${has} of the ${wants} bytes of its image`);
    this.has = has;
    this.wants = wants;
  }
}

/** A partition table that is sound, and of something else. */
export class ForeignTableError extends RangeError {}

/** Bytes `start, length` of an image or a part of one. */
export type At = (start: number, length: number) => Promise<Bytes>;

/** The partitions of an image of ours, or of a disk that has one. */
export interface Layout {
  /** How many bytes the partition table was made for. */
  readonly size: number;
  readonly partitions: readonly Partition[];
  readonly piece: Partition;
}

/**
 * The partitions of what `at` reads, which has `size` bytes. Throws `RangeError` unless its table is sound and has one
 * piece partition; `CutOffError` and `ForeignTableError` where it can be told why.
 */
export async function layoutOf(at: At, size: number): Promise<Layout> {
  const head = await at(0, Math.min(GPT_LENGTH, size));
  const its = await diskSizeOf(head);
  if (its > size) throw new CutOffError(size, its);
  const partitions = await parseGpt(head, its);
  const pieces = partitions.filter(({ label }) => label === PIECE_LABEL);
  const [piece] = pieces;
  if (!piece || pieces.length > 1) {
    throw new ForeignTableError(
      `it has ${pieces.length} partitions called ${PIECE_LABEL}, and an image of ours has one`,
    );
  }
  return { size: its, partitions, piece };
}

/** The partitions of a disk of `size` bytes, also of one that has been cut off. Throws `RangeError` when they cannot be read. */
export async function partitionsIn(at: At, size: number): Promise<Partition[]> {
  const head = await at(0, Math.min(GPT_LENGTH, size));
  return await parseGpt(head, await diskSizeOf(head));
}

/**
 * What `os.json` in an image says, whether or not its pieces are as it says, and also where the image has been cut off
 * behind it; `undefined` when there is none. Throws `RangeError` when it cannot be read.
 */
export async function listingIn(at: At, size: number): Promise<Listing | undefined> {
  const piece = (await partitionsIn(at, size)).find(({ label }) => label === PIECE_LABEL);
  if (!piece) return undefined;
  const here: At = (start, length) => at(piece.start + start, length);
  return (await isEmpty(here, piece.length))
    ? undefined
    : await listingOn(await volumeOf(here, piece.length));
}

/**
 * What `os.json` in a piece partition says, once all of the pieces are as it says; `undefined` when the partition is
 * empty, as in a base image. `at` reads the partition, which has `length` bytes. Throws `RangeError` for any other.
 */
export async function piecesIn(at: At, length: number): Promise<Listing | undefined> {
  if (await isEmpty(at, length)) return undefined;
  const volume = await volumeOf(at, length);
  const listing = await listingOn(volume);
  for (const { folder, size, sha256 } of listing.pieces) {
    const path = pagePath(folder);
    const html = await volume.file(path);
    if (html.length !== size) {
      throw new RangeError(`${path} has ${html.length} bytes, and os.json says ${size}`);
    }
    if ((await sha256OfAll(html.open())) !== sha256) {
      throw new RangeError(`${path} has not the SHA-256 in os.json`);
    }
  }
  return listing;
}

async function isEmpty(at: At, length: number): Promise<boolean> {
  return (await at(0, Math.min(4096, length))).every((byte) => byte === 0);
}

async function volumeOf(at: At, length: number): Promise<Volume> {
  return await read((start, count) => {
    if (start + count > length) throw new RangeError("the file system is larger than its partition");
    return at(start, count);
  });
}

async function listingOn(volume: Volume): Promise<Listing> {
  const json = await volume.file("os.json");
  if (json.length > OS_JSON_LIMIT) throw new RangeError(`os.json has ${json.length} bytes`);
  const text = new Uint8Array(json.length);
  let filled = 0;
  for await (const chunk of json.open()) {
    text.set(chunk, filled);
    filled += chunk.length;
  }
  return parseListing(new TextDecoder().decode(text));
}

/** Where the page of a piece lies on the partition, by its folder there. */
export function pagePath(folder: string): string {
  return folder === "" ? "piece.html" : `${PIECES}/${folder}/piece.html`;
}
