import type { ByteRange, Bytes, Content } from "./segment.ts";
import { bitmapChecksum } from "./bitmap.ts";
import type { Entry } from "./entry.ts";
import { FilesystemError } from "./error.ts";
import { MAX_FILE_BLOCKS } from "./extent.ts";
import { INDEX_FL, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./fields.ts";
import { checksumSeed, LOST_AND_FOUND_INODE, ROOT_INODE } from "./format.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE } from "./layout.ts";
import {
  assertValid,
  hasExtents,
  parseDirectoryBlock,
  parseExtents,
  parseGroup,
  parseInode,
  parseSuperblock,
  type Group,
  type ParsedExtent,
  type ParsedInode,
  type Subtree,
  type Superblock,
} from "./parse.ts";
import { decodeText } from "./text.ts";
import { formatXattrs, readXattrBlock } from "./xattr.ts";

/** Returns exactly `length` bytes of the file system's image, from byte `start` on. */
export type Source = (start: number, length: number) => Bytes | Promise<Bytes>;

/** An opened file system. The checksums of its superblock, group descriptors and bitmaps have been checked. */
export interface Volume {
  readonly label: string;
  readonly uuid: string;
  readonly blockSize: number;
  /** Bytes of the file system; the image may be longer. */
  readonly size: number;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** When it was made, nanoseconds since 1970. */
  readonly made: bigint;
  /**
   * Everything in it as entries that `filesystem` takes, each directory before what it holds. An inode with several
   * names is a file at the first of them, and a link to that at the others. lost+found is left out if it is empty.
   * Throws `FilesystemError` for what the writer never writes, and for each wrong checksum that is met.
   */
  entries(): AsyncGenerator<Entry>;
  /** The content of the file at `path`. Throws `FilesystemError` when there is none. */
  file(path: string): Promise<Content>;
}

/**
 * Open a file system that the writer made, also after the kernel has changed and cleanly unmounted it. Throws
 * `FilesystemError` for file systems with other features, for damaged ones, and for one whose journal has to be
 * replayed. What `source` throws passes through.
 */
export async function read(source: Source): Promise<Volume> {
  const superblock = parseSuperblock(await fetchFrom(source, 1024, 1024));
  const reader = new Reader(source, superblock);
  await reader.readGroups();
  const { blockSize, blocks, freeBlocks, freeInodes, label, made } = superblock;
  return {
    label,
    uuid: formatUuid(superblock.uuid),
    blockSize,
    size: blocks * blockSize,
    freeBytes: freeBlocks * blockSize,
    freeInodes,
    made,
    entries: () => reader.entries(),
    file: (path) => reader.file(path),
  };
}

/** Bytes of a file to read at a time. */
const CHUNK = 1024 * 1024;
/** Bytes of an inode table to read at a time. */
const TABLE_CHUNK = 16 * 1024;

class Reader {
  readonly #source: Source;
  readonly #sb: Superblock;
  readonly #seed: number;
  readonly #groups: Group[] = [];
  /** The part of an inode table that was read last: successive entries mostly have neighbouring inodes. */
  #table: { readonly start: number; readonly bytes: Bytes } | undefined;

  constructor(source: Source, sb: Superblock) {
    this.#source = source;
    this.#sb = sb;
    this.#seed = checksumSeed(sb.uuid);
  }

  async readGroups(): Promise<void> {
    const { groups, firstBlock, blocks } = this.#sb;
    await this.#blocks(blocks - 1, 1); // what follows takes memory for a file system of that size: it has to be there
    const descriptors = await this.#blocks(
      firstBlock + 1,
      Math.ceil((groups * DESCRIPTOR_SIZE) / this.#sb.blockSize),
    );
    for (let number = 0; number < groups; number++) {
      const bytes = descriptors.slice(number * DESCRIPTOR_SIZE, (number + 1) * DESCRIPTOR_SIZE);
      const group = parseGroup(bytes, number, this.#sb, this.#seed);
      for (const { block, bits, checksum } of group.bitmaps) {
        const right = bitmapChecksum(await this.#blocks(block, 1), bits, this.#seed) === checksum;
        assertValid(right, `the checksum of a bitmap of group ${number} is wrong`);
      }
      this.#groups.push(group);
    }
  }

  async *entries(): AsyncGenerator<Entry> {
    const seen = new Map<number, string>([[ROOT_INODE, "/"]]);
    const todo = [{ inode: await this.#inode(ROOT_INODE), path: "" }];
    for (let next = todo.pop(); next; next = todo.pop()) {
      const { inode, path } = next;
      const below: typeof todo = [];
      const names = await this.#names(inode);
      if (names.length > 0 || inode.number !== LOST_AND_FOUND_INODE) {
        yield { kind: "directory", path: path === "" ? "/" : path, ...(await this.#attributes(inode)) };
      }
      for (const name of names) {
        const childPath = path === "" ? name.name : `${path}/${name.name}`;
        const child = await this.#inode(name.inode);
        const known = seen.get(name.inode);
        if (typeOf(child) === S_IFDIR) {
          assertValid(known === undefined, `directory ${childPath} is ${known} as well`);
          below.push({ inode: child, path: childPath });
        } else if (known !== undefined) {
          yield { kind: "link", path: childPath, target: known };
        } else {
          yield await this.#entry(child, childPath);
        }
        if (known === undefined) seen.set(name.inode, childPath);
      }
      while (below.length > 0) todo.push(below.pop()!);
    }
  }

  async file(path: string): Promise<Content> {
    let inode = await this.#inode(ROOT_INODE);
    for (const part of path.split("/")) {
      const names = typeOf(inode) === S_IFDIR ? await this.#names(inode) : [];
      const found = names.find(({ name }) => name === part);
      if (found === undefined) throw new FilesystemError("no such file", { path });
      inode = await this.#inode(found.inode);
    }
    if (typeOf(inode) !== S_IFREG) throw new FilesystemError("not a file", { path });
    return await this.#contentOf(inode);
  }

  async #contentOf(inode: ParsedInode): Promise<Content> {
    const content = { length: inode.size, open: () => this.#content(inode) };
    const data = await this.#dataOf(inode);
    return data ? { ...content, data } : content;
  }

  /** Where a file has data, or undefined when it has no holes. */
  async #dataOf(inode: ParsedInode): Promise<ByteRange[] | undefined> {
    const { blockSize } = this.#sb;
    const data: { start: number; length: number }[] = [];
    for await (const { logical, count, written } of this.#extents(inode)) {
      const start = logical * blockSize;
      const length = Math.min(count * blockSize, inode.size - start);
      if (!written || length <= 0) continue;
      const last = data.at(-1);
      if (last && last.start + last.length === start) last.length += length;
      else data.push({ start, length });
    }
    const isWhole = inode.size === 0 || (data[0]?.start === 0 && data[0].length === inode.size);
    return isWhole ? undefined : data;
  }

  async #entry(inode: ParsedInode, path: string): Promise<Entry> {
    const attributes = await this.#attributes(inode);
    const type = typeOf(inode);
    if (type === S_IFLNK) {
      const { size } = inode;
      const max = hasExtents(inode) ? this.#sb.blockSize - 1 : inode.block.length;
      assertValid(size > 0 && size <= max, `${path}: a symbolic link of impossible length`);
      const bytes = hasExtents(inode) ? await this.#all(inode) : inode.block.slice(0, size);
      const { mode: _, ...rest } = attributes;
      return { kind: "symlink", path, target: decodeText(bytes), ...rest };
    }
    assertValid(type === S_IFREG, `${path} is neither file nor directory nor symbolic link`);
    return { kind: "file", path, content: await this.#contentOf(inode), ...attributes };
  }

  async #attributes(inode: ParsedInode) {
    const { mode, uid, gid, mtime, xattrBlock } = inode;
    const inBlock =
      xattrBlock > 0 ? readXattrBlock(await this.#blocks(xattrBlock, 1), xattrBlock, this.#seed) : [];
    const xattrs = [...inode.xattrs, ...inBlock];
    const own = { mode: mode & 0o7777, uid, gid, mtime };
    return xattrs.length > 0 ? { ...own, xattrs: formatXattrs(xattrs) } : own;
  }

  async #inode(number: number): Promise<ParsedInode> {
    const { inodesPerGroup, blockSize, blocks } = this.#sb;
    const group = this.#groups[Math.floor((number - 1) / inodesPerGroup)];
    assertValid(number >= 1 && group !== undefined, `there is no inode ${number}`);
    const table = group.inodeTable * blockSize;
    const at = ((number - 1) % inodesPerGroup) * INODE_SIZE;
    const first = at - (at % TABLE_CHUNK);
    const start = table + first;
    if (this.#table?.start !== start) {
      const length = Math.min(TABLE_CHUNK, inodesPerGroup * INODE_SIZE - first);
      assertValid(start + length <= blocks * blockSize, "an inode table is beyond the end");
      this.#table = { start, bytes: await fetchFrom(this.#source, start, length) };
    }
    const bytes = this.#table.bytes.slice(at - first, at - first + INODE_SIZE);
    return parseInode(bytes, number, this.#seed);
  }

  /** The names in a directory except "." and "..", sorted. */
  async #names(inode: ParsedInode) {
    const { blockSize, blocks } = this.#sb;
    assertValid(
      inode.size % blockSize === 0 && inode.size <= blocks * blockSize,
      `directory inode ${inode.number} has an impossible size`,
    );
    const indexed = (inode.flags & INDEX_FL) !== 0;
    const names = new Map<string, number>();
    let at = 0;
    for await (const chunk of this.#content(inode)) {
      for (let i = 0; i < chunk.length; i += blockSize) {
        const block = chunk.slice(i, i + blockSize);
        for (const name of parseDirectoryBlock(block, indexed, at === 0, inode.seed)) {
          assertValid(!names.has(name.name), `directory inode ${inode.number} has ${name.name} twice`);
          names.set(name.name, name.inode);
        }
        at += blockSize;
      }
    }
    assertValid(
      names.delete(".") && names.delete(".."),
      `directory inode ${inode.number} has no "." or ".."`,
    );
    const sorted = [...names].map(([name, number]) => ({ name, inode: number }));
    sorted.sort((a, b) => (a.name < b.name ? -1 : 1));
    return sorted;
  }

  async #all(inode: ParsedInode): Promise<Bytes> {
    const bytes = new Uint8Array(inode.size);
    let at = 0;
    for await (const chunk of this.#content(inode)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** An inode's content, up to its size. What no extent covers is zero. */
  async *#content(inode: ParsedInode): AsyncGenerator<Bytes> {
    const { blockSize } = this.#sb;
    const { size } = inode;
    assertValid(size <= MAX_FILE_BLOCKS * blockSize, `inode ${inode.number} has an impossible size`);
    let at = 0;
    for await (const extent of this.#extents(inode)) {
      const start = Math.min(extent.logical * blockSize, size);
      yield* zeros(start - at);
      at = start;
      const length = Math.min(extent.count * blockSize, size - at);
      if (!extent.written) {
        yield* zeros(length);
        at += length;
        continue;
      }
      for (let done = 0; done < length; done += CHUNK) {
        const some = Math.min(CHUNK, length - done);
        yield await fetchFrom(this.#source, extent.start * blockSize + done, some);
      }
      at += length;
    }
    yield* zeros(size - at);
  }

  /**
   * The extents of an inode in order, which do not overlap in the file. Nodes of its tree are read when they are
   * reached, and all together is at most what the file system has.
   */
  async *#extents(inode: ParsedInode): AsyncGenerator<ParsedExtent> {
    const { number, seed } = inode;
    assertValid(hasExtents(inode), `inode ${number} has no extents`);
    let left = this.#sb.blocks;
    const take = (start: number, count: number) => {
      this.#checkBlocks(start, count);
      left -= count;
      assertValid(left >= 0, `inode ${number} has more blocks than there are`);
    };
    const todo: Subtree[] = [];
    for (let node = parseExtents(inode.block); ;) {
      for (const extent of node.extents) {
        take(extent.start, extent.count);
        yield extent;
      }
      for (let i = node.below.length - 1; i >= 0; i--) todo.push(node.below[i]!);
      const next = todo.pop();
      if (next === undefined) return;
      take(next.block, 1);
      node = parseExtents(await this.#blocks(next.block, 1), { ...next, seed });
    }
  }

  async #blocks(start: number, count: number): Promise<Bytes> {
    const { blockSize } = this.#sb;
    this.#checkBlocks(start, count);
    return fetchFrom(this.#source, start * blockSize, count * blockSize);
  }

  #checkBlocks(start: number, count: number): void {
    const { firstBlock, blocks } = this.#sb;
    assertValid(start >= firstBlock && start + count <= blocks, `block ${start} is beyond the end`);
  }
}

function typeOf({ mode }: ParsedInode): number {
  return mode & S_IFMT;
}

async function fetchFrom(source: Source, start: number, length: number): Promise<Bytes> {
  const bytes = await source(start, length);
  assertValid(bytes.length === length, `the image ends within ${start} to ${start + length}`);
  return bytes;
}

function* zeros(length: number): Generator<Bytes> {
  for (let left = length; left > 0; left -= CHUNK) yield new Uint8Array(Math.min(left, CHUNK));
}

function formatUuid(bytes: Bytes): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
