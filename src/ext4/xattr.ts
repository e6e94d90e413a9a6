import type { Bytes } from "./segment.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";
import { FilesystemError } from "./error.ts";
import { Struct } from "./struct.ts";

/** An extended attribute as it is stored: the namespace is a number, the name is what follows it. */
export interface Xattr {
  readonly index: number;
  readonly name: Bytes;
  readonly value: Bytes;
}

/** Where a node's attributes go: in what its inode leaves free, and the rest in a block of their own. */
export interface XattrHomes {
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

const MAGIC = 0xea02_0000; // h_magic
/** `struct ext4_xattr_ibody_header`: the magic number alone. */
const BODY_HEADER = 4;
/** `struct ext4_xattr_header`. */
const BLOCK_HEADER = 32;
/** `struct ext4_xattr_entry` without its name. */
const ENTRY = 16;
/** Four zero bytes end the list of entries. */
const END = 4;

const UTF8 = new TextEncoder();

/** Attributes by full name, in the order a block needs: namespace, length of name, name. */
export function parseXattrs(xattrs: Readonly<Record<string, Bytes>>, path: string): Xattr[] {
  const parsed = Object.entries(xattrs).map(([name, value]) => parseXattr(name, value, path));
  parsed.sort(compare);
  return parsed;
}

/**
 * Share attributes out: into the inode while they fit, then into the block. `bodyRoom` and `blockSize` are in bytes.
 * Throws `FilesystemError`, naming `path`, when both are too small.
 */
export function homeXattrs(
  xattrs: readonly Xattr[],
  bodyRoom: number,
  blockSize: number,
  path: string,
): XattrHomes {
  const body: Xattr[] = [];
  const block: Xattr[] = [];
  let bodyLeft = bodyRoom - BODY_HEADER - END;
  let blockLeft = blockSize - BLOCK_HEADER - END;
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

/** The end of an inode, from `i_extra_isize` on: entries from the front, values from the back. */
export function xattrBody(xattrs: readonly Xattr[], room: number): Bytes {
  const s = new Struct(room);
  if (xattrs.length === 0) return s.bytes;
  s.u32(0x00, MAGIC); // h_magic
  writeEntries(s, xattrs, BODY_HEADER, BODY_HEADER);
  return s.bytes;
}

/** A block of attributes, which knows its own place: `block` is its number. */
export function xattrBlock(xattrs: readonly Xattr[], blockSize: number, block: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  s.u32(0x00, MAGIC); // h_magic
  s.u32(0x04, 1); // h_refcount: blocks are not shared
  s.u32(0x08, 1); // h_blocks
  s.u32(0x0c, xattrs.reduce((hash, xattr) => rotate(hash, 16) ^ hashOf(xattr), 0) >>> 0); // h_hash
  writeEntries(s, xattrs, BLOCK_HEADER, 0);
  s.u32(0x10, xattrBlockChecksum(s.bytes, block, seed)); // h_checksum; the rest of the header stays zero
  return s.bytes;
}

/** Over the number of the block in 64 bits, then the block with `h_checksum` as zero. */
export function xattrBlockChecksum(bytes: Uint8Array, block: number, seed: number): number {
  const place = crc32cWord(crc32cWord(seed, block), 0); // below 2^32 blocks
  return crc32c(crc32cWord(crc32c(place, bytes, 0, 0x10), 0), bytes, 0x14);
}

/** The attributes in a structure whose entries begin at `first` and whose value offsets count from `base`. */
export function readXattrs(bytes: Bytes, first: number, base: number): Xattr[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const xattrs: Xattr[] = [];
  if (view.getUint32(0, true) !== MAGIC)
    throw new FilesystemError("extended attributes without their magic number");
  for (let at = first; view.getUint32(at, true) !== 0;) {
    const nameLength = view.getUint8(at);
    const start = base + view.getUint16(at + 0x02, true);
    const length = view.getUint32(at + 0x08, true);
    if (start + length > bytes.length || view.getUint32(at + 0x04, true) !== 0) {
      throw new FilesystemError("an extended attribute lies outside its block");
    }
    const name = bytes.slice(at + ENTRY, at + ENTRY + nameLength);
    xattrs.push({ index: view.getUint8(at + 0x01), name, value: bytes.slice(start, start + length) });
    at += ENTRY + up4(nameLength);
    if (at + END > bytes.length) throw new FilesystemError("a list of extended attributes does not end");
  }
  return xattrs;
}

/** The inverse of `parseXattrs`. */
export function formatXattrs(xattrs: readonly Xattr[]): Record<string, Bytes> {
  const found: Record<string, Bytes> = {};
  for (const { index, name, value } of xattrs) {
    const prefix = Object.keys(XATTR_INDEX).find((key) => XATTR_INDEX[key] === index);
    if (prefix === undefined)
      throw new FilesystemError(`unknown namespace ${index} of an extended attribute`);
    found[prefix + new TextDecoder("utf-8", { ignoreBOM: true }).decode(name)] = prefix.endsWith(".")
      ? value
      : aclToUser(value);
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
    s.u8(at, name.length); // e_name_len
    s.u8(at + 0x01, index); // e_name_index
    s.u16(at + 0x02, value.length === 0 ? 0 : end - base); // e_value_offs
    s.u32(at + 0x04, 0); // e_value_inum: values are not files
    s.u32(at + 0x08, value.length); // e_value_size
    s.u32(at + 0x0c, hashOf(xattr)); // e_hash
    s.raw(at + ENTRY, name, 255); // e_name
    s.raw(end, value, value.length);
    at += ENTRY + up4(name.length);
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
  if (rest.includes("\0") || /\p{Surrogate}/u.test(rest))
    throw fail("has a NUL or half a character in its name");
  const name = UTF8.encode(rest);
  if (name.length > 255 - prefix.length && prefix.endsWith("."))
    throw fail("has a name of more than 255 bytes");
  if (!(value instanceof Uint8Array)) throw fail("has no bytes for a value");
  const stored = prefix.endsWith(".") ? value : aclToDisk(value);
  if (stored === undefined) throw fail("is not an access control list of version 2");
  return { index: XATTR_INDEX[prefix]!, name, value: stored };
}

/** Who an entry of an access control list is about: only these two need an id to say so. */
const ACL_USER = 0x02;
const ACL_GROUP = 0x08;

/**
 * An access control list from `getxattr`'s form (version 2, every entry with an id) to ext4's (version 1, an id only
 * where it says something). Nothing when it is not of that form.
 */
function aclToDisk(value: Bytes): Bytes | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 4 || value.length % 8 !== 4 || view.getUint32(0, true) !== 2) return undefined;
  const s = new Struct(value.length);
  s.u32(0, 1); // a_version
  let end = 4;
  for (let at = 4; at < value.length; at += 8) {
    const tag = view.getUint16(at, true);
    s.u16(end, tag); // e_tag
    s.u16(end + 2, view.getUint16(at + 2, true)); // e_perm
    end += 4;
    if (tag !== ACL_USER && tag !== ACL_GROUP) continue;
    s.u32(end, view.getUint32(at + 4, true)); // e_id
    end += 4;
  }
  return s.bytes.slice(0, end);
}

function aclToUser(value: Bytes): Bytes {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const words: number[] = [2];
  for (let at = 4; at + 4 <= value.length;) {
    const entry = view.getUint32(at, true);
    const tag = entry & 0xffff;
    at += 4;
    words.push(entry);
    if (tag === ACL_USER || tag === ACL_GROUP) {
      words.push(view.getUint32(at, true));
      at += 4;
    } else {
      words.push(0xffff_ffff); // ACL_UNDEFINED_ID
    }
  }
  const s = new Struct(words.length * 4);
  words.forEach((word, i) => s.u32(i * 4, word));
  return s.bytes;
}

function compare(a: Xattr, b: Xattr): number {
  if (a.index !== b.index) return a.index - b.index;
  if (a.name.length !== b.name.length) return a.name.length - b.name.length;
  const differs = a.name.findIndex((byte, i) => byte !== b.name[i]);
  return differs < 0 ? 0 : a.name[differs]! - b.name[differs]!;
}

function sizeOf({ name, value }: Xattr): number {
  return ENTRY + up4(name.length) + up4(value.length);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function up4(length: number): number {
  return (length + 3) & ~3;
}
