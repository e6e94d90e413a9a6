import { lstatSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import {
  array,
  assert,
  asyncProperty,
  bigInt,
  constantFrom,
  dictionary,
  integer,
  oneof,
  option,
  pre,
  record,
  stringMatching,
  uint8Array,
} from "fast-check";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run } from "../testing/tools.ts";
import type { Bytes } from "./segment.ts";
import { FilesystemError, plan, segments, type Entry, type Plan } from "./filesystem.ts";
import { read } from "./reader.ts";
import { check, MIB, options, scratch, sourceOf, SWEEP, write } from "./testing.ts";

// Random trees in random file systems: e2fsck has no remark, debugfs and our reader find what was put in.

const names = oneof(
  { weight: 5, arbitrary: constantFrom("a", "b", "c", "d") }, // few, so that paths meet
  { weight: 2, arbitrary: stringMatching(/^[a-z 😀é]{1,40}$/u) },
  { weight: 1, arbitrary: integer({ min: 1, max: 255 }).map((length) => "n".repeat(length)) },
);
const paths = array(names, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
const lengths = oneof(
  integer({ min: 0, max: 300 }),
  constantFrom(1023, 1024, 1025, 4095, 4096, 4097, 12 * 1024),
  integer({ min: 0, max: 2_000_000 }),
);
const bytes = uint8Array({ maxLength: 80 }).map((some): Bytes => Uint8Array.from(some));
const attributes = record(
  {
    mode: integer({ min: 0, max: 0o7777 }),
    uid: integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: integer({ min: 0, max: 2 ** 32 - 2 }),
    mtime: bigInt({ min: -(2n ** 31n), max: 2n ** 33n }).map((seconds) => seconds * 1_000_000_000n + 7n),
    xattrs: dictionary(stringMatching(/^user\.[a-z]{1,20}$/), bytes, { maxKeys: 6 }),
  },
  { requiredKeys: [] },
);
const files = record({ path: paths, length: lengths, attributes }).map(
  ({ path, length, attributes: own }): Entry => ({
    path,
    content: pattern(length, path.length + length),
    ...own,
  }),
);
const directories = record({ path: paths, attributes }).map(({ path, attributes: own }): Entry => ({
  kind: "directory",
  path,
  ...own,
}));
const symlinks = record({ path: paths, length: integer({ min: 1, max: 1023 }) }).map(
  ({ path, length }): Entry => ({ kind: "symlink", path, target: "t".repeat(length) }),
);
const links = record({ path: paths, target: paths }).map((link): Entry => ({ kind: "link", ...link }));
const crowds = record({ path: paths, count: integer({ min: 1, max: 900 }) }).map(({ path, count }) =>
  Array.from({ length: count }, (_, i): Entry => ({
    path: `${path}/in a crowd, number ${i}`,
    content: pattern(i % 3, i),
  })),
);
const trees = array(oneof(files, directories, symlinks, links, crowds), { maxLength: 30 }).map((all) =>
  all.flat(),
);
const shapes = record({
  size: oneof(
    integer({ min: MIB, max: 64 * MIB }),
    integer({ min: 1, max: 60 }).map((mib) => mib * MIB),
  ),
  blockSize: option(constantFrom(1024, 2048, 4096), { nil: undefined }),
  bytesPerInode: option(integer({ min: 1024, max: 65_536 }), { nil: undefined }),
});

test("random trees pass e2fsck, and are read as they were given", async () => {
  await assert(
    asyncProperty(trees, shapes, async (entries, { size, blockSize, bytesPerInode }) => {
      const planned = planOf(entries, size, {
        ...(blockSize === undefined ? {} : { blockSize }),
        ...(bytesPerInode === undefined ? {} : { bytesPerInode }),
      });
      pre(planned !== undefined);
      const image = await write(segments(planned));
      check(image, 20_000_000_000);
      await expectRead(image, planned);
      expectDumped(image, planned);
    }),
    { numRuns: SWEEP ? 500 : 25, seed: SWEEP ? Date.now() : 42, endOnFailure: true },
  );
}, 3_600_000);

/** Undefined for a tree that does not fit. Entries that contradict others are left out; all that is refused is refused with `FilesystemError`. */
function planOf(entries: readonly Entry[], size: number, more: object): Plan | undefined {
  const kept: Entry[] = [];
  for (const entry of entries) {
    try {
      plan([...kept, entry], options(64 * MIB, more)); // twins and files in place of directories fall out
      kept.push(entry);
    } catch (error) {
      expect(error).toBeInstanceOf(FilesystemError);
    }
    if (kept.length > 40) break;
  }
  try {
    return plan([...kept, ...entries.filter((entry) => entry.path.includes("crowd"))], options(size, more));
  } catch (error) {
    expect(error).toBeInstanceOf(FilesystemError);
    return undefined;
  }
}

/** Our reader finds every inode under one of its names, with its attributes, and nothing else. */
async function expectRead(image: string, { inodes }: Plan): Promise<void> {
  const source = sourceOf(image);
  const found = new Map<string, Entry>();
  for await (const entry of (await read(source)).entries()) found.set(entry.path, entry);
  source.close();
  const firstName = (path: string): Entry | undefined => {
    const entry = found.get(path);
    return entry?.kind === "link" ? found.get(entry.target) : entry;
  };
  const expected = new Set<Entry>();
  for (const inode of inodes) {
    const node = inode?.node;
    if (!node || (node.path === "lost+found" && node.children!.length === 0)) continue;
    const entry = firstName(node.path);
    if (!entry || entry.kind === "link") throw new Error(`${node.path} was not read`);
    expected.add(entry);
    expect(entry.kind).toBe(node.kind);
    expect(entry.uid).toBe(node.uid);
    expect(entry.gid).toBe(node.gid);
    expect(entry.mtime).toBe(BigInt(node.mtime.seconds) * 1_000_000_000n + BigInt(node.mtime.nanoseconds));
    expect(Object.keys(entry.xattrs ?? {}).length).toBe(node.xattrs.length);
    if (entry.kind !== "symlink") expect(entry.mode).toBe(node.mode & 0o7777);
  }
  expect([...found.values()].filter((entry) => entry.kind !== "link" && !expected.has(entry))).toEqual([]);
}

/** All of it, as debugfs copies it out. */
function expectDumped(image: string, { inodes }: Plan): void {
  const copy = scratch("copy");
  mkdirSync(copy);
  run("debugfs", "-R", `rdump / ${copy}`, image);
  for (const inode of inodes) {
    const node = inode?.node;
    if (!node) continue;
    const path = join(copy, node.path);
    const stat = lstatSync(path);
    if (node.kind === "directory") expect(stat.isDirectory()).toBe(true);
    if (node.kind === "symlink") expect(readlinkSync(path)).toBe(Buffer.from(node.target!).toString());
    if (node.content instanceof Uint8Array) expect(readFileSync(path).equals(node.content)).toBe(true);
  }
}
