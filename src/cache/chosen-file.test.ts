import { describe, expect, test } from "vitest";
import { CancelledError, DiskFullError, SaveError } from "../errors.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { FIRST_CHECKPOINT, writeFile } from "./chosen-file.ts";

const CHUNK = 64 * 1024 * 1024;
const buffer = new Uint8Array(CHUNK); // what is in it does not matter

/**
 * A file as browsers have them: what is written lies elsewhere until the stream is closed. `full` is how many bytes
 * the disk takes.
 */
class FakeFile {
  /** What was done, in order. */
  readonly done: string[] = [];
  /** In place, in bytes. */
  size = 0;
  readonly #full: number;

  constructor(full = Infinity) {
    this.#full = full;
  }

  get handle(): FileSystemFileHandle {
    return {
      createWritable: ({ keepExistingData = false } = {}) =>
        Promise.resolve(this.#stream(keepExistingData ? this.size : 0)),
      getFile: () => Promise.resolve({ size: this.size }),
      remove: () => Promise.resolve(this.done.push("remove")),
    } as unknown as FileSystemFileHandle;
  }

  #stream(length: number) {
    let here = length;
    this.done.push(`open with ${length}`);
    const reach = (end: number) => {
      if (end > this.#full) return Promise.reject(new DOMException("no room", "QuotaExceededError"));
      here = Math.max(here, end);
      return Promise.resolve();
    };
    return {
      truncate: async (size: number) => {
        await reach(size);
        here = size;
      },
      write: async ({ position, data }: { position: number; data: Bytes }) => {
        await reach(position + data.length);
        this.done.push(`write ${data.length} at ${position}`);
      },
      close: () => {
        this.size = here;
        return Promise.resolve(this.done.push(`close with ${here}`));
      },
      abort: () => Promise.resolve(this.done.push("abort")),
    };
  }
}

/** `count` chunks, and then perhaps an error. */
async function* chunks(count: number, error?: Error): AsyncGenerator<Bytes> {
  for (let i = 0; i < count; i++) yield await Promise.resolve(buffer);
  if (error) throw error;
}

const options = { preserve: 0, pool: new BufferPool(0), isKept: () => false, onWritten: () => {} };
const opened = (file: FakeFile) => file.done.filter((what) => what.startsWith("open"));

describe("writeFile", () => {
  test("writes the partition table last", async () => {
    const file = new FakeFile();
    await writeFile(file.handle, 3 * CHUNK, chunks(3), options);
    expect(file.done).toEqual([
      "open with 0",
      `write ${CHUNK} at ${CHUNK}`,
      `write ${CHUNK} at ${2 * CHUNK}`,
      `write ${CHUNK} at 0`,
      `close with ${3 * CHUNK}`,
    ]);
  });

  test("puts in place what it has now and then, twice as much each time", async () => {
    const file = new FakeFile();
    const count = (5 * FIRST_CHECKPOINT) / CHUNK;
    await writeFile(file.handle, count * CHUNK, chunks(count), options);
    const sizes = [0, FIRST_CHECKPOINT, 2 * FIRST_CHECKPOINT, 4 * FIRST_CHECKPOINT];
    expect(opened(file)).toEqual(sizes.map((size) => `open with ${size}`));
  });

  test("does so only from when nobody else keeps it", async () => {
    const file = new FakeFile();
    const count = (5 * FIRST_CHECKPOINT) / CHUNK;
    let at = 0;
    const isKept = () => at < 3 * FIRST_CHECKPOINT;
    const onWritten = (bytes: number) => (at = bytes);
    await writeFile(file.handle, count * CHUNK, chunks(count), { ...options, isKept, onWritten });
    expect(opened(file)).toEqual([`open with 0`, `open with ${3 * FIRST_CHECKPOINT}`]);
  });

  test("leaves what there is when the chunks fail, for the next attempt", async () => {
    const file = new FakeFile();
    const error = new Error("no network");
    await expect(writeFile(file.handle, 9 * CHUNK, chunks(3, error), options)).rejects.toBe(error);
    expect(file.done.at(-1)).toBe(`close with ${3 * CHUNK}`);
    expect(file.done).not.toContain(`write ${CHUNK} at 0`);
  });

  test("does not replace what is still to be read", async () => {
    const file = new FakeFile();
    const error = new Error("no network");
    const writing = writeFile(file.handle, 9 * CHUNK, chunks(3, error), { ...options, preserve: 4 * CHUNK });
    await expect(writing).rejects.toBe(error);
    expect(file.done.at(-1)).toBe("abort");
  });

  test("leaves nothing when it is cancelled", async () => {
    const file = new FakeFile();
    const error = new CancelledError("The build was cancelled");
    await expect(writeFile(file.handle, 9 * CHUNK, chunks(3, error), options)).rejects.toBe(error);
    expect(file.done.slice(-2)).toEqual(["abort", "remove"]);
  });

  test("asks for all the room first", async () => {
    const file = new FakeFile(2 * CHUNK);
    const writing = writeFile(file.handle, 3 * CHUNK, chunks(3), options);
    await expect(writing).rejects.toThrow(DiskFullError);
    expect(file.done).toEqual(["open with 0", "abort"]);
  });

  test("refuses chunks that come to another size", async () => {
    for (const count of [2, 4]) {
      const file = new FakeFile();
      await expect(writeFile(file.handle, 3 * CHUNK, chunks(count), options)).rejects.toThrow(SaveError);
      expect(file.done).not.toContain(`write ${CHUNK} at 0`);
    }
  });
});
