import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { run, runWith } from "../testing/tools.ts";
import { plan } from "./filesystem.ts";
import { check, imageOf, MIB, options, scratch, SWEEP, TIME, UUID } from "./testing.ts";

// The same empty file system, made by mke2fs and by us, field by field as dumpe2fs tells them.

const GIB = 1024 * MIB;

/** mke2fs with the features, reserve, inodes and blocks that ours has. */
function mke2fs(size: number, blockSize: number, inodes: number): string {
  const path = scratch("mke2fs");
  writeFileSync(path, "");
  truncateSync(path, size);
  const blocks = Math.floor(size / blockSize); // given, since mke2fs would round down to the machine's pages
  const extended = `hash_seed=${UUID},lazy_itable_init=0,nodiscard`;
  const features =
    "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file";
  const args = ["-q", "-F", "-t", "ext4", "-O", `${features},dir_nlink,extra_isize,metadata_csum`, "-m", "0"];
  args.push("-I", "256", "-b", `${blockSize}`, "-N", `${inodes}`, "-U", UUID, "-E", extended, "-L", "label");
  args.push("-e", "remount-ro", path, `${blocks}`);
  runWith({ env: { E2FSPROGS_FAKE_TIME: String(TIME) } }, "mke2fs", ...args);
  return path;
}

/** The superblock's fields by name, and the journal's. */
function fields(path: string): Record<string, string> {
  const said = runWith({ env: { E2FSPROGS_FAKE_TIME: String(TIME) } }, "dumpe2fs", "-h", path);
  return Object.fromEntries(
    [...said.matchAll(/^([A-Z][^:]+): +(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}

/** Each difference there is, and why. */
const DIFFERENCES: Record<string, string> = {
  "Lifetime writes": "mke2fs counts what it writes itself; to us the file system has not begun to live",
  Checksum: "it covers the field above",
  "Default mount options": "the same, where mke2fs.conf asks for them",
  "Journal checksum": "none in either, the kernel adds it",
};

const SIZES = [
  [1 * MIB, 1024],
  [2 * MIB, 1024],
  [20 * MIB, 1024],
  [31 * MIB + 700 * 1024, 1024],
  [32 * MIB, 1024],
  [257 * MIB, 1024],
  [20 * MIB, 2048],
  [513 * MIB, 2048],
  [20 * MIB, 4096],
  [512 * MIB, 4096],
  [GIB, 4096],
  [3 * GIB + 5 * MIB, 4096],
  ...(SWEEP
    ? ([
        [64 * GIB, 4096],
        [17 * GIB, 2048],
        [16 * GIB, 1024],
      ] as const)
    : []),
] as const;

describe("compared with mke2fs", () => {
  test.each(SIZES)(
    "%i bytes in blocks of %i: the superblock",
    async (size, blockSize) => {
      const { layout, order } = plan([], options(size, { blockSize }));
      const inodes = layout.inodesPerGroup * layout.groups.length;
      const theirs = fields(mke2fs(size, blockSize, inodes));
      const ours = fields(await imageOf([], options(size, { blockSize, label: "label" })));
      for (const name of Object.keys(DIFFERENCES)) {
        delete ours[name];
        delete theirs[name];
      }
      // From 64 GiB, our journal crosses superblocks and needs a block for its fifth extent; in the middle of the
      // file system, where mke2fs has it, there are none.
      const spent = size >= 64 * GIB ? order[0]!.tree.length : 0;
      ours["Free blocks"] = `${Number(ours["Free blocks"]) + spent}`;
      expect(ours).toEqual(theirs);
    },
    300_000,
  );

  test("blocks in use, whatever the size of the last group", async () => {
    for (const blockSize of [1024, 2048, 4096] as const) {
      const group = blockSize * blockSize * 8;
      for (const last of [0, 1, 40, 100, 107, 108, 109, 110, 130, 200, 1000, 4000]) {
        const size = 2 * group + (blockSize === 1024 ? blockSize : 0) + last * blockSize;
        const { layout } = plan([], options(size, { blockSize, inodes: 528 }));
        const theirs = fields(mke2fs(size, blockSize, 528));
        // one block less where 7-Zip would refuse the file system: see layOut
        const spared = blockSize === 1024 && Number(theirs["Block count"]) % 8192 === 1 ? 1 : 0;
        expect(`${layout.blocks}`).toBe(`${Number(theirs["Block count"]) - spared}`);
        expect(`${layout.inodesPerGroup}`).toBe(theirs["Inodes per group"]);
        check(await imageOf([], options(size, { blockSize, inodes: 528 })));
      }
    }
  }, 120_000);

  test("superblock and copy, byte by byte, and what the groups say", async () => {
    const [theirs, ours] = [
      mke2fs(20 * MIB, 1024, 1296),
      await imageOf([], options(20 * MIB, { label: "label" })),
    ];
    for (const start of [1024, 8193 * 1024]) {
      const [a, b] = [theirs, ours].map((path) => readFileSync(path).subarray(start, start + 1024));
      const differing = Array.from({ length: 256 }, (_, i) => i * 4).filter(
        (i) => a!.readInt32LE(i) !== b!.readInt32LE(i),
      );
      const explained = [
        0x120, // s_jnl_blocks: where the journal's extent lies
        0x178, // s_kbytes_written: mke2fs counts its own
        0x3fc, // s_checksum
      ];
      expect(
        differing.filter((offset) => !explained.includes(offset)).map((offset) => offset.toString(16)),
      ).toEqual([]);
    }
    const groups = (path: string) => run("dumpe2fs", path).match(/\d+ free inodes, .*/g);
    expect(groups(ours)).toEqual(groups(theirs));
  });

  test("an inode, field by field", async () => {
    const args = ["-R", "stat <2>"];
    const theirs = run("debugfs", ...args, mke2fs(20 * MIB, 1024, 1280));
    const ours = run("debugfs", ...args, await imageOf([], options(20 * MIB)));
    expect(withoutPlace(ours)).toBe(withoutPlace(theirs));
  });
});

/** Mke2fs has the root before the journal, we behind it; the checksum covers that. */
function withoutPlace(stat: string): string {
  return stat.replace(/\(0\):\d+/, "").replace(/Inode checksum: .*/, "");
}
