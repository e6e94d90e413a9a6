import { CancelledError, DiskFullError, ImageFileError, SaveError } from "../errors.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes, Patch } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";
import { lengthOfWindow, type Windows } from "../release/windows.ts";
import type { Seed } from "../fetch/seed.ts";

/** In bytes: what is written is put in place here, and then at each doubling. */
export const FIRST_CHECKPOINT = 256 * 1024 * 1024;

/** How a file is written. */
interface WriteOptions {
  /**
   * Length of the unfinished file, in bytes. `fileSeed` reads it while it is written anew, so it is not closed, which
   * would replace it, before that length has been written.
   */
  readonly preserve: number;
  /** Takes the buffers of chunks that have been written. */
  readonly pool: BufferPool;
  /** Whether OPFS has all of it too, so that no checkpoint is needed. */
  readonly isKept: () => boolean;
  /** Called with how many bytes have been written so far. */
  readonly onWritten: (bytes: number) => void;
}

/** The content of a file that the person chose. Throws `SaveError`. */
export async function contentOf(handle: FileSystemFileHandle): Promise<File> {
  return await fileStep(handle.getFile());
}

/**
 * The windows that an unfinished file may have, each at its own place. `file` is a snapshot: when the file changes on
 * disk, reading it fails, and its windows have to be fetched.
 */
export function fileSeed(file: File, windows: Windows): Seed {
  const range = (index: number) => {
    const start = index * windows.window;
    return { start, length: lengthOfWindow(windows, index) };
  };
  return {
    has(index) {
      const { start, length } = range(index);
      return start + length <= file.size;
    },
    async read(index, pool) {
      const { start, length } = range(index);
      try {
        const bytes = pool.acquire(length);
        bytes.set(new Uint8Array(await file.slice(start, start + length).arrayBuffer()));
        return bytes;
      } catch {
        return undefined; // moved or changed meanwhile
      }
    },
  };
}

/**
 * Write an image of `size` bytes, which comes in `chunks`, to the file that the person chose.
 *
 * The first chunk holds the partition table, and is written last: until then no flasher takes the file for a disk
 * image. The browser collects what is written in a file of its own and puts it in place when that is closed. So,
 * unless all of it is kept elsewhere too, the file is closed and opened again at each doubling (each time the browser
 * copies all of it): an interruption costs at most half of the work, and `fileSeed` finds the rest again.
 *
 * When `chunks` fails, what has been written stays for the next attempt, unless the person has cancelled. Throws
 * `DiskFullError`, `SaveError`, and what `chunks` throws.
 */
export async function writeFile(
  handle: FileSystemFileHandle,
  size: number,
  chunks: AsyncIterable<Bytes>,
  { preserve, pool, isKept, onWritten }: WriteOptions,
): Promise<void> {
  let file = await fileStep(handle.createWritable());
  let at = 0;
  let head: Bytes | undefined;
  let checkpoint = Math.max(FIRST_CHECKPOINT, preserve);
  try {
    // Where files cannot have holes (NTFS, FAT), a disk without the room says so now.
    await fileStep(file.truncate(size));
    await fileStep(file.truncate(0));
    for await (const chunk of chunks) {
      if (head) {
        await fileStep(file.write({ type: "write", position: at, data: chunk }));
        pool.release(chunk.buffer);
      } else head = chunk;
      at += chunk.length;
      onWritten(at);
      if (at < checkpoint || at >= size || isKept()) continue;
      await fileStep(file.close());
      file = await fileStep(handle.createWritable({ keepExistingData: true }));
      checkpoint = 2 * at;
    }
    if (!head || at !== size) throw new SaveError(`The file came to ${at} of ${size} bytes`);
    await fileStep(file.write({ type: "write", position: 0, data: head }));
    await fileStep(file.close());
  } catch (error) {
    const unwanted = error instanceof CancelledError;
    await (unwanted || at <= preserve ? file.abort() : file.close()).catch(() => {}); // closed already, or broken
    if (unwanted && preserve === 0) await (handle as Removable).remove?.().catch(() => {}); // we made it
    throw error;
  }
  const { size: found } = await contentOf(handle);
  if (found !== size) throw new SaveError(`The file has ${found} of ${size} bytes`);
}

/** How a file is changed where it is. */
interface PatchOptions {
  /** As it was when it was decided what is to be written. */
  readonly before: File;
  /** Called with how many bytes have been written so far, at first when the browser has made its copy. */
  readonly onWritten: (bytes: number) => void;
  /** Called when all has been written, and the browser puts its copy in place. */
  readonly onFinishing: () => void;
  readonly stop: AbortSignal;
}

