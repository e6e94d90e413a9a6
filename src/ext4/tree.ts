import type { Bytes, Content } from "./segment.ts";
import type { Attributes, Entry, LinkEntry } from "./entry.ts";
import { FilesystemError } from "./error.ts";
import { canonicalText, encodeText } from "./text.ts";
import { timestamp, type Time, type Timestamp } from "./time.ts";
import { parseXattrs, type Xattr } from "./xattr.ts";

/** A future inode: a file, directory or symbolic link that has no place yet. */
export interface Node {
  /** Its index in the list of all nodes. */
  readonly index: number;
  readonly kind: "file" | "directory" | "symlink";
  /** As the entry had it; "/" for the root. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: Timestamp;
  readonly xattrs: readonly Xattr[];
  /** How many names lead here, counting "." and ".." of directories. */
  readonly links: number;
  /** A file's bytes. */
  readonly content: Bytes | Content | undefined;
  /** Where a symbolic link leads. */
  readonly target: Bytes | undefined;
  /** What a directory holds, sorted by name. */
  readonly children: readonly Child[] | undefined;
  /** A directory's own directory; the root's is itself. */
  readonly parent: Node | undefined;
}

/** A name in a directory. */
export interface Child {
  readonly name: string;
  /** The length of the name in bytes. */
  readonly length: number;
  readonly node: Node;
}

/** The directory tree. */
export interface Tree {
  /** Every inode: the root, lost+found, then the rest in the order of their paths, name by name. */
  readonly nodes: readonly Node[];
}

/** `EXT4_LINK_MAX`: the names that one inode can have. */
export const MAX_LINKS = 65_000;

/** The name of the directory where `e2fsck` puts what it finds without a name. */
const LOST_AND_FOUND = "lost+found";

/** Text that needs no further check, and whose length in bytes is its length. */
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;
const NO_XATTRS: readonly Xattr[] = [];

type Draft = { -readonly [key in keyof Node]: Node[key] } & {
  /** What a directory holds while entries are still being added. */
  entries: Map<string, Draft | LinkEntry> | undefined;
};

/**
 * The directory tree that the entries describe, in whatever order they come. `time` is for entries without one. Throws
 * `FilesystemError`, naming the path, for everything that no ext4 file system can store.
 */
export function buildTree(entries: Iterable<Entry>, time: Time): Tree {
  const now = timestamp(time);
  const bare = (path: string, mode: number) => draftOf({ kind: "directory", path, mode }, now);
  const root = bare("/", 0o755);
  root.parent = root;
  const lost = bare(LOST_AND_FOUND, 0o700);
  root.entries!.set(LOST_AND_FOUND, lost);
  lost.parent = root;
  const given = new Set<Draft>();
  const links: { entry: LinkEntry; directory: Draft; name: string }[] = [];
  let lastPath: string | undefined;
  let last = root;

  /** The directory that holds `path`, made if it is missing. The last one is kept: its entries mostly follow each other. */
  function directoryOf(path: string): Draft {
    const end = path.lastIndexOf("/");
    if (end < 0) return root;
    const directoryPath = path.slice(0, end);
    if (directoryPath === lastPath) return last;
    let directory = root;
    for (let start = 0; start <= end;) {
      const stop = path.indexOf("/", start);
      const name = path.slice(start, stop);
      let next = directory.entries!.get(name);
      if (next === undefined) {
        nameLength(name, path);
        next = bare(path.slice(0, stop), 0o755);
        next.parent = directory;
        directory.entries!.set(name, next);
      } else if (next.kind !== "directory") {
        throw new FilesystemError(`${next.path} is not a directory`, { path });
      }
      directory = next;
      start = stop + 1;
    }
    lastPath = directoryPath;
    last = directory;
    return directory;
  }

  for (const entry of entries) {
    if (typeof entry.path !== "string" || entry.path === "")
      throw new FilesystemError("an entry has no path");
    const path = canonicalText(entry.path); // what has the same bytes is one name
    if (path === "/") {
      if (entry.kind !== "directory") throw new FilesystemError("the root is a directory", { path });
      if (given.has(root)) throw new FilesystemError("given twice", { path });
      given.add(root);
      setAttributes(root, entry, 0o040000, 0o755, now);
      continue;
    }
    const directory = directoryOf(path);
    const name = path.slice(path.lastIndexOf("/") + 1);
    nameLength(name, path);
    const known = directory.entries!.get(name);
    if (known !== undefined) {
      const implied = known.kind === "directory" && !given.has(known);
      if (!implied) throw new FilesystemError("given twice", { path });
      if (entry.kind !== "directory") throw new FilesystemError("is a directory as well", { path });
      given.add(known);
      setAttributes(known, entry, 0o040000, known === lost ? 0o700 : 0o755, now);
      continue;
    }
    if (entry.kind === "link") {
      links.push({ entry, directory, name });
      directory.entries!.set(name, entry);
      continue;
    }
    const draft = draftOf(entry, now);
    if (entry.kind === "directory") {
      draft.parent = directory;
      given.add(draft);
    }
    directory.entries!.set(name, draft);
  }

  for (const { entry, directory, name } of links) {
    const node = resolve(root, entry);
    if (++node.links > MAX_LINKS) {
      throw new FilesystemError(`more than ${MAX_LINKS} names for ${node.path}`, { path: entry.path });
    }
    directory.entries!.set(name, node);
  }
  return { nodes: listNodes(root, lost) };
}

