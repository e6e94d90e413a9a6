import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run } from "../testing/tools.ts";
import { plan, type Entry } from "./filesystem.ts";
import { nameHash } from "./hash.ts";
import { check, imageOf, MIB, mounted, mountTest, options, scratch } from "./testing.ts";

// The kernel's own ext4 is the judge.

const entries: Entry[] = [
  { kind: "directory", path: "/", mode: 0o777 },
  {
    path: "piece.html",
    content: pattern(3_000_000),
    uid: 1000,
    gid: 1001,
    mode: 0o640,
    mtime: 1_700_000_000.25,
  },
  { path: "empty", content: pattern(0) },
  { path: "a/b/c", content: pattern(100), xattrs: { "user.small": pattern(5), "user.large": pattern(600) } },
  { kind: "symlink", path: "link", target: "a/b/c" },
  { kind: "symlink", path: "far", target: `${"./".repeat(40)}a/b/c` },
  { kind: "link", path: "hard", target: "piece.html" },
  ...Array.from({ length: 2000 }, (_, i) => ({ path: `many/é ${i}`, content: pattern(i % 5, i) })),
];

function expectEntries(at: string): void {
  for (const entry of entries) {
    const path = join(at, entry.path);
    const stat = lstatSync(path, { bigint: true });
    if (entry.kind === "symlink") expect(readlinkSync(path)).toBe(entry.target);
    const content = entry.kind === undefined ? entry.content : undefined;
    if (content instanceof Uint8Array) expect(readFileSync(path).equals(content)).toBe(true);
    if (entry.kind === "link") expect(stat.ino).toBe(statSync(join(at, entry.target), { bigint: true }).ino);
  }
  expect(readdirSync(join(at, "many")).length).toBe(2000);
}

const SIZES = [
  { size: 20 * MIB, blockSize: 1024 },
  { size: 40 * MIB, blockSize: 2048 },
  { size: 600 * MIB, blockSize: 4096 },
] as const;

mountTest.each(SIZES)(
  "reads what was written, $size bytes in blocks of $blockSize",
  async ({ size, blockSize }) => {
    const image = await imageOf(entries, options(size, { blockSize }));
    await mounted(image, "ro", (at) => {
      expectEntries(at);
      const piece = statSync(join(at, "piece.html"), { bigint: true });
      expect([piece.uid, piece.gid, piece.mode & 0o7777n, piece.nlink]).toEqual([1000n, 1001n, 0o640n, 2n]);
      expect(piece.mtimeNs).toBe(1_700_000_000_250_000_000n);
      expect(statSync(at).mode & 0o7777).toBe(0o777);
      const attributes = run("getfattr", "--absolute-names", "-d", "-e", "hex", join(at, "a/b/c"));
      expect(attributes).toContain(`user.small=0x${Buffer.from(pattern(5)).toString("hex")}\n`);
      expect(attributes).toContain(`user.large=0x${Buffer.from(pattern(600)).toString("hex")}\n`);
    });
    check(image);
  },
);

mountTest.each(SIZES)(
  "writes, deletes, fills: $size bytes in blocks of $blockSize",
  async ({ size, blockSize }) => {
    const image = await imageOf(entries, options(size, { blockSize, inodes: 6000 }));
    await mounted(image, "rw", (at) => {
      for (let i = 0; i < 2000; i++) writeFileSync(join(at, "many", `more ${i}`), "x");
      for (let i = 0; i < 2000; i += 3) rmSync(join(at, "many", `é ${i}`));
      mkdirSync(join(at, "new"));
      rmSync(join(at, "a"), { recursive: true });
      writeFileSync(join(at, "piece.html"), pattern(10));
      if (size < 100 * MIB) {
        const chunk = pattern(64 * 1024);
        expect(() => {
          for (let i = 0; ; i++) writeFileSync(join(at, "new", `fill ${i}`), chunk);
        }).toThrow(/ENOSPC/);
      }
    });
    check(image, 4_000_000_000);
  },
);

mountTest("keeps what was synced when the stick is pulled: the journal is replayed", async () => {
  const image = await imageOf(entries, options(20 * MIB, { inodes: 3000 }));
  const pulled = scratch("pulled");
  await mounted(image, "rw", (at) => {
    for (let i = 0; i < 200; i++) writeFileSync(join(at, `log ${i}`), `line ${i}\n`);
    run("sync", "-f", at);
    writeFileSync(join(at, "not synced"), "x");
    copyFileSync(image, pulled);
  });
  expect(run("dumpe2fs", "-h", pulled)).toContain("needs_recovery");
  await mounted(pulled, "rw", (at) => {
    expectEntries(at);
    for (let i = 0; i < 200; i++) expect(readFileSync(join(at, `log ${i}`), "utf8")).toBe(`line ${i}\n`);
    expect(existsSync(join(at, "log 200"))).toBe(false);
  });
  check(pulled, 4_000_000_000);
});

mountTest("times from 1901 to 2446, access control lists", async () => {
  const times = [-2_147_483_648, -1, 0, 2 ** 31, 2 ** 32, 2 ** 33, 15_032_385_535];
  const acl = Buffer.from(
    // version 2, then: user::rw-, user:1000:r--, group::r--, mask::r--, other::---
    "02000000" +
      "01000600ffffffff" +
      "02000400e8030000" +
      "04000400ffffffff" +
      "10000400ffffffff" +
      "20000000ffffffff",
    "hex",
  );
  const files: Entry[] = times.map((mtime, i) => ({ path: `t${i}`, content: pattern(0), mtime }));
  files.push({
    path: "acl",
    content: pattern(1),
    mode: 0o640,
    xattrs: { "system.posix_acl_access": Uint8Array.from(acl) },
  });
  const image = await imageOf(files, options(4 * MIB));
  check(image);
  await mounted(image, "ro", (at) => {
    times.forEach((time, i) => {
      expect(statSync(join(at, `t${i}`), { bigint: true }).mtimeNs).toBe(BigInt(time) * 1_000_000_000n);
    });
    const said = run(
      "getfattr",
      "--absolute-names",
      "-n",
      "system.posix_acl_access",
      "-e",
      "hex",
      join(at, "acl"),
    );
    expect(said).toContain(acl.toString("hex"));
  });
});

mountTest("two names of one hash are found on both sides of the edge of a block", async () => {
  const { hashSeed } = plan([], options(MIB)).identity;
  const hashed = Array.from({ length: 150_000 }, (_, i) => {
    const name = `${i} `.padEnd(255, "n"); // three to a block
    return { name, hash: nameHash(Buffer.from(name), 255, hashSeed).major };
  });
  hashed.sort((a, b) => a.hash - b.hash);
  const twin = hashed.findIndex(({ hash }, i) => i > 100 && hash === hashed[i + 1]?.hash);
  expect(twin).toBeGreaterThan(100); // one in 150,000 names is all but sure, and it is always the same
  const some = [...hashed.slice(twin - 101, twin + 2), ...hashed.slice(-100)]; // the twins are numbers 101 and 102
  const image = await imageOf(
    some.map(({ name }) => ({ path: `d/${name}`, content: pattern(0) })),
    options(4 * MIB),
  );
  check(image);
  await mounted(image, "ro", (at) => {
    for (const { name } of some) expect(existsSync(join(at, "d", name))).toBe(true);
  });
});
