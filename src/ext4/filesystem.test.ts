import { statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { run } from "../testing/tools.ts";
import { lengthOf, type Bytes } from "./segment.ts";
import { filesystem, plan, segments, type Entry } from "./filesystem.ts";
import { read } from "./reader.ts";
import {
  bytesOf,
  check,
  dump,
  errorOf,
  imageOf,
  MIB,
  options,
  scratch,
  TIME,
  write,
  zerosOf,
} from "./testing.ts";

const KIB = 1024;
const around = (size: number) => [size - 1, size, size + 1];

describe("sizes of images", () => {
  const G = 8192 * KIB; // a group at 1 KiB
  const edges = [
    MIB,
    MIB + 1,
    ...around(2 * MIB), // from here there is room for a journal
    3_333_333,
    ...around(G + KIB), // one whole group, since the first begins at block 1
    G + 2 * KIB, // a second of one block: dropped
    G + 400 * KIB,
    20 * MIB,
    20 * MIB + 511,
    ...around(32 * MIB), // from here a journal of 4,096 blocks
    17 * G + 700 * KIB, // a second flex group
    ...around(512 * MIB), // from here blocks of 4 KiB
  ];
  test.each(edges)("%i bytes", async (size) => {
    const entries = [{ path: "piece.html", content: pattern(50_000) }];
    const path = await imageOf(entries, options(size));
    expect(statSync(path).size).toBe(size);
    check(path);
    expect(dump(path, "/piece.html").equals(entries[0]!.content)).toBe(true);
  });

  test.each([1024, 2048, 4096] as const)("blocks of %i bytes", async (blockSize) => {
    const groupSize = blockSize * 8 * blockSize;
    const sizes = [
      2 * MIB,
      20 * MIB,
      2 * groupSize,
      2 * groupSize + blockSize,
      2 * groupSize + 500 * blockSize,
    ];
    for (const size of sizes) {
      const path = await imageOf([{ path: "a", content: pattern(9999) }], options(size, { blockSize }));
      check(path);
      expect(dump(path, "/a").equals(pattern(9999))).toBe(true);
    }
  });

  test("64 GiB, in blocks of 4 KiB and of 1 KiB", async () => {
    for (const blockSize of [4096, 1024] as const) {
      const path = await imageOf(
        [{ path: "a", content: pattern(99) }],
        options(64 * 1024 * MIB, { blockSize }),
      );
      check(path);
    }
  }, 600_000);
});

describe("files", () => {
  const BLOCK = 1024;
  test("of every length around a block", async () => {
    const lengths = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 12 * BLOCK, 8192 * BLOCK + 1, 9_000_000];
    const entries = lengths.map((length) => ({ path: `of ${length}`, content: pattern(length, length) }));
    const path = await imageOf(entries, options(32 * MIB));
    check(path);
    for (const entry of entries) expect(dump(path, `/${entry.path}`).equals(entry.content)).toBe(true);
  });

  test("of zeros alone are stored, not left out", async () => {
    const path = await imageOf([{ path: "zeros", content: new Uint8Array(100_000) }], options(4 * MIB));
    check(path);
    expect(run("debugfs", "-R", "stat /zeros", path)).toContain("Blockcount: 196");
  });

  test.each([1024, 2048, 4096] as const)("to the last free byte, blocks of %i", async (blockSize) => {
    const opts = options(20 * MIB, { blockSize });
    const { freeBytes } = plan([], opts);
    const content = pattern(freeBytes);
    const full = plan([{ path: "all", content }], opts);
    expect(full.freeBytes).toBe(0);
    const path = await imageOf([{ path: "all", content }], opts);
    check(path);
    expect(dump(path, "/all").equals(content)).toBe(true);

    const error = errorOf(() => plan([{ path: "all", content: pattern(freeBytes + 1) }], opts));
    expect(error.missing).toBe(blockSize);
    const { fittingSize } = error;
    expect(
      plan([{ path: "all", content: pattern(freeBytes + 1) }], { ...opts, size: fittingSize! }).size,
    ).toBe(fittingSize);
  });

  test("with more extents than an inode holds, and than a block holds", async () => {
    // Groups 0, 1, 3, 5, 7 and 9 begin with superblocks: more than four pieces. A stream can be large for free.
    const entry = { path: "large", content: zerosOf(200 * MIB) };
    const one = await imageOf([entry], options(256 * MIB));
    check(one);
    expect(run("debugfs", "-R", "stat /large", one)).toContain("(ETB0)");
    const two = await imageOf(
      [{ path: "large", content: zerosOf(60 * 1024 * MIB) }],
      options(64 * 1024 * MIB, { blockSize: 1024 }),
    );
    check(two);
    expect(run("debugfs", "-R", "ex /large", two)).toMatch(/ 2\/ 2 /);
  }, 1_200_000);
});

