import type { Bytes, Content } from "./segment.ts";
import { bitmapChecksum } from "./bitmap.ts";
import type { Entry } from "./entry.ts";
import { FilesystemError } from "./error.ts";
import { checksumSeed, INDEX_FL, LOST_AND_FOUND_INODE, ROOT_INODE } from "./format.ts";
import { DESCRIPTOR_SIZE, INODE_SIZE } from "./layout.ts";
import {
  demand,
  generationSeed,
  hasExtents,
  parseDirectoryBlock,
  parseExtents,
  parseGroup,
  parseInode,
  parseSuperblock,
  type Group,
  type ParsedExtent,
  type ParsedInode,
  type Superblock,
} from "./parse.ts";
import { formatXattrs, readXattrs, xattrBlockChecksum, type Xattr } from "./xattr.ts";

/** `length` bytes from `start` on of the file system's image, no fewer. */
export type Source = (start: number, length: number) => Bytes | Promise<Bytes>;

/** A file system that has been opened: its superblock, group descriptors and bitmaps have the right checksums. */
export interface Volume {
  readonly label: string;
  readonly uuid: string;
  readonly blockSize: number;
  /** Bytes of its blocks; the image may be longer. */
  readonly size: number;
  readonly freeBytes: number;
  readonly freeInodes: number;
  /** When it was made, nanoseconds since 1970. */
  readonly made: bigint;
  /**
   * Everything in it, each directory before what it holds, as entries that `filesystem` takes. The first name met of
   * an inode is the file, further ones are links to it. lost+found comes only if there is something in it. Throws
   * `FilesystemError` for whatever the writer does not write, and for every wrong checksum on the way.
   */
  entries(): AsyncGenerator<Entry>;
  /** The content of the file at `path`. Throws `FilesystemError` when there is none. */
  file(path: string): Promise<Content>;
}

/**
 * Open a file system as the writer makes them, also after the kernel has changed and properly unmounted it. Throws
 * `FilesystemError` for any other.
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

/** Bytes to read at a time. */
const CHUNK = 1024 * 1024;
const TABLE_CHUNK = 16 * 1024;

class Reader {
  private readonly seed: number;
  private readonly source: Source;
  private readonly sb: Superblock;
  private readonly groups: Group[] = [];
  /** The piece of an inode table read last: entries that follow each other are neighbours there, too. */
  private table: { readonly start: number; readonly bytes: Bytes } | undefined;

  constructor(source: Source, sb: Superblock) {
    this.source = source;
    this.sb = sb;
    this.seed = checksumSeed(sb.uuid);
  }

  async readGroups(): Promise<void> {
    const { groups, firstBlock } = this.sb;
    const descriptors = await this.blocks(
      firstBlock + 1,
      Math.ceil((groups * DESCRIPTOR_SIZE) / this.sb.blockSize),
    );
    for (let number = 0; number < groups; number++) {
      const bytes = descriptors.slice(number * DESCRIPTOR_SIZE, (number + 1) * DESCRIPTOR_SIZE);
      const group = parseGroup(bytes, number, this.sb, this.seed);
      for (const { block, bits, checksum } of group.bitmaps) {
        const right = bitmapChecksum(await this.blocks(block, 1), bits, this.seed) === checksum;
        demand(right, `the checksum of a bitmap of group ${number} is wrong`);
      }
      this.groups.push(group);
    }
  }

