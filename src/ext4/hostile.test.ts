import { describe, expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import type { Bytes, Content } from "./segment.ts";
import { filesystem, FilesystemError, plan, type Entry, type FilesystemOptions } from "./filesystem.ts";
import { check, dump, errorOf, imageOf, MIB, options, write } from "./testing.ts";

const file = (path: string): Entry => ({ path, content: pattern(1) });

describe("entries that are refused, by name", () => {
  const cases: [string, readonly Entry[], RegExp][] = [
    ["no path", [file("")], /no path/],
    ["a leading slash", [file("/a")], /"\/a": an empty name/],
    ["a trailing slash", [file("a/")], /"a\/": an empty name/],
    ["two slashes", [file("a//b")], /"a\/\/b": an empty name/],
    ["the root as a file", [file("/")], /"\/": the root is a directory/],
    [".", [file(".")], /"\.": "\." cannot be a name/],
    ["..", [file("a/../b")], /"a\/\.\.\/b": "\.\." cannot be a name/],
    ["NUL", [file("a\0b")], /"a\\u0000b": a name has a NUL/],
    ["256 bytes", [file("n".repeat(256))], /256 bytes/],
    ["256 bytes in 128 characters", [file("é".repeat(128))], /256 bytes/],
    ["256 bytes on the way", [file(`${"n".repeat(256)}/a`)], /256 bytes/],
    ["a high surrogate alone", [file("a\ud800")], /"a\\ud800": a name has half a surrogate pair/],
    ["a low surrogate alone", [file("\udc00a")], /half a surrogate pair/],
    ["a file twice", [file("a/b"), file("a/b")], /"a\/b": given twice/],
    ["a directory twice", [dir("a"), dir("a")], /"a": given twice/],
    ["the root twice", [dir("/"), dir("/")], /"\/": given twice/],
    ["a file as a directory", [file("a"), file("a/b")], /"a\/b": a is not a directory/],
    ["a directory as a file", [file("a/b"), file("a")], /"a": is a directory as well/],
    ["lost+found as a file", [file("lost+found")], /"lost\+found": is a directory as well/],
    ["a link to nothing", [link("a", "b")], /"a": no entry for the link's target b/],
    ["a link to a directory", [dir("b"), link("a", "b")], /"a": a hard link cannot lead to a directory/],
    ["a link to the root", [link("a", "/")], /"a": no entry/],
    ["links in a ring", [link("a", "b"), link("b", "a")], /hard links that lead to each other/],
    ["a link as a directory", [file("f"), link("a", "f"), file("a/b")], /"a\/b": a is not a directory/],
    ["an empty target", [{ kind: "symlink", path: "s", target: "" }], /"s": a link's target is empty/],
    ["a target with NUL", [{ kind: "symlink", path: "s", target: "a\0" }], /"s": a link's target has a NUL/],
    ["a target of a block", [{ kind: "symlink", path: "s", target: "x".repeat(1024) }], /"s": .* 1024 bytes/],
    ["a mode too large", [{ ...file("a"), mode: 0o10000 } as Entry], /"a": mode 4096/],
    ["half a mode", [{ ...file("a"), mode: 0.5 } as Entry], /"a": mode 0.5/],
    ["a negative owner", [{ ...file("a"), uid: -1 } as Entry], /"a": owner -1/],
    ["the owner nobody", [{ ...file("a"), gid: 2 ** 32 - 1 } as Entry], /"a": group 4294967295/],
    ["before 1901", [{ ...file("a"), mtime: -2_147_483_649 } as Entry], /"a": time -2147483649/],
    [
      "after 2446",
      [{ ...file("a"), mtime: 15_032_385_536n * 1_000_000_000n } as Entry],
      /"a": time 15032385536/,
    ],
    ["no time", [{ ...file("a"), mtime: Number.NaN } as Entry], /"a": time NaN/],
    ["no content", [{ path: "a" } as Entry], /"a": undefined is not a length/],
    ...[-1, 0.5, Number.NaN, Infinity, 2 ** 53].map((length): [string, Entry[], RegExp] => [
      `a content of ${length} bytes`,
      [{ path: "a", content: streamOf(length, []) }],
      /"a": .* is not a length/,
    ]),
    ["no kind we know", [{ kind: "socket", path: "a" } as unknown as Entry], /"a": unknown kind socket/],
    [
      "a namespace we do not know",
      [attribute("os2.a", pattern(1))],
      /"a": extended attribute "os2\.a" is in none/,
    ],
    ["an attribute without a name", [attribute("user.", pattern(1))], /"a": .* has no name/],
    [
      "an attribute of 256 bytes",
      [attribute(`user.${"n".repeat(251)}`, pattern(1))],
      /"a": .* more than 255/,
    ],
    ["an attribute larger than a block", [attribute("user.x", pattern(1000))], /"a": .* 32 bytes too large/],
    [
      "no access control list",
      [attribute("system.posix_acl_access", pattern(7))],
      /"a": .* not an access control/,
    ],
  ];

  test.each(cases)("%s", (_, entries, message) => {
    const error = errorOf(() => plan(entries, options(MIB)));
    expect(error.message).toMatch(message);
    expect(error).toBeInstanceOf(RangeError);
    expect(error.name).toBe("FilesystemError");
  });

  test("65,001 names for one file, while 65,000 are taken", async () => {
    const links = Array.from({ length: 65_000 }, (_, i) => link(`l${i}`, "f"));
    expect(errorOf(() => plan([file("f"), ...links], options(64 * MIB))).message).toMatch(
      /more than 65000 names for f/,
    );
    check(await imageOf([file("f"), ...links.slice(1)], options(64 * MIB)));
  });

  test("more names than an index has room for", () => {
    const entries = Array.from({ length: 50_000 }, (_, i) => file(`d/${`${i}`.padEnd(255, "n")}`));
    const error = errorOf(() => plan(entries, options(256 * MIB, { blockSize: 1024 })));
    expect(error.message).toMatch(/^"d": 50000 names take 16667 blocks/);
  });

  test("as long a path as may be is cut in the message", () => {
    expect(errorOf(() => plan([file("a/".repeat(100_000))], options(MIB))).message.length).toBeLessThan(400);
  });
});

describe("options that are refused", () => {
  const good = options(MIB);
  test.each([
    ...[0, -1, 0.5, Number.NaN, Infinity, 2 ** 53, MIB - 1, 64 * 1024 * MIB + 1].map((size) => ({ size })),
    { label: "seventeen bytes !" },
    { label: "é".repeat(9) },
    { label: "a\0" },
    { label: "\ud800" },
    { uuid: "" },
    { uuid: "3f1c9a527b1e4c1d9d530a4b8e6f2c71" },
    { uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c7g" },
    { hashSeed: "x" },
    { time: -1 },
    { time: Number.NaN },
    { time: 15_032_385_536 },
    { blockSize: 512 },
    { blockSize: 8192 },
    { inodes: 0 },
    { inodes: 10 },
    { inodes: 1.5 },
    { inodes: 1e9 },
    { bytesPerInode: 1023 },
    { bytesPerInode: Number.NaN },
  ])("%o", (bad) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JavaScript might hand over
    expect(() => plan([], { ...good, ...bad } as FilesystemOptions)).toThrow(FilesystemError);
  });
});

describe("what is odd but right", () => {
  test("names of 255 bytes, of other scripts, and twins that only normalisation tells apart", async () => {
    const names = [
      "n".repeat(255),
      "é".repeat(127),
      "\u00e9",
      "e\u0301",
      "漢字",
      "😀",
      " ",
      "-",
      "a\\b",
      "a\nb",
      "CON",
      "\u202e",
    ];
    const entries = names.map((path, i) => ({ path, content: pattern(10, i) }));
    const image = await imageOf(entries, options(MIB));
    check(image);
    for (const { path, content } of entries) {
      if (path !== "a\nb") expect(dump(image, `/${path}`).equals(content)).toBe(true);
    }
  });

  test("prototypes are no trap", async () => {
    const entries = ["__proto__", "constructor/prototype", "toString"].map(file);
    check(await imageOf(entries, options(MIB)));
  });
});

describe("no room", () => {
  test.each([
    ["one large file", [{ path: "a", content: streamOf(30 * MIB, []) }]],
    ["many small files", Array.from({ length: 30_000 }, (_, i) => file(`d${i % 7}/${i}`))],
    [
      "many empty files",
      Array.from({ length: 100_000 }, (_, i) => ({ path: `d${i % 700}/${i}`, content: pattern(0) })),
    ],
    ["across the change of block size", [{ path: "a", content: streamOf(510 * MIB, []) }]],
  ] as [string, Entry[]][])("%s: says how much, and what would do", (_, entries) => {
    const error = errorOf(() => plan(entries, options(20 * MIB)));
    expect(error.missing).toBeGreaterThan(0);
    expect(plan(entries, options(error.fittingSize!)).size).toBe(error.fittingSize);
    expect(error.message).toContain(`${error.missing} bytes too large`);
  });

  test("at any size says so", () => {
    const error = errorOf(() => plan([{ path: "a", content: streamOf(2 ** 40, []) }], options(MIB)));
    expect(error.fittingSize).toBeUndefined();
    expect(error.message).toContain("no size up to");
  });
});

describe("streams that break their word", () => {
  const opts = options(MIB);
  const written = (content: Content) => write(filesystem([{ path: "log/a", content }], opts));

  test("too little", async () => {
    const message = '"log/a": ended after 9 of 10 bytes';
    await expect(written(streamOf(10, [pattern(9)]))).rejects.toThrow(message);
  });

  test("too much", async () => {
    const message = '"log/a": has more than the 10 bytes it promised';
    await expect(written(streamOf(10, [pattern(9), pattern(9)]))).rejects.toThrow(message);
    await expect(written(streamOf(0, [pattern(1)]))).resolves.toBeDefined(); // never opened: nothing to read
  });

  test("an error of its own", async () => {
    const cause = new Error("the network is down");
    const content = {
      length: 10,
      async *open(): AsyncGenerator<Bytes> {
        yield pattern(5);
        throw cause;
      },
    };
    await expect(written(content)).rejects.toThrow('"log/a": cannot be read: the network is down');
    await expect(written(content)).rejects.toMatchObject({ cause });
  });

  test("and afterwards the writer can be used again", async () => {
    check(await written(streamOf(10, [pattern(3), pattern(0), pattern(7)])));
  });
});

function dir(path: string): Entry {
  return { kind: "directory", path };
}

function link(path: string, target: string): Entry {
  return { kind: "link", path, target };
}

function attribute(name: string, value: Bytes): Entry {
  return { path: "a", content: pattern(0), xattrs: { [name]: value } };
}

function streamOf(length: number, chunks: readonly Bytes[]): Content {
  return {
    length,
    async *open() {
      yield* chunks;
    },
  };
}
