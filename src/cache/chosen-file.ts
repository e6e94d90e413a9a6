import { CancelledError, DiskFullError, SaveError } from "../errors.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { lengthOfWindow, type Windows } from "../release/windows.ts";
import type { Seed } from "../fetch/seed.ts";

/** After so many bytes, and after twice as many each time, what is written is made to last. */
export const FIRST_CHECKPOINT = 256 * 1024 * 1024;

/** How a file is written. */
interface Writing {
  /** So many bytes at its front are read meanwhile by `fileSeed`, and not replaced before all of them have been. */
  readonly sparing: number;
  /** Takes the buffers of chunks that have been written. */
  readonly pool: BufferPool;
  /** Whether all that has been written could be had again without this file and without fetching it. */
  readonly isKept: () => boolean;
  /** Hears how many bytes have been written so far. */
  readonly written: (bytes: number) => void;
}

/** What is in a file that the person chose. Throws `SaveError`. */
export async function contentOf(handle: FileSystemFileHandle): Promise<File> {
  return await writing(handle.getFile());
}

/**
 * What a file that was written to before may still have: windows at their own places. Only a snapshot: when the
 * file changes on disk, its windows are gone.
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
        return undefined; // moved away or changed meanwhile: it has to be fetched
      }
    },
  };
}

/**
 * Write an image of `size` bytes, which comes in `chunks`, to the file that the person chose.
 *
 * The first chunk holds the partition table, and is written last: until then what is on disk is no disk image to
 * any flasher, under whatever name. The browser collects what is written in a file of its own and puts it in place
 * when that is closed, so, unless all of it is kept elsewhere too, it is closed and opened again now and then, less
 * and less often (each time copies all): an interruption costs at most half of the work, which `fileSeed` finds again.
 *
 * When `chunks` fails, what has been written stays for the next attempt, unless the person does not want one. Throws
 * `DiskFullError`, `SaveError`, and what `chunks` throws.
 */
export async function writeFile(
  handle: FileSystemFileHandle,
  size: number,
  chunks: AsyncIterable<Bytes>,
  { sparing, pool, isKept, written }: Writing,
): Promise<void> {
  let file = await writing(handle.createWritable());
  let at = 0;
  let head: Bytes | undefined;
  let checkpoint = Math.max(FIRST_CHECKPOINT, sparing);
  try {
    // Where files cannot have holes (NTFS, FAT), a disk without the room says so now.
    await writing(file.truncate(size));
    await writing(file.truncate(0));
    for await (const chunk of chunks) {
      if (head) {
        await writing(file.write({ type: "write", position: at, data: chunk }));
        pool.release(chunk.buffer);
      } else head = chunk;
      at += chunk.length;
      written(at);
      if (at < checkpoint || at >= size || isKept()) continue;
      await writing(file.close());
      file = await writing(handle.createWritable({ keepExistingData: true }));
      checkpoint = 2 * at;
    }
    if (!head || at !== size) throw new SaveError(`The file came to ${at} of ${size} bytes`);
    await writing(file.write({ type: "write", position: 0, data: head }));
    await writing(file.close());
  } catch (error) {
    const unwanted = error instanceof CancelledError;
    await (unwanted || at <= sparing ? file.abort() : file.close()).catch(() => {}); // closed already, or broken
    if (unwanted && sparing === 0) await (handle as Removable).remove?.().catch(() => {}); // it was made for us
    throw error;
  }
  const { size: found } = await contentOf(handle);
  if (found !== size) throw new SaveError(`The file has ${found} of ${size} bytes`);
}

/** With what Chromium adds to the standard. */
interface Removable {
  remove?(): Promise<void>;
}

async function writing<T>(step: Promise<T>): Promise<T> {
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
