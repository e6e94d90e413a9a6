import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { type Copy, formatCopies, MOST_COPIES, usefulCopies } from "../../src/release/copies.ts";

/**
 * Where the contents of a file are cut, in bytes: at places that the contents decide, so that a part that has moved is
 * cut as it was. Smaller on average finds more and takes longer; what lies between two cuts that do not match is found by
 * comparing bytes.
 */
const AVERAGE = 64 * 1024;
const LEAST = AVERAGE / 4;
const MOST = AVERAGE * 4;

/** How much is read at a time. */
const READ = 4 * 1024 * 1024;
/** How much is compared at a time at the edges of what is the same. */
const COMPARED = 64 * 1024;

/** A random number for each byte, always the same (splitmix32): the gear of a rolling hash of the last 32 bytes. */
const GEAR = Uint32Array.from({ length: 256 }, (_, i) => {
  let z = Math.imul(i + 1, 0x9e3779b9);
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
});
const MASK = (AVERAGE - 1) << 16; // the upper bits of the hash depend on the most bytes

interface Chunk {
  readonly start: number;
  readonly length: number;
  readonly hash: string;
}

/**
 * The list of copies for whoever has the image in the file `older` and wants the one in `newer`, packed as it is
 * published, and how many bytes of the newer image it leaves to be fetched. Both files are read about twice.
 */
export async function copyList(older: string, newer: string): Promise<{ packed: Buffer; left: number }> {
  await using from = await File.open(older);
  await using to = await File.open(newer);
  const copies = await copiesBetween(from, to);
  const list = formatCopies(copies, { size: to.size, olderSize: from.size });
  const left = to.size - copies.reduce((sum, { length }) => sum + length, 0);
  return { packed: gzipSync(list, { level: 9 }), left };
}

/** What of `newer` is in `older`, from the front: each part as long as it can be. */
async function copiesBetween(older: File, newer: File): Promise<Copy[]> {
  const places = new Map<string, number>();
  for await (const { hash, start } of chunksOf(older)) if (!places.has(hash)) places.set(hash, start);
  const copies: Copy[] = [];
  let end = 0; // of the last copy
  for await (const chunk of chunksOf(newer)) {
    if (chunk.start + chunk.length <= end) continue;
    const place = places.get(chunk.hash);
    if (place === undefined) continue;
    // The last copy may have gone past the start of this chunk, and has not been the same any longer.
    const skip = Math.max(0, end - chunk.start);
    const back = skip > 0 ? 0 : await sameBefore(newer, chunk.start, older, place, chunk.start - end);
    const start = chunk.start + skip - back;
    const from = place + skip - back;
    const length = await sameFrom(newer, start, older, from);
    if (length === 0) continue; // two chunks with one hash
    copies.push({ start, from, length });
    end = start + length;
  }
  return usefulCopies(copies).slice(0, MOST_COPIES);
}

/** A file cut by its contents. */
async function* chunksOf(file: File): AsyncGenerator<Chunk> {
  const chunk = { hash: 0, length: 0 };
  let start = 0;
  let sha = createHash("sha256");
  for (let at = 0; at < file.size; at += READ) {
    const bytes = await file.read(at, Math.min(READ, file.size - at));
    for (let taken = 0; taken < bytes.length;) {
      const end = cutIn(bytes, taken, chunk);
      sha.update(bytes.subarray(taken, end));
      taken = end;
      const isLast = at + taken === file.size;
      if (!isLast && !isCut(chunk)) continue;
      yield { start, length: chunk.length, hash: sha.digest("base64") };
      start += chunk.length;
      chunk.hash = chunk.length = 0;
      sha = createHash("sha256");
    }
  }
}

/** What has been read of a chunk: its length, and the hash of its last 32 bytes. */
interface Rolling {
  hash: number;
  length: number;
}

function isCut({ hash, length }: Rolling): boolean {
  return length >= MOST || (length >= LEAST && (hash & MASK) === 0);
}

/** Read on in `bytes` from `at`, up to where the chunk is cut, or all. Returns up to where. (A loop of its own is faster.) */
function cutIn(bytes: Uint8Array, at: number, chunk: Rolling): number {
  let { hash, length } = chunk;
  for (let i = at; i < bytes.length;) {
    hash = ((hash << 1) + GEAR[bytes[i++]!]!) | 0;
    if (++length < LEAST || ((hash & MASK) !== 0 && length < MOST)) continue;
    chunk.hash = hash;
    chunk.length = length;
    return i;
  }
  chunk.hash = hash;
  chunk.length = length;
  return bytes.length;
}

/** How many bytes are the same in both from these places on. */
async function sameFrom(one: File, at: number, other: File, there: number): Promise<number> {
  const most = Math.min(one.size - at, other.size - there);
  for (let same = 0; same < most;) {
    const length = Math.min(COMPARED, most - same);
    const [a, b] = [await one.read(at + same, length), await other.read(there + same, length)];
    if (!a.equals(b)) return same + a.findIndex((byte, i) => byte !== b[i]);
    same += length;
  }
  return most;
}

/** How many of the `most` bytes before these places are the same in both. */
async function sameBefore(one: File, at: number, other: File, there: number, most: number): Promise<number> {
  const limit = Math.min(most, at, there);
  for (let same = 0; same < limit;) {
    const length = Math.min(COMPARED, limit - same);
    const a = await one.read(at - same - length, length);
    const b = await other.read(there - same - length, length);
    if (!a.equals(b)) {
      return same + length - 1 - a.findLastIndex((byte, i) => byte !== b[i]);
    }
    same += length;
  }
  return limit;
}

/** A file that is read at any place. */
class File implements AsyncDisposable {
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async open(path: string): Promise<File> {
    const handle = await open(path);
    return new File(handle, (await handle.stat()).size);
  }

  async read(start: number, length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, start);
    if (bytesRead !== length) throw new Error(`the file ends before byte ${start + length}`);
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
