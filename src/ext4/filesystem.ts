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
//   entry, options     what goes in                 fields     names and offsets of every on-disk structure
//   tree               entries → future inodes      format     superblock, group descriptor, inode, journal
//   layout             place of fixed metadata      bitmap     which blocks and inodes are in use
//   plan               place of everything else     extent     where a file's blocks are
//   segments           a plan → segments            directory, htree, hash     names, and the index over them
//   metadata           bytes of fixed metadata      xattr      extended attributes
//   chunks             segments → bytes             content    streams whose length is checked
//   reader, parse      image → entries              struct, crc32c, time, error    small tools
//
// Absent on purpose: device nodes, sockets and pipes; inline data; attributes shared between inodes.

/**
 * An ext4 file system of exactly `options.size` bytes that holds `entries`, as segments from its first byte to its
 * last. Contents are passed on, not copied: bytes as views of what was given, streams as `content`. Throws
 * `FilesystemError` before the first segment for everything that can be wrong, except a stream of the wrong length.
 */
export function filesystem(entries: Iterable<Entry>, options: FilesystemOptions): Iterable<Segment> {
  return segments(plan(entries, options));
}