/** List all nodes, and sort the names and count the links of directories. No recursion: a tree may be deep. */
function listNodes(root: Draft, lost: Draft): Node[] {
  const nodes: Node[] = [];
  const list = (node: Draft) => {
    if (node.index < 0) node.index = nodes.push(node) - 1; // hard links lead to the same node again
  };
  list(root);
  list(lost);
  const todo: Draft[] = [root];
  for (let directory = todo.pop(); directory; directory = todo.pop()) {
    const entries = directory.entries!;
    const names = [...entries.keys()];
    names.sort(); // by UTF-16 code unit, which no locale changes
    const children: Child[] = [];
    const below: Draft[] = [];
    for (const name of names) {
      const node = entries.get(name)!;
      if (node.kind === "link") continue; // for the types: each has been replaced by its target
      children.push({ name, length: lengthOf(name), node });
      list(node);
      if (node.kind === "directory") below.push(node);
    }
    directory.children = children;
    directory.links = 2 + below.length;
    directory.entries = undefined;
    while (below.length) todo.push(below.pop()!);
  }
  return nodes;
}

/** The node that a hard link leads to, possibly through other hard links. */
function resolve(root: Draft, link: LinkEntry): Draft {
  const { path } = link;
  const seen = new Set<LinkEntry>([link]);
  for (let at = link; ;) {
    let found: Draft | LinkEntry | undefined = root;
    if (typeof at.target !== "string") throw new FilesystemError("a link's target is not text", { path });
    for (const name of canonicalText(at.target).split("/")) {
      found = found !== undefined && found.kind === "directory" ? found.entries!.get(name) : undefined;
    }
    if (found === undefined)
      throw new FilesystemError(`no entry for the link's target ${at.target}`, { path });
    if (found.kind === "directory") {
      throw new FilesystemError(`a hard link cannot lead to a directory, ${at.target}`, { path });
    }
    if (found.kind !== "link") return found;
    if (seen.has(found)) throw new FilesystemError("hard links that lead to each other", { path });
    seen.add(found);
    at = found;
  }
}

