import { createHash } from "node:crypto";
import type { Basis } from "../src/fetch/basis.ts";
import { fetchCopies } from "../src/fetch/copies.ts";
import { layoutOf } from "../src/image/contents.ts";
import type { Base } from "../src/image/image.ts";
import { type Input, readAt } from "./input.ts";

/** How much is hashed at a time, in bytes. */
const CHUNK = 4 * 1024 * 1024;

/**
 * The older base that an image in a file or on a disk was made of, and what of it is in `base` too: when that has been
 * published. `undefined` when it is no image, or one of this base, or one that has changed: then windows of it are of use
 * where they lie. An image is its base but for the piece partition, which is zeros there: so it is read once, to know its
 * base by the SHA-256. Throws the reason that `stop` is aborted with.
 */
export async function olderBase(
  file: string,
  input: Input,
  { manifest, sources }: Base,
  stop: AbortSignal,
): Promise<Basis | undefined> {
  const [server] = sources.servers;
  if (!server) return undefined; // the base is a file: nothing is fetched
  try {
    const found = await baseIn(file, input);
    if (found.sha256 === manifest.image.sha256) return undefined;
    const older = { ...found, ranges: [{ start: 0, length: found.size }] };
    const { url, size } = server;
    const copies = await fetchCopies({ url, size }, older, sources.retry, stop);
    if (copies.length === 0) return undefined;
    return { copies, read: (start, into) => readBase(file, input, found.piece, start, into) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined; // it is no image of ours, or cannot be read: seeds say so, or do without
  }
}

interface Run {
  readonly start: number;
  readonly length: number;
}

/** The base that an image was made of. Throws `RangeError` for what is none, or cannot be read. */
async function baseIn(file: string, input: Input): Promise<{ sha256: string; size: number; piece: Run }> {
  const at = (start: number, length: number) => readAt(file, input.handle, start, new Uint8Array(length));
  const { size, piece } = await layoutOf(at, input.size);
  const hash = createHash("sha256");
  const bytes = new Uint8Array(CHUNK);
  for (let start = 0; start < size; start += CHUNK) {
    const part = bytes.subarray(0, Math.min(CHUNK, size - start));
    await readAt(file, input.handle, start, part);
    clear(part, start, piece);
    hash.update(part);
  }
  return { sha256: hash.digest("hex"), size, piece };
}

/** Bytes of the base: those of the image, and zeros for its piece partition. */
async function readBase(
  file: string,
  { handle }: Input,
  piece: Run,
  start: number,
  into: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    clear(await readAt(file, handle, start, into), start, piece);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Make zeros of what in `bytes`, which begin at `start`, is of the piece partition. */
function clear(bytes: Uint8Array, start: number, piece: Run): void {
  bytes.fill(
    0,
    clamp(piece.start - start, bytes.length),
    clamp(piece.start + piece.length - start, bytes.length),
  );
}

function clamp(at: number, most: number): number {
  return Math.min(Math.max(at, 0), most);
}