describe("trees", () => {
  test("hold directories, links, owners, modes, times", async () => {
    const xattrs = { "user.colour": pattern(10), "user.long": pattern(700), "security.x": pattern(0) };
    const entries: Entry[] = [
      { kind: "directory", path: "/", mode: 0o777, uid: 1000, gid: 100_000 },
      { kind: "directory", path: "lost+found", mode: 0o755 },
      { kind: "directory", path: "empty", mode: 0o1777, mtime: 0 },
      { path: "a/b/c/deep", content: pattern(10), mode: 0o4755, uid: 70_000, gid: 80_000, mtime: 1.5 },
      { path: "lost+found/#12", content: pattern(5) },
      { kind: "symlink", path: "fast", target: "x".repeat(59) },
      { kind: "symlink", path: "slow", target: "x".repeat(60) },
      { kind: "symlink", path: "longest", target: "x".repeat(1023) },
      { kind: "link", path: "again", target: "once more" },
      { kind: "link", path: "once more", target: "a/b/c/deep" },
      { kind: "link", path: "fast too", target: "fast" },
      { path: "attributes", content: pattern(3), xattrs },
    ];
    const path = await imageOf(entries, options(8 * MIB, { label: "Étiquette ✓" }));
    check(path);
    const stat = run("debugfs", "-R", "stat /a/b/c/deep", path);
    expect(stat).toMatch(/Mode: +04755/);
    expect(stat).toMatch(/User: 70000 +Group: 80000/);
    expect(stat).toMatch(/Links: 3/);
    expect(stat).toContain("mtime: 0x00000001:77359400"); // 500,000,000 ns, two bits on
    expect(run("debugfs", "-R", "ea_list /attributes", path)).toMatch(
      /user\.colour \(10\)[^]*user\.long \(700\)/,
    );
    expect(run("dumpe2fs", "-h", path)).toContain("Étiquette ✓");
  });

  test("are 500 directories deep", async () => {
    const path = Array.from({ length: 500 }, (_, i) => `d${i}`).join("/");
    const image = await imageOf([{ path: `${path}/end`, content: pattern(7) }], options(4 * MIB));
    check(image);
    expect(dump(image, `/${path}/end`).equals(pattern(7))).toBe(true);
  });

  test.each([
    [1, 1024],
    [30, 1024],
    [3_000, 1024],
    [10_000, 1024], // two levels of index
    [20_000, 4096],
  ] as const)("%i names in one directory, blocks of %i", async (count, blockSize) => {
    const entries = Array.from({ length: count }, (_, i) => ({
      path: `many/name ${i} é`,
      content: pattern(0),
    }));
    const path = await imageOf(entries, options(64 * MIB, { blockSize }));
    check(path);
    const listed = run("debugfs", "-R", "ls -p /many", path).match(/name \d+/g);
    expect(new Set(listed).size).toBe(count);
  });

  test("names of 1 to 255 bytes fill blocks to their last byte", async () => {
    const entries = Array.from({ length: 255 }, (_, i) => ({ path: "n".repeat(i + 1), content: pattern(1) }));
    for (const blockSize of [1024, 2048, 4096] as const) {
      check(await imageOf(entries, options(4 * MIB, { blockSize })));
    }
    // one block to the byte (1,024 less tail, dots and lost+found), and one name more
    const fits = Array.from({ length: 59 }, (_, i) => ({ path: `f/name${i + 10}`, content: pattern(0) }));
    for (const count of [57, 58, 59, 61, 62, 63, 64]) {
      const some = Array.from(
        { length: count },
        (_, i) => fits[i] ?? { path: `f/more${i}`, content: pattern(0) },
      );
      check(await imageOf(some, options(4 * MIB)));
    }
  });

  test("more than 65,000 subdirectories", async () => {
    for (const count of [64_998, 64_999]) {
      const entries = Array.from(
        { length: count },
        (_, i) => ({ kind: "directory", path: `d/${i}` }) as const,
      );
      const path = await imageOf(entries, options(256 * MIB, { blockSize: 1024 }));
      check(path);
      expect(run("debugfs", "-R", "stat /d", path)).toContain(`Links: ${count === 64_998 ? 65_000 : 1} `);
    }
  }, 120_000);

  test("100,000 files in one directory", async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => ({
      path: `d/file number ${i}`,
      content: pattern(0),
    }));
    check(await imageOf(entries, options(512 * MIB)));
  }, 120_000);
});

describe("times", () => {
  const LATEST = 15_032_385_535;
  test.each([-2_147_483_648, -1, 0, 2_147_483_647, 2_147_483_648, 4_294_967_296, LATEST])(
    "of a file: %i",
    async (mtime) => {
      const path = await imageOf(
        [{ path: "f", content: pattern(1), mtime: BigInt(mtime) * 1_000_000_000n + 1n }],
        options(MIB),
      );
      check(path);
      const [, low, extra] = /mtime: 0x(\w+):(\w+)/.exec(run("debugfs", "-R", "stat /f", path))!;
      const seconds = (Number.parseInt(low!, 16) | 0) + (Number.parseInt(extra!, 16) & 3) * 2 ** 32;
      expect([seconds, Number.parseInt(extra!, 16) >>> 2]).toEqual([mtime, 1]);
    },
  );

  test.each([0, 1, 2_147_483_648, 4_294_967_296, LATEST])("of the file system: %i", async (time) => {
    check(await imageOf([{ path: "f", content: pattern(1) }], options(4 * MIB, { time })), time);
  });
});

