import { constants, type BigIntStats } from "node:fs";
import { lstat, open, readdir, readlink, stat, statfs } from "node:fs/promises";
import type { Attributes, Entry } from "../src/ext4/filesystem.ts";
import type { ByteRange, Bytes, Content } from "../src/ext4/segment.ts";
import { decodeText } from "../src/ext4/text.ts";
import { EARLIEST, LATEST } from "../src/ext4/time.ts";
import { systemReason } from "./reason.ts";
import { readXattrs, type FileXattrs } from "./xattrs.ts";

/** What is in a folder, for `filesystem`, and what of it is not. */
export interface Folder {
  readonly entries: readonly Entry[];
  /** A sentence for each thing that an image cannot have. */
  readonly left: readonly string[];
}

/** Who entries belong to: everybody's files one owner, or each its own. */
export type Owner = "keep" | { readonly uid: number; readonly gid: number };

/** What is read at a time, in bytes. */
const CHUNK = 2 ** 20;
/** The holes that are looked for in a file that has some: what file systems leave out, in bytes. */
const HOLE = 4096;
const ZEROS = Buffer.alloc(CHUNK);
/** The most that a file whose size is not known may have, in bytes: it is kept in memory. */
const MOST_UNSIZED = 16 * 2 ** 20;

const NANOSECONDS = 1_000_000_000n;

/**
 * All that is in `folder`, itself a folder or a symbolic link to one: files with their holes, folders, symbolic links,
 * further names of either, modes, times and extended attributes. Names are kept to the byte. Times outside what ext4
 * can say become the nearest that it can, as Linux does (`timestamp_truncate`). Throws `RangeError`, naming the file, for
 * what cannot be read and for devices, pipes and sockets.
 */
export async function entriesOf(folder: string, owner: Owner): Promise<Folder> {
  const root = Buffer.from(folder);
  const stats = await named(root, stat(root, { bigint: true }));
  if (!stats.isDirectory()) throw new RangeError(`${folder} is not a folder`);
  const walk = new Walk(owner, await readXattrs(folder));
  await walk.visit(root, "", stats);
  return walk.folder();
}

class Walk {
  readonly #owner: Owner;
  readonly #xattrs: FileXattrs;
  readonly #entries: Entry[] = [];
  /** The first names of what has several, by device and inode. */
  readonly #firstNames = new Map<string, string>();
  /** Whether the sizes of files are right on a device: /proc and its like say 0, or a page. */
  readonly #hasSizes = new Map<bigint, boolean>();
  readonly #clamped: string[] = [];

  constructor(owner: Owner, xattrs: FileXattrs) {
    this.#owner = owner;
    this.#xattrs = xattrs;
  }

