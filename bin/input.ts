import { constants, readFileSync, type Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import type { Bytes } from "../src/bytes/segment.ts";
import { systemReason } from "./reason.ts";

/** A file or disk that is open for reading. */
export interface Input {
  readonly handle: FileHandle;
  /** In bytes. */
  readonly size: number;
}

/**
 * Open what an argument names: a file, or with `disks` also a block device. Anything else is refused: a pipe would have to
 * be waited for, and /dev/zero never ends. Throws `RangeError` with one sentence.
 */
export async function openInput(file: string, { disks = false } = {}): Promise<Input> {
  const kind = kindOf(await reading(file, stat(file)));
  if (kind !== "file" && !(disks && kind === "disk"))
    throw new RangeError(`${file} is not a file: it is ${kind}`);
  // What lies there may be another by now: with O_NONBLOCK opening a pipe does not wait for its writer.
  const handle = await reading(file, open(file, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const stats = await handle.stat();
    const now = kindOf(stats);
    if (now !== kind) throw new RangeError(`${file} is not a file: it is ${now}`);
    return { handle, size: now === "file" ? stats.size : sizeOfDisk(file, stats) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** All of a file of at most `limit` bytes. Throws `RangeError` with one sentence. */
export async function readInput(file: string, limit: number): Promise<Bytes> {
  const { handle, size } = await openInput(file);
  try {
    if (size > limit)
      throw new RangeError(`${file} has ${size} bytes, and ${limit} are the most that are taken`);
    return await readAt(file, handle, 0, new Uint8Array(size));
  } finally {
    await handle.close();
  }
}

/** Fill `bytes` with what is there from `start` on. Throws `RangeError` when that cannot be read, or ends before. */
export async function readAt(file: string, handle: FileHandle, start: number, bytes: Bytes): Promise<Bytes> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await reading(file, handle.read(bytes, done, bytes.length - done, start + done));
    if (bytesRead === 0) throw new RangeError(`${file} cannot be read: it ends before byte ${start + done}`);
    done += bytesRead;
  }
  return bytes;
}

async function reading<T>(file: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new RangeError(`${file} cannot be read: ${systemReason(error)}`, { cause: error });
  }
}

function kindOf(stats: Stats): string {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return stats.isBlockDevice() ? "disk" : "a device without an end";
}

/** `stat` says 0 for disks, and seeking to the end is not in Node; Linux has the size in sectors of 512 bytes here. */
function sizeOfDisk(file: string, { rdev }: Stats): number {
  const major = ((rdev >>> 8) & 0xfff) | (Math.floor(rdev / 2 ** 32) & ~0xfff);
  const minor = (rdev & 0xff) | ((rdev >>> 12) & ~0xff);
  try {
    return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, "utf8")) * 512;
  } catch (error) {
    throw new RangeError(`${file} is a disk, and how large it is cannot be seen here`, { cause: error });
  }
}
