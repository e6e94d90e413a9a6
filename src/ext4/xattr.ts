import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { FilesystemError } from "./error.ts";
import {
  ACL_ENTRY,
  ACL_ENTRY_SHORT_SIZE,
  ACL_ENTRY_SIZE,
  ACL_HEADER,
  ACL_HEADER_SIZE,
  XATTR_ENTRY,
  XATTR_ENTRY_HEADER_SIZE,
  XATTR_HEADER,
  XATTR_HEADER_SIZE,
  XATTR_IBODY_HEADER_SIZE,
  XATTR_LAST_ENTRY,
  XATTR_LAST_ENTRY_SIZE,
  XATTR_MAGIC,
} from "./fields.ts";
import { Struct } from "./struct.ts";
import { decodeText, encodeText } from "./text.ts";

/** An extended attribute as it is stored: a number for the namespace (`e_name_index`), and the rest of the name. */
export interface Xattr {
  readonly index: number;
  readonly name: Bytes;
  readonly value: Bytes;
}

/** Where a node's attributes go: behind the fields of its inode, or into a block of their own. */
export interface XattrPlaces {
  readonly body: readonly Xattr[];
  readonly block: readonly Xattr[];
}

/** `e_name_index`: the namespaces ext4 knows, and the names that are whole. */
export const XATTR_INDEX: Readonly<Record<string, number>> = {
  "user.": 1,
  "system.posix_acl_access": 2,
  "system.posix_acl_default": 3,
  "trusted.": 4,
  "security.": 6,
};

/**
 * Attributes by full name, in the order a block needs: namespace, length of name, name. Throws `FilesystemError`, naming
 * `path`, for a name or value that ext4 cannot store.
 */
export function parseXattrs(xattrs: Readonly<Record<string, Bytes>>, path: string): Xattr[] {
  const parsed = Object.entries(xattrs).map(([name, value]) => parseXattr(name, value, path));
  parsed.sort(compare);
  return parsed;
}

/**
 * Decide where attributes go: into the inode while they fit, otherwise into the block. `bodyRoom` and `blockSize` are in bytes.
 * Throws `FilesystemError`, naming `path`, when both are too small.
 */
export function placeXattrs(
  xattrs: readonly Xattr[],
  bodyRoom: number,
  blockSize: number,
  path: string,
): XattrPlaces {
  const body: Xattr[] = [];
  const block: Xattr[] = [];
  let bodyLeft = bodyRoom - XATTR_IBODY_HEADER_SIZE - XATTR_LAST_ENTRY_SIZE;
  let blockLeft = blockSize - XATTR_HEADER_SIZE - XATTR_LAST_ENTRY_SIZE;
  for (const xattr of xattrs) {
    const size = sizeOf(xattr);
    if (size <= bodyLeft) {
      bodyLeft -= size;
      body.push(xattr);
    } else {
      blockLeft -= size;
      block.push(xattr);
    }
  }
  if (blockLeft < 0) {
    const missing = -blockLeft;
    throw new FilesystemError(`extended attributes are ${missing} bytes too large for their block`, {
      path,
      missing,
    });
  }
  return { body, block };
}

/** What stands behind the fields of an inode, `room` bytes: entries from the front, values from the back. */
export function xattrBody(xattrs: readonly Xattr[], room: number): Bytes {
  const s = new Struct(room);
  if (xattrs.length === 0) return s.bytes;
  s.set(XATTR_HEADER.h_magic, XATTR_MAGIC);
  writeEntries(s, xattrs, XATTR_IBODY_HEADER_SIZE, XATTR_IBODY_HEADER_SIZE);
  return s.bytes;
}

/** A block of attributes. `block` is its number, which its checksum covers. */
export function xattrBlock(xattrs: readonly Xattr[], blockSize: number, block: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  s.set(XATTR_HEADER.h_magic, XATTR_MAGIC);
  s.set(XATTR_HEADER.h_refcount, 1); // blocks are not shared
  s.set(XATTR_HEADER.h_blocks, 1);
  s.set(XATTR_HEADER.h_hash, xattrs.reduce((hash, xattr) => rotate(hash, 16) ^ hashOf(xattr), 0) >>> 0);
  writeEntries(s, xattrs, XATTR_HEADER_SIZE, 0);
  s.set(XATTR_HEADER.h_checksum, xattrBlockChecksum(s.bytes, block, seed)); // the rest of the header stays zero
  return s.bytes;
}

/** `h_checksum`: over the number of the block in 64 bits, then the block with `h_checksum` as zero. */
export function xattrBlockChecksum(bytes: Bytes, block: number, seed: number): number {
  const { offset } = XATTR_HEADER.h_checksum;
  const place = crc32cWord(crc32cWord(seed, block), 0); // below 2^32 blocks
  return crc32c(crc32cWord(crc32c(place, bytes, 0, offset), 0), bytes, offset + 4);
}