  async *entries(): AsyncGenerator<Entry> {
    const seen = new Map<number, string>([[ROOT_INODE, "/"]]);
    const todo = [{ inode: await this.inode(ROOT_INODE), path: "" }];
    for (let next = todo.pop(); next; next = todo.pop()) {
      const { inode, path } = next;
      const below: typeof todo = [];
      const names = await this.names(inode);
      const idle = inode.number === LOST_AND_FOUND_INODE && names.length === 0;
      if (!idle)
        yield { kind: "directory", path: path === "" ? "/" : path, ...(await this.attributes(inode)) };
      for (const name of names) {
        const childPath = path === "" ? name.name : `${path}/${name.name}`;
        const child = await this.inode(name.inode);
        const known = seen.get(name.inode);
        if (typeOf(child) === DIRECTORY) {
          demand(known === undefined, `directory ${childPath} is ${known} as well`);
          below.push({ inode: child, path: childPath });
        } else if (known !== undefined) {
          yield { kind: "link", path: childPath, target: known };
        } else {
          yield await this.entry(child, childPath);
        }
        if (known === undefined) seen.set(name.inode, childPath);
      }
      while (below.length > 0) todo.push(below.pop()!);
    }
  }

  async file(path: string): Promise<Content> {
    let inode = await this.inode(ROOT_INODE);
    for (const part of path.split("/")) {
      const names = typeOf(inode) === DIRECTORY ? await this.names(inode) : [];
      const found = names.find(({ name }) => name === part);
      if (found === undefined) throw new FilesystemError("no such file", { path });
      inode = await this.inode(found.inode);
    }
    if (typeOf(inode) !== FILE) throw new FilesystemError("not a file", { path });
    return this.contentOf(inode);
  }

  private contentOf(inode: ParsedInode): Content {
    return { length: inode.size, open: () => this.content(inode) };
  }

  private async entry(inode: ParsedInode, path: string): Promise<Entry> {
    const attributes = await this.attributes(inode);
    const type = typeOf(inode);
    if (type === SYMLINK) {
      const bytes = hasExtents(inode) ? await this.all(inode) : inode.block.slice(0, inode.size);
      demand(inode.size > 0 && bytes.length === inode.size, `${path}: a symbolic link of impossible length`);
      const { mode: _, ...rest } = attributes;
      return {
        kind: "symlink",
        path,
        target: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
        ...rest,
      };
    }
    demand(type === FILE, `${path} is neither file nor directory nor symbolic link`);
    return {
      kind: "file",
      path,
      content: this.contentOf(inode),
      ...attributes,
    };
  }

