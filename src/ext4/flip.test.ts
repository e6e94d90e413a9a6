import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { integer, sample } from "fast-check";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run } from "../testing/tools.ts";
import { FilesystemError, plan, segments, type Entry, type Plan } from "./filesystem.ts";
import { firstBlockOf, hasSuperblock, INODE_SIZE } from "./layout.ts";
import { read } from "./reader.ts";
import { bytesOf, check, MIB, options, sourceOf, SWEEP, write } from "./testing.ts";

// A checksum that covers too little, or nothing, passes every other test.

/** Bytes that some checksum covers and that are read in every check. */
interface Covered {
  readonly what: string;
  readonly start: number;
  readonly length: number;
}

/** 1 KiB blocks, so that 26 extents, a directory index and attributes come cheaply. */
const entries: Entry[] = [
  { path: "xattrs", content: pattern(10), xattrs: { "user.large": pattern(600), "user.small": pattern(5) } },
  { kind: "symlink", path: "slow", target: "x".repeat(100) },
  { path: "large", content: new Uint8Array(80 * MIB) }, // across more than four superblocks
  ...Array.from({ length: 500 }, (_, i) => ({ path: `many/n${i}`, content: pattern(0) })),
];
const planned = plan(entries, options(100 * MIB));
const places = covered(planned);

function covered({ layout, inodes, order }: Plan): Covered[] {
  const { blockSize, inodesPerGroup } = layout;
  const at = (block: number) => block * blockSize;
  const found: Covered[] = [
    { what: "superblock", start: 1024, length: 1024 },
    { what: "descriptors", start: at(firstBlockOf(layout, 0) + 1), length: 64 * layout.groups.length },
  ];
  for (const { blockBitmap, inodeBitmap } of layout.groups) {
    found.push({ what: "block bitmap", start: at(blockBitmap), length: blockSize });
    found.push({ what: "inode bitmap", start: at(inodeBitmap), length: inodesPerGroup / 8 });
  }
  for (const inode of order) {
    const group = layout.groups[Math.floor((inode.number - 1) / inodesPerGroup)]!;
    const table = at(group.inodeTable) + ((inode.number - 1) % inodesPerGroup) * INODE_SIZE;
    const what = inode.node ? "inode" : "journal inode";
    if (inode.number < 40) found.push({ what, start: table, length: INODE_SIZE });
    const first = inode.runs[0];
    if (inode.shape?.leaves) found.push({ what: "index", start: at(first!.start), length: 0x20 + 8 });
    if (inode.shape?.leaves) found.push({ what: "leaf", start: at(first!.start + 1), length: blockSize });
    if (inode.shape && !inode.shape.leaves)
      found.push({ what: "names", start: at(first!.start), length: blockSize });
    if (inode.xattrBlock) found.push({ what: "attributes", start: at(inode.xattrBlock), length: blockSize });
    if (inode.tree.length) found.push({ what: "extents", start: at(inode.tree[0]!), length: 12 + 12 * 5 });
  }
  expect(inodes.length).toBeGreaterThan(500);
  return found;
}

/** So many bits of each covered place, always the same ones. */
function bits(perPlace: number): { what: string; byte: number; mask: number }[] {
  return places.flatMap(({ what, start, length }) =>
    sample(integer({ min: 0, max: length * 8 - 1 }), { numRuns: perPlace, seed: start }).map((bit) => ({
      what,
      byte: start + (bit >>> 3),
      mask: 1 << (bit & 7),
    })),
  );
}

const KINDS = [
  "superblock",
  "descriptors",
  "block bitmap",
  "inode bitmap",
  "inode",
  "journal inode",
  "names",
  "index",
  "leaf",
  "attributes",
  "extents",
];

test("e2fsck objects to one wrong bit, wherever it is", async () => {
  expect(new Set(places.map(({ what }) => what))).toEqual(new Set(KINDS));
  const image = await write(segments(planned));
  check(image);
  const file = openSync(image, "r+");
  try {
    for (const { what, byte, mask } of bits(SWEEP ? 100 : 2)) {
      flip(file, byte, mask);
      expect(() => check(image), `${what}, byte ${byte}, mask ${mask}`).toThrow();
      flip(file, byte, mask);
    }
  } finally {
    closeSync(file);
  }
  check(image);
}, 1_800_000);

test("so does our reader", async () => {
  const image = await write(segments(planned));
  const file = openSync(image, "r+");
  const source = sourceOf(image);
  const readAll = async () => {
    const volume = await read(source);
    let names = 0;
    for await (const _ of volume.entries()) names++;
    for await (const _ of (await volume.file("large")).open()) break; // walks to the first extent
    return names;
  };
  try {
    expect(await readAll()).toBe(entries.length + 2); // with the root and "many"
    for (const { what, byte, mask } of bits(SWEEP ? 30 : 2)) {
      if (what === "journal inode") continue; // not ours to read
      flip(file, byte, mask);
      await expect(readAll(), `${what}, byte ${byte}, mask ${mask}`).rejects.toBeInstanceOf(FilesystemError);
      flip(file, byte, mask);
    }
  } finally {
    closeSync(file);
    source.close();
  }
}, 1_800_000);

test("rubbish of every kind is refused by the reader, with an error of ours", async () => {
  const small = bytesOf(segments(plan([], options(MIB))), MIB);
  for (const bytes of [pattern(MIB), new Uint8Array(MIB), new Uint8Array(10), small.slice(0, 5000)]) {
    const source = (start: number, length: number) => bytes.slice(start, start + length);
    const readAll = async () => {
      for await (const _ of (await read(source)).entries());
    };
    await expect(readAll()).rejects.toBeInstanceOf(FilesystemError);
  }
});

function flip(file: number, byte: number, mask: number): void {
  const one = new Uint8Array(1);
  readSync(file, one, 0, 1, byte);
  one[0]! ^= mask;
  writeSync(file, one, 0, 1, byte);
}

test("e2fsck objects to one wrong bit in a backup, when it is told to use that one", async () => {
  const image = await write(segments(planned));
  const { layout } = planned;
  const backups = layout.groups.flatMap((_, group) =>
    group > 0 && hasSuperblock(group) ? [firstBlockOf(layout, group)] : [],
  );
  expect(backups.length).toBeGreaterThan(3);
  const checkBackup = (block: number) =>
    run("e2fsck", "-fn", "-b", String(block), "-B", String(layout.blockSize), image);
  const file = openSync(image, "r+");
  try {
    for (const block of backups) {
      expect(checkBackup(block)).not.toMatch(/checksum|bad magic/i);
      for (const bit of sample(integer({ min: 0, max: 1024 * 8 - 1 }), { numRuns: 3, seed: block })) {
        const byte = block * layout.blockSize + (bit >>> 3);
        flip(file, byte, 1 << (bit & 7));
        expect(() => checkBackup(block), `block ${block}, bit ${bit}`).toThrow(/checksum|bad magic/i);
        flip(file, byte, 1 << (bit & 7));
      }
    }
  } finally {
    closeSync(file);
  }
});