/**
 * The attributes behind the fields of an inode; `bytes` are from there to its end. Throws `FilesystemError` when they
 * are damaged.
 */
export function readXattrBody(bytes: Bytes): Xattr[] {
  return readEntries(new Struct(bytes), XATTR_IBODY_HEADER_SIZE, XATTR_IBODY_HEADER_SIZE);
}

/** The attributes in block number `block`. Throws `FilesystemError` when they are damaged. */
export function readXattrBlock(bytes: Bytes, block: number, seed: number): Xattr[] {
  const s = new Struct(bytes);
  if (s.get(XATTR_HEADER.h_checksum) !== xattrBlockChecksum(bytes, block, seed)) {
    throw new FilesystemError(`the checksum of the attributes in block ${block} is wrong`);
  }
  return readEntries(s, XATTR_HEADER_SIZE, 0);
}

/** The inverse of `writeEntries`: entries begin at `first`, and value offsets count from `base`. */
function readEntries(s: Struct, first: number, base: number): Xattr[] {
  const { bytes } = s;
  const xattrs: Xattr[] = [];
  if (s.get(XATTR_HEADER.h_magic) !== XATTR_MAGIC) {
    throw new FilesystemError("extended attributes without their magic number");
  }
  for (let at = first; s.get(XATTR_LAST_ENTRY, at) !== 0;) {
    const nameStart = at + XATTR_ENTRY_HEADER_SIZE;
    const nameLength = s.get(XATTR_ENTRY.e_name_len, at);
    const next = nameStart + up4(nameLength);
    if (next + XATTR_LAST_ENTRY_SIZE > bytes.length) {
      throw new FilesystemError("a list of extended attributes does not end");
    }
    const start = base + s.get(XATTR_ENTRY.e_value_offs, at);
    const length = s.get(XATTR_ENTRY.e_value_size, at);
    if (start + length > bytes.length || s.get(XATTR_ENTRY.e_value_inum, at) !== 0) {
      throw new FilesystemError("an extended attribute lies outside its block");
    }
    xattrs.push({
      index: s.get(XATTR_ENTRY.e_name_index, at),
      name: bytes.slice(nameStart, nameStart + nameLength),
      value: bytes.slice(start, start + length),
    });
    at = next;
  }
  return xattrs;
}

/** Attributes by full name: the inverse of `parseXattrs`. Throws `FilesystemError` for a namespace it does not know. */
export function formatXattrs(xattrs: readonly Xattr[]): Record<string, Bytes> {
  const found: Record<string, Bytes> = {};
  for (const { index, name, value } of xattrs) {
    const prefix = Object.keys(XATTR_INDEX).find((key) => XATTR_INDEX[key] === index);
    if (prefix === undefined)
      throw new FilesystemError(`unknown namespace ${index} of an extended attribute`);
    found[prefix + decodeText(name)] = prefix.endsWith(".") ? value : aclToUser(value);
  }
  return found;
}

/** `struct ext4_xattr_entry`, one after the other, and each value as far back as is free. */
function writeEntries(s: Struct, xattrs: readonly Xattr[], first: number, base: number): void {
  let at = first;
  let end = s.bytes.length;
  for (const xattr of xattrs) {
    const { index, name, value } = xattr;
    end -= up4(value.length);
    s.set(XATTR_ENTRY.e_name_len, name.length, at);
    s.set(XATTR_ENTRY.e_name_index, index, at);
    s.set(XATTR_ENTRY.e_value_offs, value.length === 0 ? 0 : end - base, at);
    s.set(XATTR_ENTRY.e_value_inum, 0, at); // values are not files
    s.set(XATTR_ENTRY.e_value_size, value.length, at);
    s.set(XATTR_ENTRY.e_hash, hashOf(xattr), at);
    s.raw(at + XATTR_ENTRY_HEADER_SIZE, name, 255);
    s.raw(end, value, value.length);
    at += XATTR_ENTRY_HEADER_SIZE + up4(name.length);
  }
}

/** `e_hash`: over the name by bytes, then over the value by little-endian words. */
function hashOf({ name, value }: Xattr): number {
  let hash = 0;
  for (const byte of name) hash = rotate(hash, 5) ^ byte;
  for (let i = 0; i < value.length; i += 4) {
    const word =
      value[i]! | ((value[i + 1] ?? 0) << 8) | ((value[i + 2] ?? 0) << 16) | ((value[i + 3] ?? 0) << 24);
    hash = rotate(hash, 16) ^ word;
  }
  return hash >>> 0;
}

