import { mkdirSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run, runForBytes } from "../testing/tools.ts";
import type { Entry } from "./filesystem.ts";
import { check, imageOf, MIB, mountTest, options, scratch } from "./testing.ts";

// Readers of ext4 by others.

const entries: Entry[] = [
  { path: "piece.html", content: pattern(3_000_000) },
  { path: "zeros", content: new Uint8Array(5000) }, // GRUB cannot read a file whose first block is a hole
  { path: "a/b/c", content: pattern(100), xattrs: { "user.large": pattern(600) } },
  { kind: "symlink", path: "link", target: "a/b/c" },
  { kind: "symlink", path: "slow", target: `${"./".repeat(40)}a/b/c` },
  { kind: "link", path: "hard", target: "piece.html" },
  ...Array.from({ length: 2000 }, (_, i) => ({ path: `many/n${i}`, content: pattern(i % 5, i) })),
];
const files = entries.filter((entry) => "content" in entry);

const G = 8 * MIB;
const SIZES = [
  { size: 20 * MIB, blockSize: 1024 },
  // 7-Zip refuses a file system of one block beyond a whole number of groups: sizes around it
  { size: 2 * G, blockSize: 1024 },
  { size: 2 * G + 1024, blockSize: 1024 },
  { size: 2 * G + 2048, blockSize: 1024 },
  { size: 2 * G + 900 * 1024, blockSize: 1024 },
  { size: 33 * MIB, blockSize: 2048 },
  { size: 600 * MIB, blockSize: 4096 },
] as const;

test.each(SIZES)("7-Zip: $size bytes in blocks of $blockSize", async ({ size, blockSize }) => {
  const image = await imageOf(entries, options(size, { blockSize }));
  check(image);
  run("7z", "t", image);
  for (const { path, content } of [files[0]!, files[1]!, files[2]!, files[1000]!]) {
    const read = runForBytes("7z", "e", "-so", image, path);
    expect(content instanceof Uint8Array && read.equals(content)).toBe(true);
  }
});

test.each(SIZES)("GRUB: $size bytes in blocks of $blockSize", async ({ size, blockSize }) => {
  const image = await imageOf(entries, options(size, { blockSize, label: "FEDAC-PIECE" }));
  expect(run("grub-fstest", image, "ls", "/")).toContain("piece.html");
  for (const { path, content } of [files[0]!, files[1]!, files[2]!, files[1000]!]) {
    const copy = scratch();
    run("grub-fstest", image, "cp", `/${path}`, copy);
    expect(content instanceof Uint8Array && readFileSync(copy).equals(content)).toBe(true);
  }
  expect(run("grub-fstest", image, "--", "ls", "-l")).toContain("Label `FEDAC-PIECE'");
  expect(runForBytes("grub-fstest", image, "cat", "/slow").equals(pattern(100))).toBe(true);
});

test.each(SIZES)("resize2fs grows: $size bytes in blocks of $blockSize", async ({ size, blockSize }) => {
  const image = await imageOf(entries, options(size, { blockSize }));
  truncateSync(image, size + 100 * MIB);
  run("resize2fs", image);
  check(image, 4_000_000_000);
  const copy = scratch();
  run("debugfs", "-R", `dump /piece.html ${copy}`, image);
  expect(readFileSync(copy).equals(pattern(3_000_000))).toBe(true);
});

mountTest("fuse2fs", async () => {
  const image = await imageOf(entries, options(20 * MIB));
  const at = scratch("mount");
  mkdirSync(at);
  run("fuse2fs", "-o", "ro", image, at);
  try {
    expect(readdirSync(join(at, "many"))).toHaveLength(2000);
    expect(readFileSync(join(at, "hard")).equals(pattern(3_000_000))).toBe(true);
    expect(readFileSync(join(at, "slow")).equals(pattern(100))).toBe(true);
  } finally {
    run("umount", at);
  }
});