function draftOf(entry: Exclude<Entry, LinkEntry>, now: Timestamp): Draft {
  const { path } = entry;
  // All fields from the start: 100,000 objects of one shape are faster than 100,000 of several.
  const draft: Draft = {
    index: -1,
    kind: "file",
    path,
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: now,
    xattrs: NO_XATTRS,
    links: 1,
    content: undefined,
    target: undefined,
    children: undefined,
    parent: undefined,
    entries: undefined,
  };
  switch (entry.kind) {
    case "directory":
      draft.kind = "directory";
      draft.links = 2;
      draft.entries = new Map();
      setAttributes(draft, entry, 0o040000, 0o755, now);
      return draft;
    case "symlink":
      draft.kind = "symlink";
      draft.target = bytesOf(entry.target, "a link's target", path);
      if (draft.target.length === 0) throw new FilesystemError("a link's target is empty", { path });
      setAttributes(draft, entry, 0o120000, 0o777, now);
      draft.mode = 0o120777;
      return draft;
    case "file":
    case undefined: {
      const length = entry.content?.length;
      if (!Number.isSafeInteger(length) || length < 0) {
        throw new FilesystemError(`${length} is not a length in bytes`, { path });
      }
      if (!(entry.content instanceof Uint8Array)) checkData(entry.content, path);
      draft.content = entry.content;
      setAttributes(draft, entry, 0o100000, 0o644, now);
      return draft;
    }
    default:
      throw new FilesystemError(`unknown kind ${String((entry as Entry).kind)}`, { path });
  }
}

/** Throws unless the ranges with data are in order and within the content. */
function checkData({ length, data }: Content, path: string): void {
  let end = 0;
  for (const range of data ?? []) {
    const { start, length: bytes } = range;
    const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(bytes) && bytes > 0;
    if (!isRange || start < end || start + bytes > length) {
      throw new FilesystemError(`its data, ${bytes} bytes at ${start}, is out of order or beyond its end`, {
        path,
      });
    }
    end = start + bytes;
  }
}

/** Take over an entry's attributes. `type` and `mode` make `i_mode` if the entry has no mode. */
function setAttributes(draft: Draft, entry: Attributes, type: number, mode: number, now: Timestamp): void {
  const { path } = draft;
  const { uid = 0, gid = 0, mtime, xattrs } = entry;
  const permissions = entry.mode ?? mode;
  if (!isWhole(permissions, 0o7777))
    throw new FilesystemError(`mode ${permissions} is not 0 to 07777`, { path });
  // To chown(2), 2^32 - 1 means "do not change": no file can belong to it.
  if (!isWhole(uid, 0xffff_fffe)) throw new FilesystemError(`owner ${uid} is not 0 to 4294967294`, { path });
  if (!isWhole(gid, 0xffff_fffe)) throw new FilesystemError(`group ${gid} is not 0 to 4294967294`, { path });
  draft.mode = type | permissions;
  draft.uid = uid;
  draft.gid = gid;
  draft.mtime = mtime === undefined ? now : timestamp(mtime, path);
  draft.xattrs = xattrs === undefined ? NO_XATTRS : parseXattrs(xattrs, path);
}

/** A name's length in bytes. Throws, naming `path`, when it cannot be a name in a directory. */
function nameLength(name: string, path: string): number {
  if (name === "")
    throw new FilesystemError("an empty name: a path has single slashes between names only", { path });
  if (name === "." || name === "..") throw new FilesystemError(`"${name}" cannot be a name`, { path });
  const length = PRINTABLE_ASCII.test(name) ? name.length : bytesOf(name, "a name", path).length;
  if (length > 255) throw new FilesystemError(`a name has ${length} bytes, more than 255`, { path });
  return length;
}

/** The bytes that text stands for. Throws for a NUL and for half a surrogate pair that stands for no byte. */
function bytesOf(text: string, what: string, path: string): Bytes {
  if (typeof text !== "string") throw new FilesystemError(`${what} is not text`, { path });
  if (text.includes("\0")) throw new FilesystemError(`${what} has a NUL character`, { path });
  const bytes = encodeText(text);
  if (!bytes) throw new FilesystemError(`${what} has half a surrogate pair`, { path });
  return bytes;
}

function lengthOf(name: string): number {
  return PRINTABLE_ASCII.test(name) ? name.length : encodeText(name)!.length;
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