function parseXattr(fullName: string, value: Bytes, path: string): Xattr {
  const fail = (why: string) =>
    new FilesystemError(`extended attribute ${JSON.stringify(fullName)} ${why}`, { path });
  const prefix = Object.keys(XATTR_INDEX).find((key) =>
    key.endsWith(".") ? fullName.startsWith(key) : fullName === key,
  );
  if (prefix === undefined) throw fail(`is in none of ${Object.keys(XATTR_INDEX).join(", ")}`);
  const rest = fullName.slice(prefix.length);
  if (prefix.endsWith(".") && rest === "") throw fail("has no name after its namespace");
  const name = encodeText(rest);
  if (!name || name.includes(0)) throw fail("has a NUL or half a character in its name");
  if (name.length > 255 - prefix.length && prefix.endsWith("."))
    throw fail("has a name of more than 255 bytes");
  if (!(value instanceof Uint8Array)) throw fail("has no bytes for a value");
  const stored = prefix.endsWith(".") ? value : aclToDisk(value);
  if (stored === undefined) throw fail("is not an access control list of version 2");
  return { index: XATTR_INDEX[prefix]!, name, value: stored };
}

/** `e_tag` of entries that are about one user or one group: only they have an id. */
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;
/** `ACL_UNDEFINED_ID`, in the entries without one. */
const NO_ID = 0xffff_ffff;
/** `a_version` in `getxattr`'s form, and in ext4's. */
const ACL_VERSION_USER = 2;
const ACL_VERSION_DISK = 1;

/**
 * An access control list from `getxattr`'s form (version 2, every entry with an id) to ext4's (version 1, an id only in
 * entries about one user or group). Nothing when it is not of that form.
 */
function aclToDisk(value: Bytes): Bytes | undefined {
  if (value.length % ACL_ENTRY_SIZE !== ACL_HEADER_SIZE) return undefined;
  const from = new Struct(value);
  if (from.get(ACL_HEADER.a_version) !== ACL_VERSION_USER) return undefined;
  const to = new Struct(value.length);
  to.set(ACL_HEADER.a_version, ACL_VERSION_DISK);
  let end = ACL_HEADER_SIZE;
  for (let at = ACL_HEADER_SIZE; at < value.length; at += ACL_ENTRY_SIZE) {
    const tag = from.get(ACL_ENTRY.e_tag, at);
    to.set(ACL_ENTRY.e_tag, tag, end);
    to.set(ACL_ENTRY.e_perm, from.get(ACL_ENTRY.e_perm, at), end);
    if (hasId(tag)) to.set(ACL_ENTRY.e_id, from.get(ACL_ENTRY.e_id, at), end);
    end += hasId(tag) ? ACL_ENTRY_SIZE : ACL_ENTRY_SHORT_SIZE;
  }
  return to.bytes.slice(0, end);
}

/** The inverse. Throws `FilesystemError` when an entry is cut off. */
function aclToUser(value: Bytes): Bytes {
  const from = new Struct(value);
  const to = new Struct(ACL_HEADER_SIZE + ACL_ENTRY_SIZE * (value.length / ACL_ENTRY_SHORT_SIZE));
  to.set(ACL_HEADER.a_version, ACL_VERSION_USER);
  let end = ACL_HEADER_SIZE;
  for (let at = ACL_HEADER_SIZE; at + ACL_ENTRY_SHORT_SIZE <= value.length; end += ACL_ENTRY_SIZE) {
    const tag = from.get(ACL_ENTRY.e_tag, at);
    if (hasId(tag) && at + ACL_ENTRY_SIZE > value.length) {
      throw new FilesystemError("an access control list is cut off");
    }
    to.set(ACL_ENTRY.e_tag, tag, end);
    to.set(ACL_ENTRY.e_perm, from.get(ACL_ENTRY.e_perm, at), end);
    to.set(ACL_ENTRY.e_id, hasId(tag) ? from.get(ACL_ENTRY.e_id, at) : NO_ID, end);
    at += hasId(tag) ? ACL_ENTRY_SIZE : ACL_ENTRY_SHORT_SIZE;
  }
  return to.bytes.slice(0, end);
}

function hasId(tag: number): boolean {
  return tag === ACL_USER || tag === ACL_GROUP;
}

function compare(a: Xattr, b: Xattr): number {
  if (a.index !== b.index) return a.index - b.index;
  if (a.name.length !== b.name.length) return a.name.length - b.name.length;
  const differs = a.name.findIndex((byte, i) => byte !== b.name[i]);
  return differs < 0 ? 0 : a.name[differs]! - b.name[differs]!;
}

function sizeOf({ name, value }: Xattr): number {
  return XATTR_ENTRY_HEADER_SIZE + up4(name.length) + up4(value.length);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function up4(length: number): number {
  return (length + 3) & ~3;
}
