import {
  accessSync,
  constants,
  fchmodSync,
  fsync,
  ftruncate,
  closeSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  write,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { SaveError } from "../src/errors.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { systemReason } from "./reason.ts";

/** The longest name of a file, in bytes (`NAME_MAX`). */
const LONGEST_NAME = 255;
/** Symbolic links that may lead on to each other, as in Linux. */
const MOST_LINKS = 40;
/** What file systems can leave out of a file, in bytes. */
const HOLE = 4096;
const ZEROS = Buffer.alloc(HOLE);

// Paths are bytes, and here strings with a character for each byte (Latin-1): what is not UTF-8 stays as it is.
const bytesOf = (file: string) => Buffer.from(file, "latin1");

/** Files that are not whole. However the program ends, short of SIGKILL, they are removed. */
const parts = new Set<string>();
process.on("exit", () => {
  for (const part of parts) rmSync(bytesOf(part), { force: true });
});

/**
 * Write `chunks` to `file`, which appears whole or not at all: until the last byte it is called `<file>.<process>.part`.
 * A number stands for so many zeros; zeros become holes, also those in chunks. A symbolic link is followed, and a file
 * that is there is replaced and keeps its mode; other hard links to it keep what it had. Throws `SaveError` when the
 * disk will not take it or `file` is there and is not a file that may be written, and passes on what `chunks` throws.
 */
export async function writeWhole(file: string, chunks: AsyncIterable<Bytes | number>): Promise<void> {
  const saving = async <T>(step: () => T | Promise<T>): Promise<T> => {
    try {
      return await step();
    } catch (error) {
      throw new SaveError(`${file} cannot be written: ${systemReason(error)}`, { cause: error });
    }
  };
  const target = await saving(() => targetOf(Buffer.from(file).toString("latin1")));
  const there = await saving(() => statSync(bytesOf(target), { throwIfNoEntry: false }));
  if (there && !there.isFile()) {
    throw new SaveError(
      `${file} is there, and is not a file: write to one, and an image from there to a stick`,
    );
  }
  if (there) await saving(() => accessSync(bytesOf(target), constants.W_OK)); // renaming would not ask
  const part = partOf(target);
  let descriptor: number | undefined;
  try {
    parts.add(part);
    // Opened and in the list in one go: a signal that comes in between would leave the file.
    const opened = (descriptor = await saving(() => openSync(bytesOf(part), "wx")));
    if (there) await saving(() => fchmodSync(opened, there.mode & 0o777));
    let at = 0;
    for await (const chunk of chunks) {
      if (typeof chunk !== "number") await saving(() => writeSparsely(opened, chunk, at));
      at += typeof chunk === "number" ? chunk : chunk.length;
    }
    await saving(() => promisify(ftruncate)(opened, at));
    await saving(() => promisify(fsync)(opened));
    descriptor = undefined;
    await saving(() => closeSync(opened));
    await saving(() => renameSync(bytesOf(part), bytesOf(target)));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(bytesOf(part), { force: true }); // gone by that name when all went well
    parts.delete(part);
  }
}

/** Write all of `chunk` but the zeros to a new file, where there is nothing yet. */
async function writeSparsely(descriptor: number, chunk: Bytes, at: number): Promise<void> {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  const nextOf = (start: number) => Math.min(chunk.length, start + HOLE - ((at + start) % HOLE));
  const isZero = (start: number) =>
    bytes.compare(ZEROS, 0, nextOf(start) - start, start, nextOf(start)) === 0;
  for (let start = 0; start < chunk.length;) {
    const zero = isZero(start);
    let end = nextOf(start);
    while (end < chunk.length && isZero(end) === zero) end = nextOf(end);
    for (let done = zero ? end : start; done < end;) {
      done += (await promisify(write)(descriptor, chunk, done, end - done, at + done)).bytesWritten;
    }
    start = end;
  }
}

/** Where a path leads by its last name's symbolic links. Nothing needs to be there. */
function targetOf(file: string): string {
  let target = file;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const next = linkAt(target);
    if (next === undefined) return target;
    target = next.startsWith("/") ? next : `${path.dirname(target)}/${next}`;
  }
  throw Object.assign(new Error("too many symbolic links"), { code: "ELOOP" });
}

function linkAt(file: string): string | undefined {
  try {
    return readlinkSync(bytesOf(file), { encoding: "buffer" }).toString("latin1");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EINVAL" || code === "ENOENT" || code === "UNKNOWN") return undefined; // no link, or nothing there
    throw error;
  }
}

/** The name of a file that is not whole, beside the one that it will be. */
function partOf(target: string): string {
  const suffix = `.${process.pid}.part`;
  const name = path.basename(target).slice(0, LONGEST_NAME - suffix.length);
  return path.join(path.dirname(target), `${name}${suffix}`);
}
