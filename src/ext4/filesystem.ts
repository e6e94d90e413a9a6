import type { Segment } from "./segment.ts";
import type { Entry } from "./entry.ts";
import type { FilesystemOptions } from "./options.ts";
import { plan } from "./plan.ts";
import { segments } from "./segments.ts";

export { FilesystemError } from "./error.ts";
export { plan, type Inode, type Plan } from "./plan.ts";
export { segments } from "./segments.ts";
export type { Attributes, DirectoryEntry, Entry, FileEntry, LinkEntry, SymlinkEntry } from "./entry.ts";
export type { BlockSize, FilesystemOptions } from "./options.ts";
export type { Time } from "./time.ts";

// Read it with the kernel's Documentation/filesystems/ext4 beside:
//
//   entry, options     what goes in                 struct, crc32c, time, error    small tools
//   tree               entries → inodes to be       format     superblock, group descriptor, inode, journal
//   layout             what has a fixed place       bitmap     which blocks and inodes are in use
//   plan               where everything goes        extent     where a file's blocks are
//   segments           a plan, front to back        directory, htree, hash     names, and the index over them
//   metadata           what has a fixed place       xattr      extended attributes
//   reader, parse      and back again               content    streams held to their word
//
// Absent on purpose: device nodes, sockets and pipes; holes; inline data; attributes shared between inodes.

/**
 * An ext4 file system of exactly `options.size` bytes that holds `entries`, as segments from its first byte to its
 * last. Contents are passed on, not copied: bytes as views of what was given, streams as `content`. Throws
 * `FilesystemError` before the first segment for everything that can be wrong, except a stream of the wrong length.
 */
export function filesystem(entries: Iterable<Entry>, options: FilesystemOptions): Iterable<Segment> {
  return segments(plan(entries, options));
}