  folder(): Folder {
    const left = [...this.#xattrs.left];
    const [first, ...more] = this.#clamped;
    if (first !== undefined) {
      const others = more.length > 0 ? ` and of ${more.length} more` : "";
      left.push(`the time of ${first}${others} is not within 1901 to 2446, and became the nearest that is`);
    }
    return { entries: this.#entries, left };
  }

  /** `inside` is the path in the image: text with a stand-in for each byte that is not UTF-8. */
  async visit(file: Buffer, inside: string, stats: BigIntStats): Promise<void> {
    const path = inside || "/";
    if (!stats.isDirectory()) {
      const inode = `${stats.dev}:${stats.ino}`;
      const first = this.#firstNames.get(inode);
      if (first !== undefined) {
        this.#entries.push({ kind: "link", path, target: first });
        return;
      }
      if (stats.nlink > 1n) this.#firstNames.set(inode, path);
    }
    const attributes = this.#attributes(path, stats);
    if (stats.isDirectory()) {
      this.#entries.push({ kind: "directory", path, ...attributes });
      for (const name of await named(file, readdir(file, { encoding: "buffer" }))) {
        const child = Buffer.concat([file, Buffer.from("/"), name]);
        const text = decodeText(name);
        const childStats = await named(child, lstat(child, { bigint: true }));
        await this.visit(child, inside ? `${inside}/${text}` : text, childStats);
      }
    } else if (stats.isSymbolicLink()) {
      const target = decodeText(await named(file, readlink(file, { encoding: "buffer" })));
      this.#entries.push({ kind: "symlink", path, target, ...attributes });
    } else if (stats.isFile()) {
      this.#entries.push({ path, content: await this.#contentOf(file, stats), ...attributes });
    } else {
      throw new RangeError(`${shown(file)} is neither a file, a folder nor a symbolic link`);
    }
  }

  #attributes(path: string, { mode, uid, gid, mtimeNs }: BigIntStats): Attributes {
    const [earliest, latest] = [BigInt(EARLIEST) * NANOSECONDS, BigInt(LATEST) * NANOSECONDS];
    const mtime = mtimeNs < earliest ? earliest : mtimeNs > latest ? latest : mtimeNs;
    if (mtime !== mtimeNs) this.#clamped.push(path);
    const xattrs = this.#xattrs.of(path);
    const owner = this.#owner === "keep" ? { uid: Number(uid), gid: Number(gid) } : this.#owner;
    return { mode: Number(mode & 0o7777n), mtime, ...owner, ...(xattrs ? { xattrs } : {}) };
  }

  async #contentOf(file: Buffer, stats: BigIntStats): Promise<Bytes | Content> {
    const length = Number(stats.size);
    if (!(await this.#sizesCount(file, stats.dev))) {
      const bytes = await readUnsized(file);
      if (bytes) return bytes;
      if (length === 0) {
        const most = `more than the ${MOST_UNSIZED} that are taken then`;
        throw new RangeError(`${shown(file)} does not say how many bytes it has, and has ${most}`);
      }
    }
    const data = stats.blocks * 512n < stats.size ? await dataIn(file, length) : undefined;
    return { length, data, open: () => bytesOf(file, length, data) };
  }

  /** Pseudo file systems have no blocks, and make a file's content when it is read. */
  async #sizesCount(file: Buffer, device: bigint): Promise<boolean> {
    const known = this.#hasSizes.get(device);
    if (known !== undefined) return known;
    const { blocks } = await named(file, statfs(file));
    this.#hasSizes.set(device, blocks > 0);
    return blocks > 0;
  }
}

/** The ranges of a file that are not zeros, in steps of `HOLE`. Seeking them (`SEEK_DATA`) is not in Node: it is read. */
async function dataIn(file: Buffer, length: number): Promise<ByteRange[]> {
  const data: { start: number; length: number }[] = [];
  let at = 0;
  for await (const chunk of bytesOf(file, length)) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (bytes.compare(ZEROS, 0, bytes.length) !== 0) {
      for (let start = 0; start < bytes.length; start += HOLE) {
        const size = Math.min(HOLE, bytes.length - start);
        if (bytes.compare(ZEROS, 0, size, start, start + size) === 0) continue;
        const last = data.at(-1);
        if (last && last.start + last.length === at + start) last.length += size;
        else data.push({ start: at + start, length: size });
      }
    }
    at += bytes.length;
  }
  return data;
}

/** A file's bytes up to `length`, in chunks that begin at multiples of `CHUNK`; holes between `data` are not read. */
async function* bytesOf(file: Buffer, length: number, data?: readonly ByteRange[]): AsyncGenerator<Bytes> {
  // With O_NONBLOCK a pipe that has taken the file's place is not waited for.
  const handle = await named(file, open(file, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const ranges = data ?? [{ start: 0, length: Infinity }];
    let next = 0;
    for (let at = 0; at <= length;) {
      const size = CHUNK - (at % CHUNK);
      while (next < ranges.length && ranges[next]!.start + ranges[next]!.length <= at) next++;
      if (at < length && (ranges[next]?.start ?? Infinity) >= at + size) {
        const zeros = Math.min(size, length - at);
        yield ZEROS.subarray(0, zeros);
        at += zeros;
        continue;
      }
      const chunk = new Uint8Array(size);
      const { bytesRead } = await named(file, handle.read(chunk, 0, size, at));
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** All of a file that does not say how large it is, or undefined when that is more than `MOST_UNSIZED`. */
async function readUnsized(file: Buffer): Promise<Bytes | undefined> {
  const handle = await named(file, open(file, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    const chunks: Bytes[] = [];
    for (let length = 0; ;) {
      const chunk = new Uint8Array(64 * 1024);
      const { bytesRead } = await named(file, handle.read(chunk, 0, chunk.length, null));
      if (bytesRead === 0) return new Uint8Array(Buffer.concat(chunks));
      if ((length += bytesRead) > MOST_UNSIZED) return undefined;
      chunks.push(chunk.slice(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

async function named<T>(file: Buffer, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new RangeError(`${shown(file)} cannot be read: ${systemReason(error)}`, { cause: error });
  }
}

function shown(file: Buffer): string {
  return file.toString();
}
