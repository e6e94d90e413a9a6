import { closeSync, copyFileSync, openSync, readSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import type { Bytes } from "./segment.ts";
import { check, dump, imageOf, MIB, options, scratch } from "./testing.ts";

// npm's ext2fs is what Etcher runs, and by default Etcher writes only the blocks that it says are in use. So whatever
// it would leave out is overwritten with rubbish here, and the rest has to be right on its own.

/** What this test uses of ext2fs, which has no types. */
interface Ext2fs {
  withMountedDisk<T>(disk: Disk, offset: number, use: (fs: { promises: Promised }) => Promise<T>): Promise<T>;
}
interface Promised {
  readdir(path: string): Promise<string[]>;
  /** As UTF-8, whatever it is asked for. */
  readFile(path: string): Promise<string>;
  trim(): Promise<void>;
}
interface Disk {
  read(buffer: Bytes, bufferOffset: number, length: number, offset: number): Promise<{ bytesRead: number }>;
  write(
    buffer: Bytes,
    bufferOffset: number,
    length: number,
    offset: number,
  ): Promise<{ bytesWritten: number }>;
  discard(offset: number, length: number): Promise<void>;
  flush(): Promise<void>;
}

function load(): Ext2fs {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has no types of its own
    return createRequire(import.meta.url)("ext2fs") as Ext2fs;
  } catch (cause) {
    throw new Error("ext2fs cannot be loaded: npm install --save-dev ext2fs", { cause });
  }
}

/** Reads `from`, and puts rubbish into `to` where it is told that nothing is. */
function diskOf(from: number, to: number): Disk & { discarded: number } {
  const disk = {
    discarded: 0,
    async read(buffer: Bytes, bufferOffset: number, length: number, offset: number) {
      return { bytesRead: readSync(from, buffer, bufferOffset, length, offset) };
    },
    async write(_: Bytes, _bufferOffset: number, length: number) {
      return { bytesWritten: length };
    },
    async discard(offset: number, length: number) {
      disk.discarded += length;
      writeSync(to, new Uint8Array(length).fill(0xa5), 0, length, offset);
    },
    async flush() {},
  };
  return disk;
}

const entries = [
  { path: "piece.html", content: pattern(3_000_000) },
  { path: "a/b/c", content: pattern(100), xattrs: { "user.large": pattern(600) } },
  ...Array.from({ length: 2000 }, (_, i) => ({ path: `many/n${i}`, content: pattern(i % 5, i) })),
];

test.each([
  { size: 20 * MIB, blockSize: 1024 },
  { size: 20 * MIB + 1024, blockSize: 1024 },
  { size: 33 * MIB, blockSize: 2048 },
  { size: 600 * MIB, blockSize: 4096 },
] as const)(
  "is right on a stick that Etcher wrote: $size bytes in blocks of $blockSize",
  async ({ size, blockSize }) => {
    const image = await imageOf(entries, options(size, { blockSize }));
    const stick = scratch("stick");
    copyFileSync(image, stick);
    const [from, to] = [openSync(image, "r"), openSync(stick, "r+")];
    try {
      const disk = diskOf(from, to);
      await load().withMountedDisk(disk, 0, async ({ promises }) => {
        expect((await promises.readdir("/many")).length).toBe(2000);
        for (const { path, content } of entries.slice(0, 20)) {
          expect(await promises.readFile(`/${path}`)).toBe(Buffer.from(content).toString());
        }
        await promises.trim();
      });
      expect(disk.discarded).toBeGreaterThan(size / 2);
    } finally {
      closeSync(from);
      closeSync(to);
    }
    check(stick);
    for (const { path, content } of entries.slice(0, 20))
      expect(dump(stick, `/${path}`).equals(content)).toBe(true);
  },
);
