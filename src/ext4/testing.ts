import { execFileSync, spawnSync } from "node:child_process";
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
import type { Bytes, Content, Segment } from "./segment.ts";
import { filesystem, FilesystemError, type Entry, type FilesystemOptions } from "./filesystem.ts";
import type { Source } from "./reader.ts";

// For tests alone: images in files, and the tools that judge them. None of the judges is ours.

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
    for await (const part of partsOf(segments)) {
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

/** Bytes, and counts of zeros. Streams are read as a splicer does: once, forward. */
async function* partsOf(segments: Iterable<Segment>): AsyncGenerator<Bytes | number> {
  const open = new Map<object, { iterator: AsyncIterator<Bytes>; rest: Bytes }>();
  for (const segment of segments) {
    if (segment.kind === "zeros") yield segment.length;
    else if (segment.kind === "bytes") yield segment.bytes;
    else if (segment.kind === "content") {
      const { content, length } = segment;
      const iterator = content.open()[Symbol.asyncIterator]();
      const stream = open.get(content) ?? { iterator, rest: new Uint8Array(0) };
      open.set(content, stream);
      for (let left = length; left > 0;) {
        if (stream.rest.length === 0) {
          const next = await stream.iterator.next();
          if (next.done) throw new Error("a content ended early");
          stream.rest = next.value;
        }
        const some = stream.rest.subarray(0, left);
        stream.rest = stream.rest.subarray(some.length);
        left -= some.length;
        yield some;
      }
      if (segment.start + length === content.length) {
        const next = await stream.iterator.next();
        if (!next.done) throw new Error("a content has more than it promised");
      }
    }
  }
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

/** Bytes that differ everywhere, and from file to file. */
export function pattern(length: number, salt = 1): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = salt * 2_654_435_761; i < length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

const PACKAGES: Record<string, string> = {
  e2fsck: "e2fsprogs",
  debugfs: "e2fsprogs",
  dumpe2fs: "e2fsprogs",
  mke2fs: "e2fsprogs",
  resize2fs: "e2fsprogs",
  "7z": "p7zip-full",
  "grub-fstest": "grub-common",
  fuse2fs: "fuse2fs",
  getfattr: "attr",
  mount: "mount",
  losetup: "mount",
};

/** A tool's standard output. Throws with all it said when it fails, and with what to install when it is missing. */
export function run(tool: string, args: readonly string[], env: Record<string, string> = {}): string {
  const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const result = spawnSync(tool, args, {
    encoding: "latin1",
    maxBuffer: 512 * MIB,
    env: { ...process.env, PATH, LC_ALL: "C", TZ: "UTC", ...env },
  });
  if (result.error)
    throw new Error(`${tool} cannot be run: apt install ${PACKAGES[tool] ?? tool}`, { cause: result.error });
  if (result.status !== 0)
    throw new Error(`${tool} ${args.join(" ")}: ${result.status}\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}

/**
 * `e2fsck -fn` with no remark at all: its exit code alone is not enough. `now` is the time it takes it to be, for file
 * systems made in the future.
 */
export function check(path: string, now = TIME + 1000): void {
  const said = run("e2fsck", ["-fn", path], { E2FSCK_TIME: String(now) });
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
  return execFileSync("debugfs", ["-R", `cat "${file}"`, path], {
    maxBuffer: 512 * MIB,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
}

const ROOT = process.getuid?.() === 0;

const SKIP_MOUNTS = !ROOT && !process.env["CI"];
if (SKIP_MOUNTS)
  console.warn("NOT RUN: tests that mount file systems take root. With CI set they have to run.");

/** A test that mounts, which takes root. */
export const mountTest = test.skipIf(SKIP_MOUNTS);

/** Mount an image while `use` looks at it, and unmount. */
export async function mounted<T>(
  image: string,
  how: "ro" | "rw",
  use: (at: string) => T | Promise<T>,
): Promise<T> {
  const at = scratch("mount");
  mkdirSync(at);
  run("mount", ["-t", "ext4", "-o", `loop,${how}`, image, at]);
  try {
    return await use(at);
  } finally {
    run("umount", [at]);
  }
}

/** What `read` reads from. */
export function sourceOf(path: string): Source & { close(): void } {
  const file = openSync(path, "r");
  const source = (start: number, length: number) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, start));
  };
  return Object.assign(source, { close: () => closeSync(file) });
}
