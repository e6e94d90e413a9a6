import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import type { Bytes } from "../src/bytes/segment.ts";
import { SaveError } from "../src/errors.ts";
import { type Disk, lookAtDisk } from "./disk.ts";
import { openInput, readAt, type Input } from "./input.ts";
import { systemReason } from "./reason.ts";

/** A file or disk that is written in place. */
export interface Target extends Input {
  readonly file: string;
  /** When it is a disk. */
  readonly disk: Disk | undefined;
}

/** What is written at a time, in bytes. */
export const CHUNK = 4 * 1024 * 1024;

/** A disk's sector, in bytes: what reading past the cache is in units of. */
const SECTOR = 512;

/**
 * Open a file or a disk to be written in place. A disk that anything uses is refused, and as long as it is open here
 * nothing can mount it (O_EXCL). With `removableOnly` so is one that is not made to be pulled out, in words that say how
 * to go on. Throws `RangeError` with one sentence.
 */
export async function openTarget(
  file: string,
  { removableOnly }: { removableOnly: boolean },
): Promise<Target> {
  const { handle: looked, size } = await openInput(file, { disks: true });
  const before = await looked.stat();
  await looked.close();
  const disk = before.isBlockDevice() ? lookAtDisk(file, before.rdev) : undefined;
  if (disk) {
    const [use] = disk.uses;
    if (use !== undefined) throw new RangeError(`${file} is in use: ${use}. Unmount it first`);
    if (disk.isReadOnly) throw new RangeError(`${file} is write-protected`);
    if (disk.sectorSize !== SECTOR) {
      throw new RangeError(
        `${file} has sectors of ${disk.sectorSize} bytes, and images are made for ${SECTOR}`,
      );
    }
    if (removableOnly && !disk.isRemovable) {
      throw new RangeError(
        `${file} is not made to be pulled out, so it is hardly a stick; say --any-disk if it is the right one`,
      );
    }
  }
  const flags = constants.O_RDWR | constants.O_NONBLOCK | (disk ? constants.O_EXCL : 0);
  const handle = await open(file, flags).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    const isDenied = disk && (code === "EACCES" || code === "EPERM");
    throw new RangeError(
      `${file} cannot be written: ${systemReason(error)}${isDenied ? ". Disks are root's: try it with sudo" : ""}`,
      { cause: error },
    );
  });
  const now = await handle.stat();
  if (now.ino !== before.ino || now.dev !== before.dev || now.rdev !== before.rdev) {
    await handle.close();
    throw new RangeError(`${file} has just become another file or disk`);
  }
  return { file, handle, size, disk };
}

/** Write all of `bytes` at `start`. Throws `SaveError`. */
export async function writeAt({ file, handle }: Target, start: number, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await writing(file, handle.write(bytes, done, bytes.length - done, start + done))).bytesWritten;
  }
}

/** Resolves when all that was written has left this computer. Throws `SaveError`. */
export async function flush({ file, handle }: Target): Promise<void> {
  await writing(file, handle.sync());
}

/** Where something is written over what was there. */
export interface Place {
  /** In bytes, and whole sectors. */
  readonly start: number;
  readonly length: number;
  /** Without its first bytes, so many, nothing takes what is there for what it is to be. */
  readonly head: number;
}

/**
 * Write what `read` gives for `start, length` within a place, 4 MiB at a time. Its head is made zeros first, and written
 * last, when all else has reached the medium. Returns the SHA-256 of each 4 MiB. Throws `SaveError`, and what `read`
 * throws.
 */
