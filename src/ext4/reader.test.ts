import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run } from "../testing/tools.ts";
import type { Bytes, Content } from "./segment.ts";
import { filesystem, type Entry } from "./filesystem.ts";
import { read } from "./reader.ts";
import {
  imageOf,
  MIB,
  mounted,
  mountTest,
  options,
  scratch,
  sourceOf,
  TIME,
  UUID,
  write,
} from "./testing.ts";

const entries: Entry[] = [
  { kind: "directory", path: "/", mode: 0o777, uid: 1, gid: 70_000 },
  { path: "piece.html", content: pattern(3_000_000), mtime: 1_600_000_000_123_456_789n },
  { path: "old", content: pattern(0), mtime: -1_000_000_000.5 },
  { path: "a/b/c", content: pattern(100), xattrs: { "user.large": pattern(600), "security.x": pattern(3) } },
  { kind: "symlink", path: "fast", target: "a/b/c" },
  { kind: "symlink", path: "slow", target: "x".repeat(500) },
  { kind: "link", path: "z", target: "piece.html" },
  ...Array.from({ length: 3000 }, (_, i) => ({ path: `many/n${i}`, content: pattern(i % 9, i) })),
];

async function entriesIn(path: string): Promise<Map<string, Entry>> {
  const found = new Map<string, Entry>();
  for await (const entry of (await read(sourceOf(path))).entries()) found.set(entry.path, entry);
  return found;
}

async function bytesIn(content: Bytes | Content): Promise<Buffer> {
  if (content instanceof Uint8Array) return Buffer.from(content);
  const chunks: Bytes[] = [];
  for await (const chunk of content.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function contentIn(path: string, file: string): Promise<Buffer> {
  return bytesIn(await (await read(sourceOf(path))).file(file));
}

test.each([
  [20 * MIB, 1024],
  [20 * MIB, 2048],
  [600 * MIB, 4096],
] as const)(
  "what is read and written again gives the same image: %i bytes in blocks of %i",
  async (size, blockSize) => {
    const opts = options(size, { blockSize, label: "hé" });
    const image = await imageOf(entries, opts);
    const volume = await read(sourceOf(image));
    expect(volume).toMatchObject({
      label: "hé",
      uuid: UUID,
      blockSize,
      size,
      made: BigInt(TIME) * 1_000_000_000n,
    });
    const found: Entry[] = [];
    for await (const entry of volume.entries()) found.push(entry);
    const again = await write(filesystem(found, opts));
    run("cmp", image, again);
  },
);

test("one file, by path", async () => {
  const image = await imageOf(entries, options(20 * MIB));
  expect((await contentIn(image, "a/b/c")).equals(pattern(100))).toBe(true);
  expect((await contentIn(image, "z")).equals(pattern(3_000_000))).toBe(true);
  await expect(contentIn(image, "a/b")).rejects.toThrow('"a/b": not a file');
  await expect(contentIn(image, "a/b/c/d")).rejects.toThrow('"a/b/c/d": no such file');
  await expect(contentIn(image, "nothing")).rejects.toThrow('"nothing": no such file');
});

test("what mke2fs -d wrote can be read, with the same features", async () => {
  const source = scratch("tree");
  mkdirSync(join(source, "a/b"), { recursive: true });
  writeFileSync(join(source, "a/b/c"), pattern(200_000));
  for (let i = 0; i < 300; i++) writeFileSync(join(source, "a", `name ${i}`), `${i}`);
  symlinkSync("x".repeat(70), join(source, "slow"));
  const image = scratch();
  writeFileSync(image, "");
  truncateSync(image, 20 * MIB);
  run(
    "mke2fs",
    "-q",
    "-t",
    "ext4",
    "-O",
    "^resize_inode,^orphan_file,^metadata_csum_seed",
    "-d",
    source,
    image,
  );
  const found = await entriesIn(image);
  expect(found.size).toBe(300 + 5);
  expect((await contentIn(image, "a/b/c")).equals(pattern(200_000))).toBe(true);
  expect(found.get("slow")).toMatchObject({ kind: "symlink", target: "x".repeat(70) });
});

mountTest("what the kernel changed can be read: new files, holes, deleted names", async () => {
  const image = await imageOf(entries, options(40 * MIB, { inodes: 8000 }));
  await mounted(image, "rw", (at) => {
    for (let i = 0; i < 1000; i++) writeFileSync(join(at, "many", `new ${i}`), `${i}`);
    for (let i = 0; i < 1000; i++) rmSync(join(at, "many", `n${i}`));
    writeFileSync(join(at, "holes"), "start");
    truncateSync(join(at, "holes"), 50_000);
    run("fallocate", "-l", "100000", join(at, "reserved"));
    writeFileSync(join(at, "piece.html"), pattern(77));
  });
  const found = await entriesIn(image);
  expect([...found.keys()].filter((path) => path.startsWith("many/")).length).toBe(3000);
  expect((await contentIn(image, "many/new 999")).toString()).toBe("999");
  expect((await contentIn(image, "piece.html")).equals(pattern(77))).toBe(true);
  const holes = Buffer.alloc(50_000);
  holes.write("start");
  expect((await contentIn(image, "holes")).equals(holes)).toBe(true);
  expect((await contentIn(image, "reserved")).equals(Buffer.alloc(100_000))).toBe(true);
});

mountTest("a journal that is not replayed is refused with advice", async () => {
  const image = await imageOf(entries, options(20 * MIB));
  const pulled = scratch("pulled");
  await mounted(image, "rw", (at) => {
    writeFileSync(join(at, "log"), "x");
    run("sync", "-f", at);
    writeFileSync(pulled, readFileSync(image));
  });
  await expect(read(sourceOf(pulled))).rejects.toThrow(/journal has to be replayed/);
});
