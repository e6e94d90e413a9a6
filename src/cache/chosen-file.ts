import { CancelledError, DiskFullError, SaveError } from "../errors.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
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
    throw new SaveError(`The file could not be written: ${message.replace(/[.\s]*$/, "")}`, { cause: error });
  }
}