  private async attributes(inode: ParsedInode) {
    const { mode, uid, gid, mtime } = inode;
    const found: Xattr[] = [...inode.xattrs];
    if (inode.xattrBlock > 0) {
      const bytes = await this.blocks(inode.xattrBlock, 1);
      const checksum = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0x10, true);
      const right = checksum === xattrBlockChecksum(bytes, inode.xattrBlock, this.seed);
      demand(right, `the checksum of the attributes of inode ${inode.number} is wrong`);
      found.push(...readXattrs(bytes, 32, 0));
    }
    const own = { mode: mode & 0o7777, uid, gid, mtime };
    return found.length > 0 ? { ...own, xattrs: formatXattrs(found) } : own;
  }

  private async inode(number: number): Promise<ParsedInode> {
    return parseInode(await this.inodeBytes(number), number, this.seed);
  }

  private async inodeBytes(number: number): Promise<Bytes> {
    const { inodesPerGroup, blockSize } = this.sb;
    const group = this.groups[Math.floor((number - 1) / inodesPerGroup)];
    demand(number >= 1 && group !== undefined, `there is no inode ${number}`);
    const table = group.inodeTable * blockSize;
    const at = ((number - 1) % inodesPerGroup) * INODE_SIZE;
    const first = at - (at % TABLE_CHUNK);
    const start = table + first;
    if (this.table?.start !== start) {
      const length = Math.min(TABLE_CHUNK, inodesPerGroup * INODE_SIZE - first);
      this.table = { start, bytes: await fetchFrom(this.source, start, length) };
    }
    return this.table.bytes.slice(at - first, at - first + INODE_SIZE);
  }

  /** The names in a directory but "." and "..", in order of name. */
  private async names(inode: ParsedInode) {
    const seed = generationSeed(await this.inodeBytes(inode.number), inode.number, this.seed);
    const { blockSize } = this.sb;
    const names = new Map<string, number>();
    let at = 0;
    for await (const chunk of this.content(inode)) {
      for (let i = 0; i < chunk.length; i += blockSize) {
        const block = chunk.slice(i, i + blockSize);
        const indexed = (inode.flags & INDEX_FL) !== 0;
        for (const name of parseDirectoryBlock(block, indexed, at === 0, seed)) {
          demand(!names.has(name.name), `directory inode ${inode.number} has ${name.name} twice`);
          names.set(name.name, name.inode);
        }
        at += blockSize;
      }
    }
    demand(names.delete(".") && names.delete(".."), `directory inode ${inode.number} has no "." or ".."`);
    const sorted = [...names].map(([name, number]) => ({ name, inode: number }));
    sorted.sort((a, b) => (a.name < b.name ? -1 : 1));
    return sorted;
  }

  private async all(inode: ParsedInode): Promise<Bytes> {
    const bytes = new Uint8Array(inode.size);
    let at = 0;
    for await (const chunk of this.content(inode)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** An inode's bytes, up to its size; what no extent covers is zero. */
  private async *content(inode: ParsedInode): AsyncGenerator<Bytes> {
    const { blockSize, blocks } = this.sb;
    const { size } = inode;
    demand(
      typeOf(inode) === FILE || size <= blocks * blockSize,
      `inode ${inode.number} has an impossible size`,
    );
    let at = 0;
    for await (const extent of this.extents(inode)) {
      const start = extent.logical * blockSize;
      demand(start >= at, `the extents of inode ${inode.number} overlap`);
      yield* zeros(Math.min(start, size) - at);
      at = Math.min(start, size);
      const length = Math.min(extent.count * blockSize, size - at);
      if (!extent.written) {
        yield* zeros(length);
        at += length;
        continue;
      }
      demand(extent.start + extent.count <= blocks, `an extent of inode ${inode.number} is beyond the end`);
      for (let done = 0; done < length; done += CHUNK) {
        const some = Math.min(CHUNK, length - done);
        yield await fetchFrom(this.source, extent.start * blockSize + done, some);
      }
      at += length;
    }
    yield* zeros(size - at);
  }

  /** The extents of an inode in order, walking its tree. */
  private async *extents(inode: ParsedInode): AsyncGenerator<ParsedExtent> {
    demand(hasExtents(inode), `inode ${inode.number} has no extents`);
    const seed = generationSeed(await this.inodeBytes(inode.number), inode.number, this.seed);
    const root = parseExtents(inode.block);
    const todo = [{ node: root }];
    for (let next = todo.pop(); next; next = todo.pop()) {
      yield* next.node.extents;
      const below: typeof todo = [];
      for (const block of next.node.below) {
        const bytes = await this.blocks(block, 1);
        below.push({ node: parseExtents(bytes, { depth: next.node.depth - 1, seed }) });
      }
      while (below.length > 0) todo.push(below.pop()!);
    }
  }

  private async blocks(start: number, count: number): Promise<Bytes> {
    const { blockSize, blocks } = this.sb;
    demand(start >= this.sb.firstBlock && start + count <= blocks, `block ${start} is beyond the end`);
    return fetchFrom(this.source, start * blockSize, count * blockSize);
  }
}

const FILE = 0o100000;
const DIRECTORY = 0o040000;
const SYMLINK = 0o120000;

function typeOf({ mode }: ParsedInode): number {
  return mode & 0o170000;
}

async function fetchFrom(source: Source, start: number, length: number): Promise<Bytes> {
  const bytes = await source(start, length);
  demand(bytes.length === length, `the image ends within ${start} to ${start + length}`);
  return bytes;
}

function* zeros(length: number): Generator<Bytes> {
  for (let left = length; left > 0; left -= CHUNK) yield new Uint8Array(Math.min(left, CHUNK));
}

function formatUuid(bytes: Bytes): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