describe("segments", () => {
  const entries: Entry[] = [
    { path: "b", content: pattern(5000) },
    { path: "a/x", content: pattern(7, 2), xattrs: { "user.b": pattern(1), "user.a": pattern(2) } },
    { kind: "link", path: "z", target: "b" },
    { kind: "symlink", path: "s", target: "b" },
    ...Array.from({ length: 200 }, (_, i) => ({ path: `many/${i}`, content: pattern(i, i) })),
  ];

  test("are the same whatever the order of entries", () => {
    const opts = options(8 * MIB);
    const backwards = [...entries];
    backwards.reverse();
    const first = bytesOf(filesystem(entries, opts), opts.size);
    const second = bytesOf(filesystem(backwards, opts), opts.size);
    expect(Buffer.compare(first, second)).toBe(0);
  });

  test("come to the size and pass contents on without copies", () => {
    const content = pattern(100_000);
    const size = 8 * MIB + 77;
    const all = [...filesystem([{ path: "f", content }], options(size))];
    expect(all.reduce((sum, segment) => sum + lengthOf(segment), 0)).toBe(size);
    const views = all.filter(
      (segment) => segment.kind === "bytes" && segment.bytes.buffer === content.buffer,
    );
    expect(views.reduce((sum, segment) => sum + lengthOf(segment), 0)).toBe(content.length);
    const made = all
      .filter((segment) => segment.kind === "bytes")
      .reduce((sum, segment) => sum + lengthOf(segment), 0);
    expect(made - content.length).toBeLessThan(64 * KIB); // the rest is zeros that nobody has to make
  });

  test("of a stream ascend, and give the same image as bytes do", async () => {
    const content = pattern(9_000_000);
    const stream = {
      length: content.length,
      async *open(): AsyncGenerator<Bytes> {
        for (let at = 0, some = 1; at < content.length; at += some, some = (some * 7) % 100_003) {
          yield content.slice(at, at + some);
        }
      },
    };
    const opts = options(20 * MIB);
    const pieces = [...filesystem([{ path: "f", content: stream }], opts)].filter(
      (s) => s.kind === "content",
    );
    expect(pieces.length).toBeGreaterThan(1);
    let at = 0;
    for (const piece of pieces) {
      expect(piece.start).toBe(at);
      at += piece.length;
    }
    expect(at).toBe(content.length);
    const one = await imageOf([{ path: "f", content: stream }], opts);
    const two = await imageOf([{ path: "f", content }], opts);
    run("cmp", one, two);
  });

  test("can be had from a plan again and again", () => {
    const planned = plan(entries, options(8 * MIB));
    const [one, two] = [bytesOf(segments(planned), 8 * MIB), bytesOf(segments(planned), 8 * MIB)];
    expect(Buffer.compare(one, two)).toBe(0);
    expect(planned.identity.time.seconds).toBe(TIME);
  });
});

test("a 20 MiB partition with a piece of 5 MB has little overhead, and room for logs", () => {
  const planned = plan([{ path: "piece.html", content: pattern(5_000_000) }], options(20 * MIB));
  expect(planned.freeBytes / (20 * MIB)).toBeGreaterThan(0.69);
  expect(planned.freeInodes).toBeGreaterThan(1000);
});

test.each([
  [1342191655, 4096, 4096],
  [1024 * MIB, 4096, 2048],
  [151050346, 1024, 1024],
  [40 * MIB, 2048, 1024],
] as const)(
  "%i bytes in blocks of %i take as many inodes as they can, wished for by %i",
  async (size, blockSize, bytesPerInode) => {
    const planned = plan([], options(size, { blockSize, bytesPerInode }));
    expect(planned.layout.inodesPerGroup).toBeGreaterThanOrEqual(blockSize * 4);
    check(await write(segments(planned)));
  },
);

test("a moment just before 1970 is not a whole second before it", () => {
  const image = bytesOf(
    filesystem([{ path: "a", content: new Uint8Array(), mtime: -1e-17 }], options(4 * MIB)),
    4 * MIB,
  );
  const path = scratch();
  writeFileSync(path, image);
  expect(run("debugfs", "-R", "stat a", path)).toMatch(/mtime: 0xffffffff:ee6b27fc/);
});

test("what looks like a byte order mark is part of a name", async () => {
  const entries: Entry[] = [{ kind: "symlink", path: "s", target: "\ufeffabc" }];
  const image = bytesOf(filesystem(entries, options(4 * MIB, { label: "\ufefflbl" })), 4 * MIB);
  const volume = await read((start, length) => image.slice(start, start + length));
  expect(volume.label).toBe("\ufefflbl");
  const found: Entry[] = [];
  for await (const entry of volume.entries()) found.push(entry);
  expect(found).toMatchObject([{ path: "/" }, { path: "s", target: "\ufeffabc" }]);
});
