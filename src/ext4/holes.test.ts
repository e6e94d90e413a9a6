import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run } from "../testing/tools.ts";
import { plan, filesystem, type Entry } from "./filesystem.ts";
import { read } from "./reader.ts";
import type { ByteRange, Bytes, Content } from "./segment.ts";
import {
  check,
  dump,
  errorOf,
  imageOf,
  MIB,
  mounted,
  mountTest,
  options,
  scratch,
  sourceOf,
  write,
} from "./testing.ts";

const ZEROS = new Uint8Array(MIB);

/** A content of so many bytes, of which these ranges are not zero. */
function sparse(length: number, ...data: [number, number][]): Content & { bytes(): Buffer } {
  const ranges: ByteRange[] = data.map(([start, size]) => ({ start, length: size }));
  async function* open(): AsyncGenerator<Bytes> {
    let at = 0;
    const zerosTo = function* (end: number) {
      for (; at < end; at += Math.min(MIB, end - at)) yield ZEROS.subarray(0, Math.min(MIB, end - at));
    };
    for (const { start, length: size } of ranges) {
      yield* zerosTo(start);
      yield pattern(size, start + 1);
      at += size;
    }
    yield* zerosTo(length);
  }
  const bytes = () => {
    const all = Buffer.alloc(length);
    for (const { start, length: size } of ranges) all.set(pattern(size, start + 1), start);
    return all;
  };
  return { length, data: ranges, open, bytes };
}

const K = 1024;
const contents: Record<string, ReturnType<typeof sparse>> = {
  nothing: sparse(0),
  all: sparse(100 * K),
  start: sparse(300 * K, [0, 5000]),
  middle: sparse(300 * K, [100_001, 3]),
  end: sparse(300_001, [300_000, 1]),
  second: sparse(9 * K, [4 * K, 4 * K]),
  touching: sparse(50 * K, [0, 10], [10, 10], [1023, 2], [4096, 4096], [8192, 1]),
  many: sparse(4000 * K, ...Array.from({ length: 400 }, (_, i): [number, number] => [i * 10 * K + 3, 100])),
};
const entries: Entry[] = Object.entries(contents).map(([path, content]) => ({ path, content }));

test.each([1024, 2048, 4096] as const)("holes in files, in blocks of %i", async (blockSize) => {
  const opts = options(40 * MIB, { blockSize });
  const image = await imageOf(entries, opts);
  check(image);
  const volume = await read(sourceOf(image));
  for (const [name, content] of Object.entries(contents)) {
    expect(dump(image, name).equals(content.bytes()), name).toBe(true);
    const copy = scratch();
    run("grub-fstest", image, "cp", `/${name}`, copy);
    expect(readFileSync(copy).equals(content.bytes()), `GRUB: ${name}`).toBe(true);
    const found: Bytes[] = [];
    for await (const chunk of (await volume.file(name)).open()) found.push(chunk);
    expect(Buffer.concat(found).equals(content.bytes()), `our reader: ${name}`).toBe(true);
  }
  const again: Entry[] = [];
  for await (const entry of volume.entries()) again.push(entry);
  run("cmp", image, await write(filesystem(again, opts)));
});

mountTest("Linux reads the same, and sees the holes", async () => {
  await mounted(await imageOf(entries, options(40 * MIB)), "ro", (at) => {
    for (const [name, content] of Object.entries(contents)) {
      expect(readFileSync(join(at, name)).equals(content.bytes()), name).toBe(true);
    }
    const stored = (name: string) => statSync(join(at, name)).blocks * 512;
    expect(stored("all")).toBe(K); // GRUB 2.06 has to have a first block
    expect(stored("end")).toBe(2 * K);
    expect(stored("middle")).toBe(2 * K);
    expect(stored("start")).toBe(5 * K);
  });
});

test("a file larger than its file system takes what its data takes", async () => {
  const content = sparse(1024 * 1024 * MIB, [5, 5], [700 * 1024 * MIB, 100]);
  const planned = plan([{ path: "vast", content }], options(20 * MIB));
  const without = plan([{ path: "vast", content: new Uint8Array(0) }], options(20 * MIB));
  expect(without.freeBytes - planned.freeBytes).toBe(2 * K);
  expect(
    errorOf(() => plan([{ path: "vast", content: { ...content, data: undefined } }], options(20 * MIB)))
      .missing,
  ).toBeGreaterThan(1000 * 1024 * MIB);
});

test("4 TiB less a block of 1 KiB is the largest file, and a byte more is not", () => {
  const largest = (2 ** 32 - 1) * K;
  expect(() => plan([{ path: "a", content: sparse(largest) }], options(20 * MIB))).not.toThrow();
  expect(
    errorOf(() => plan([{ path: "a", content: sparse(largest + 1) }], options(20 * MIB))).message,
  ).toMatch(/^"a": it has 4398046510081 bytes/);
});

test.each([
  [
    "out of order",
    [
      [10, 5],
      [0, 5],
    ],
  ],
  [
    "overlapping",
    [
      [0, 5],
      [4, 5],
    ],
  ],
  ["beyond the end", [[99_999, 2]]],
  ["empty", [[5, 0]]],
  ["not whole", [[0.5, 1]]],
] as [string, [number, number][]][])("data that is %s is refused", (_, data) => {
  const content = { ...sparse(100_000), data: data.map(([start, length]) => ({ start, length })) };
  expect(errorOf(() => plan([{ path: "a", content }], options(20 * MIB))).message).toMatch(/^"a": its data/);
});

test("a content that ends in a hole is closed before the next is opened", async () => {
  let open = 0;
  const counted = (): Content => {
    const content = sparse(100 * K, [0, 10]);
    return {
      ...content,
      async *open() {
        expect(++open).toBe(1);
        try {
          yield* content.open();
        } finally {
          open--;
        }
      },
    };
  };
  const shared = counted();
  const files = [shared, counted(), shared, shared].map((content, i) => ({ path: `f${i}`, content }));
  check(await imageOf(files, options(20 * MIB)));
  expect(open).toBe(0);
});