/**
 * Change parts of a file that the person chose, and read them back. Returns the file as it is then.
 *
 * The browser writes into a copy, which it makes when the file is opened for writing and puts in the place of the file when
 * that is closed: so whatever ends this before, the file is as it was, and there has to be room for it twice. Nobody else
 * writes meanwhile from a page (`mode: "exclusive"`), and a file that another program has changed is left alone. Throws
 * `DiskFullError`, `SaveError`, `ImageFileError`, the reason that `stop` is aborted with, and what `patches` throws.
 */
export async function patchFile(
  handle: FileSystemFileHandle,
  patches: AsyncIterable<Patch>,
  { before, onWritten, onFinishing, stop }: PatchOptions,
): Promise<File> {
  const options = { keepExistingData: true, mode: "exclusive" }; // the mode is Chromium's, and others pass over it
  const file = await fileStep(handle.createWritable(options));
  const written: { start: number; length: number; sha256: string }[] = [];
  let bytesWritten = 0;
  try {
    stop.throwIfAborted();
    if (!isSame(await contentOf(handle), before)) throw changed(before);
    onWritten(0);
    for await (const { start, bytes } of patches) {
      stop.throwIfAborted();
      written.push({ start, length: bytes.length, sha256: await sha256(bytes) });
      await fileStep(file.write({ type: "write", position: start, data: bytes }));
      onWritten((bytesWritten += bytes.length));
    }
    stop.throwIfAborted();
    onFinishing();
  } catch (error) {
    await file.abort().catch(() => {}); // broken: then nothing of it is left either
    throw error;
  }
  await fileStep(file.close());
  const now = await contentOf(handle);
  for (const { start, length, sha256: wanted } of written) {
    if ((await sha256(await openedFile(now, handle).at(start, length))) === wanted) continue;
    throw new SaveError(`What was written to ${before.name} is not what is read there, at byte ${start}`);
  }
  return now;
}

/** A file that is read here and there. */
export interface OpenedFile {
  readonly size: number;
  /** Bytes `start, length`. Throws `ImageFileError`. */
  at(start: number, length: number): Promise<Bytes>;
  /** Its windows, each at its own place; none where the disk cannot read it. Throws `ImageFileError` when it has changed. */
  seed(windows: Windows): Seed;
}

/** A file that the person opened; `handle` when there is one. */
export function openedFile(file: File, handle?: FileSystemFileHandle): OpenedFile {
  return {
    size: file.size,
    async at(start, length) {
      try {
        const bytes = new Uint8Array(await file.slice(start, start + length).arrayBuffer());
        if (bytes.length === length) return bytes;
      } catch (error) {
        await checkUnchanged(file, handle);
        throw new ImageFileError(`${file.name} cannot be read at byte ${start}: its disk may be failing`, {
          cause: error,
        });
      }
      throw new ImageFileError(`${file.name} ends before byte ${start + length}`);
    },
    seed(windows) {
      const inner = fileSeed(file, windows);
      return {
        has: (index) => inner.has(index),
        async read(index, pool) {
          const bytes = await inner.read(index, pool);
          if (!bytes) await checkUnchanged(file, handle);
          return bytes;
        },
      };
    },
  };
}

/** Throws `ImageFileError` when reading fails since a file is another now, or gone, and not since its disk fails. */
async function checkUnchanged(file: File, handle: FileSystemFileHandle | undefined): Promise<void> {
  if (handle) {
    const now = await handle.getFile().catch((error: unknown) => {
      throw changed(file, error);
    });
    if (!isSame(now, file)) throw changed(file);
    return;
  }
  // Without a handle a file that has changed cannot be read at all.
  await file
    .slice(0, 1)
    .arrayBuffer()
    .catch((error: unknown) => {
      throw changed(file, error);
    });
}

function isSame(one: File, other: File): boolean {
  return one.size === other.size && one.lastModified === other.lastModified;
}

function changed({ name }: File, cause?: unknown): ImageFileError {
  return new ImageFileError(
    `${name} was changed, moved or removed by another program while it was open here: open it again`,
    { cause },
  );
}

/** With what Chromium adds to the standard. */
interface Removable {
  remove?(): Promise<void>;
}

/** The result of `step`; its failures as `DiskFullError` or `SaveError`. */
async function fileStep<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    if (name === "QuotaExceededError" || /space|quota/i.test(message)) {
      throw new DiskFullError("There is not enough room where the file is to go", { cause: error });
    }
    if (name === "NoModificationAllowedError") {
      throw new SaveError("Another page or tab is writing to this file", { cause: error });
    }
    throw new SaveError(`The file could not be written: ${message.replace(/[.\s]*$/, "")}`, { cause: error });
  }
}
