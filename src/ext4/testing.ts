import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run, runForBytes, runWith } from "../testing/tools.ts";
import { chunksOrHoles } from "./chunks.ts";
import type { Bytes, Content, Segment } from "./segment.ts";
import { filesystem, FilesystemError, type Entry, type FilesystemOptions } from "./filesystem.ts";
import type { Source } from "./reader.ts";

// For tests alone: images in files, and the tools that check them, none of which is ours.

export const MIB = 1024 * 1024;
export const UUID = "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71";
export const TIME = 1_750_000_000;

/** Sweeps that take many minutes run with EXT4_SWEEP=1. */
export const SWEEP = process.env["EXT4_SWEEP"] === "1";

const directory = mkdtempSync(join(tmpdir(), "ext4-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;

export function options(size: number, more: Partial<FilesystemOptions> = {}): FilesystemOptions {
  return { size, uuid: UUID, time: TIME, ...more };
}

/** A path for a new file, gone after the test file. */
export function scratch(name = "image"): string {
  return join(directory, `${files++}-${name}`);
}

const ZEROS = new Uint8Array(MIB);

/** A content of zeros, which costs no room on the disk: `write` knows it. */
export function zerosOf(length: number): Content {
  return {
    length,
    async *open(): AsyncGenerator<Bytes> {
      for (let left = length; left > 0; left -= MIB) yield ZEROS.subarray(0, Math.min(left, MIB));
    },
  };
}

/** Segments in a file, zeros as holes; its path. */
export async function write(segments: Iterable<Segment>, path = scratch()): Promise<string> {
  const file = openSync(path, "w");
  try {
    let at = 0;
    for await (const part of chunksOrHoles(segments)) {
      if (typeof part !== "number" && part.buffer !== ZEROS.buffer) writeSync(file, part, 0, part.length, at);
      at += typeof part === "number" ? part : part.length;
    }
    ftruncateSync(file, at);
  } finally {
    closeSync(file);
  }
  return path;
}

/** An image of the entries; its path. */
export function imageOf(entries: Iterable<Entry>, opts: FilesystemOptions): Promise<string> {
  return write(filesystem(entries, opts));
}

/** All bytes of segments without streams. */
export function bytesOf(segments: Iterable<Segment>, size: number): Bytes {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const segment of segments) {
    if (segment.kind === "bytes") bytes.set(segment.bytes, at);
    else if (segment.kind !== "zeros") throw new Error("a stream");
    at += segment.kind === "bytes" ? segment.bytes.length : segment.length;
  }
  expect(at).toBe(size);
  return bytes;
}

/** The `FilesystemError` that is thrown. */
export function errorOf(act: () => unknown): FilesystemError {
  try {
    act();
  } catch (error) {
    if (error instanceof FilesystemError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/**
 * `e2fsck -fn` with no remark at all: its exit code alone is not enough. `now` is the time it takes it to be, for file
 * systems made in the future.
 */
export function check(path: string, now = TIME + 1000): void {
  const said = runWith({ env: { E2FSCK_TIME: String(now) } }, "e2fsck", "-fn", path);
  const remarks = said
    .split("\n")
    .filter(
      (line) =>
        !/^(Pass [1-5]: .*|.*: \d+\/\d+ files \(\d+\.\d% non-contiguous\), \d+\/\d+ blocks|)$/.test(line),
    );
  if (remarks.length > 0) throw new Error(`e2fsck remarks on ${path}:\n${remarks.join("\n")}`);
}

/** The bytes of a file, as debugfs reads them. */
export function dump(path: string, file: string): Buffer {
  return runForBytes("debugfs", "-R", `cat "${file}"`, path);
}

const ROOT = process.getuid?.() === 0;

const SKIP_MOUNTS = !ROOT && !process.env["CI"];
if (SKIP_MOUNTS)
  console.warn("NOT RUN: tests that mount file systems take root. With CI set they have to run.");

/** A test that mounts file systems: without root it is skipped, except in CI. */
export const mountTest = test.skipIf(SKIP_MOUNTS);

/** Mount an image while `use` looks at it, and unmount. */
export async function mounted<T>(
  image: string,
  how: "ro" | "rw",
  use: (at: string) => T | Promise<T>,
): Promise<T> {
  const at = scratch("mount");
  mkdirSync(at);
  run("mount", "-t", "ext4", "-o", `loop,${how}`, image, at);
  try {
    return await use(at);
  } finally {
    run("umount", at);
  }
}

/** A file as what `read` reads from. */
export function sourceOf(path: string): Source & { close(): void } {
  const file = openSync(path, "r");
  const source = (start: number, length: number) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, start));
  };
  return Object.assign(source, { close: () => closeSync(file) });
}