export async function writeOver(
  target: Target,
  place: Place,
  read: (start: number, length: number) => Promise<Bytes>,
  onWritten: (bytes: number) => void,
): Promise<string[]> {
  const { start, length, head } = place;
  const first = await read(0, Math.min(CHUNK, length));
  await writeAt(target, start, new Uint8Array(head));
  await flush(target);
  const digests = [sha256(first)];
  for (let at = CHUNK; at < length; at += CHUNK) {
    const chunk = await read(at, Math.min(CHUNK, length - at));
    digests.push(sha256(chunk));
    await writeAt(target, start + at, chunk);
    await flush(target); // else the system takes a gigabyte in a moment, and progress says nothing
    onWritten(at + chunk.length);
  }
  await writeAt(target, start + head, first.subarray(head));
  await flush(target);
  await writeAt(target, start, first.subarray(0, head));
  await flush(target);
  onWritten(length);
  return digests;
}

/** What came of reading back what was written. */
export interface ReadBack {
  /** Of all of it, in hex. */
  readonly sha256: string;
  /** Whether it came from the medium, past the system's cache. */
  readonly isDirect: boolean;
}

/** Read back what `writeOver` has written. Throws `SaveError` where it is something else, or cannot be read. */
export async function readBack(
  target: Target,
  { start, length }: Place,
  digests: readonly string[],
  onRead: (bytes: number) => void,
): Promise<ReadBack> {
  const from = await openReader(target.file);
  const whole = createHash("sha256");
  try {
    for (const [index, digest] of digests.entries()) {
      const at = index * CHUNK;
      const chunk = await readWritten(from, start + at, Math.min(CHUNK, length - at));
      if (sha256(chunk) !== digest) {
        throw new SaveError(
          `${target.file} does not keep what is written to it: from byte ${start + at} on it gives back something else`,
        );
      }
      whole.update(chunk);
      onRead(at + chunk.length);
    }
    return { sha256: whole.digest("hex"), isDirect: from.isDirect };
  } finally {
    await from.handle.close();
  }
}

/** Reads a file or disk, past the system's cache where that can be. */
export interface Reader {
  readonly handle: FileHandle;
  readonly isDirect: boolean;
  /** Bytes `start, length`, in whole sectors, of which the next reading overwrites the memory. */
  read(start: number, length: number): Promise<Bytes>;
}

/**
 * Read back from the medium rather than from the system's cache (O_DIRECT). That takes memory on a sector's boundary,
 * and Node does not say where memory lies: where it begins is found by trying, since the system refuses all else. Where
 * no such reading can be had (other systems than Linux, some file systems), the reader is an ordinary one.
 */
export async function openReader(file: string): Promise<Reader> {
  const direct = constants.O_DIRECT as number | undefined;
  const memory = new Uint8Array(CHUNK + SECTOR);
  const handle = direct && (await open(file, constants.O_RDONLY | direct).catch(() => undefined)); // tmpfs and others refuse
  if (handle) {
    for (let offset = 0; offset < SECTOR; offset += 8) {
      // All of it: what lies within one page is taken wherever it begins (Linux 6.18).
      const fits = await handle.read(memory, offset, CHUNK, 0).catch(() => undefined);
      if (fits) return reader(file, handle, memory.subarray(offset, offset + CHUNK), true);
    }
    await handle.close();
  }
  const input = await openInput(file, { disks: true });
  return reader(file, input.handle, memory, false);
}

function reader(file: string, handle: FileHandle, memory: Bytes, isDirect: boolean): Reader {
  return {
    handle,
    isDirect,
    read: (start, length) => readAt(file, handle, start, memory.subarray(0, length)),
  };
}

/** What was written and cannot be read has not been written. */
async function readWritten(from: Reader, start: number, length: number): Promise<Bytes> {
  try {
    return await from.read(start, length);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SaveError(`What was written cannot be read back: ${why}`, { cause: error });
  }
}

async function writing<T>(file: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isGone = code === "ENODEV" || code === "ENXIO" || code === "ENOMEDIUM";
    const why = isGone ? "it does not answer; was it pulled out?" : systemReason(error);
    throw new SaveError(`${file} cannot be written: ${why}`, { cause: error });
  }
}

function sha256(bytes: Bytes): string {
  return createHash("sha256").update(bytes).digest("hex");
}
