import { describe, expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { forge, type Forgery } from "../testing/forge.ts";
import { DIR_ENTRY, EXTENT_HEADER, GROUP_DESCRIPTOR, INODE, SUPERBLOCK } from "./fields.ts";
import { FilesystemError, type Entry } from "./filesystem.ts";
import { read } from "./reader.ts";
import { MIB, options } from "./testing.ts";

// Images whose checksums are right and whose numbers are not: each is refused at once, in words of ours, before memory
// is taken for what it says.

const entries: Entry[] = [
  { path: "file", content: pattern(20_000) },
  { path: "nodes", content: pattern(8 * 1024, 2) }, // whose blocks are made nodes of extent trees
  { path: "d/name", content: pattern(10) },
  { kind: "symlink", path: "slow", target: "x".repeat(100) },
];
const made = () => forge(entries, options(2 * MIB));

/** Read everything, as far as `most` bytes; how many reads it took. */
async function readAll({ bytes }: Forgery, most = 8 * MIB): Promise<number> {
  let reads = 0;
  const volume = await read((start, length) => {
    reads++;
    return bytes.slice(start, start + length);
  });
  let seen = 0;
  for await (const entry of volume.entries()) {
    if (entry.kind !== "file" || entry.content instanceof Uint8Array) continue;
    for await (const chunk of entry.content.open())
      if ((seen += chunk.length) > most) throw new Error("no end");
  }
  return reads;
}

/** What is wrong with an image that `change` has been at. */
async function refusal(change: (image: Forgery) => void): Promise<string> {
  const image = made();
  change(image);
  const error = await readAll(image.seal()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FilesystemError);
  return (error as FilesystemError).message;
}

test("sealed without a change it is what it was", async () => {
  const image = made();
  const before = image.bytes.slice();
  expect(Buffer.compare(image.seal().bytes, before)).toBe(0);
  expect(await readAll(image)).toBeLessThan(100);
});

describe("extent trees", () => {
  const at = (image: Forgery) => {
    const { number, runs } = image.inode("file");
    const nodes = image.inode("nodes").runs[0]!.start;
    return { number, data: runs[0]!.start, nodes };
  };

  test("a hundred ways to one node, at five depths, end at the second", async () => {
    const message = await refusal((image) => {
      const { number, data, nodes } = at(image);
      const many = (to: number, entry: object) =>
        Array.from({ length: 80 }, () => ({ logical: 0, start: to, ...entry }));
      image.writeNode(number, 0, 5, many(nodes, {}).slice(0, 4));
      for (let depth = 4; depth > 0; depth--)
        image.writeNode(number, nodes + 4 - depth, depth, many(nodes + 5 - depth, {}));
      image.writeNode(number, nodes + 4, 0, many(data, { count: 1 }));
    });
    expect(message).toMatch(/do not ascend/);
  });

  test("ascending ways to one node too", async () => {
    const message = await refusal((image) => {
      const { number, data, nodes } = at(image);
      image.writeNode(
        number,
        0,
        1,
        [0, 1, 2, 3].map((logical) => ({ logical, start: nodes })),
      );
      image.writeNode(number, nodes, 0, [{ logical: 0, start: data, count: 1 }]);
    });
    expect(message).toMatch(/do not ascend/);
  });

  test.each([
    ["an empty node", [], /empty node/],
    ["an extent of no blocks", [{ logical: 0, count: 0 }], /no blocks/],
    [
      "extents that overlap",
      [
        { logical: 0, count: 2 },
        { logical: 1, count: 2 },
      ],
      /overlap/,
    ],
    [
      "extents that descend",
      [
        { logical: 5, count: 1 },
        { logical: 1, count: 1 },
      ],
      /ascend/,
    ],
    ["an extent past the last logical block", [{ logical: 2 ** 32 - 1, count: 2 }], /overlap/],
    ["an extent beyond the end", [{ logical: 0, count: 3000 }], /beyond the end/],
  ])("%s", async (_, extents, message) => {
    const said = await refusal((image) => {
      const { number, data, nodes } = at(image);
      image.writeNode(number, 0, 1, [{ logical: 0, start: nodes }]);
      image.writeNode(
        number,
        nodes,
        0,
        extents.map((extent) => ({ ...extent, start: data })),
      );
    });
    expect(said).toMatch(message);
  });

  test("more blocks than there are, all of them one", async () => {
    const message = await refusal((image) => {
      const { number, data, nodes } = at(image);
      image.writeNode(number, 0, 1, [{ logical: 0, start: nodes }]);
      const most = 2048 - data - 1;
      const extents = Array.from({ length: 20 }, (__, i) => ({
        logical: i * 4000,
        start: data,
        count: most,
      }));
      image.writeNode(number, nodes, 0, extents);
      image.set(INODE.i_size_lo, 100 * MIB, image.inode("file").offset);
    });
    expect(message).toMatch(/more blocks than there are/);
  });

  test("a depth of 65,535", async () => {
    expect(
      await refusal((image) => {
        const { number, nodes } = at(image);
        image.writeNode(number, 0, 5, [{ logical: 0, start: nodes }]);
        image.set(EXTENT_HEADER.eh_depth, 65_535, image.inode("file").offset + INODE.i_block.offset);
      }),
    ).toMatch(/impossible extent tree/);
  });
});

describe("sizes", () => {
  test.each([
    ["a file", "file", 2 ** 20, /impossible size/],
    ["a directory", "d", 1, /impossible size/],
    ["a symbolic link", "slow", 1, /impossible length/],
  ])("%s of more bytes than 32 bits can say", async (_, path, high, message) => {
    const said = await refusal((image) => image.set(INODE.i_size_high, high, image.inode(path).offset));
    expect(said).toMatch(message);
  });

  test.each([
    ["a directory", "d", 1000, /impossible size/],
    ["a symbolic link of a block", "slow", 1024, /impossible length/],
    ["a symbolic link of a GiB", "slow", 2 ** 30, /impossible length/],
  ])("%s of an odd size", async (_, path, size, message) => {
    expect(await refusal((image) => image.set(INODE.i_size_lo, size, image.inode(path).offset))).toMatch(
      message,
    );
  });

  test("a file system larger than what is there, before its group descriptors are read", async () => {
    const image = made();
    const groups = 500_000;
    image.set(SUPERBLOCK.s_blocks_count_lo, 1 + groups * 8192, 1024);
    image.set(SUPERBLOCK.s_inodes_count, groups * image.plan.layout.inodesPerGroup, 1024);
    image.seal();
    let asked = 0;
    const source = (start: number, length: number) => {
      asked = Math.max(asked, length);
      return image.bytes.slice(start, start + length);
    };
    await expect(read(source)).rejects.toThrow(FilesystemError);
    expect(asked).toBeLessThanOrEqual(1024);
  });
});

describe("places", () => {
  test("an inode table beyond the end", async () => {
    const descriptor = 2 * 1024;
    expect(await refusal((image) => image.set(GROUP_DESCRIPTOR.bg_inode_table_lo, 2047, descriptor))).toMatch(
      /inode table is beyond the end/,
    );
  });

  test("a directory in itself", async () => {
    const message = await refusal((image) => {
      const names = image.inode("d").runs[0]!.start * 1024;
      image.set(DIR_ENTRY.inode, image.inode("d").number, names + 24); // behind "." and ".."
    });
    expect(message).toMatch(/directory d\/name is d as well/);
  });
});
