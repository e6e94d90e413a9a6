import type { Bytes, Content } from "./segment.ts";
import type { Time } from "./time.ts";

/** What a file, directory or symbolic link can have beside its path. */
export interface Attributes {
  /** The twelve permission bits. Default 0644 for files, 0755 for directories; symbolic links have 0777 always. */
  readonly mode?: number;
  /** Default 0. */
  readonly uid?: number;
  /** Default 0. */
  readonly gid?: number;
  /** Last change, 1901 to 2446. Default: the file system's time. */
  readonly mtime?: Time;
  /**
   * Extended attributes by full name ("user.colour"), with the values that `getxattr` gives. Namespaces: `user`,
   * `trusted`, `security`, `system.posix_acl_access`, `system.posix_acl_default`.
   */
  readonly xattrs?: Readonly<Record<string, Bytes>>;
}

/** A file. */
export interface FileEntry extends Attributes {
  readonly kind?: "file";
  readonly path: string;
  /** Its bytes, or a stream of known length. */
  readonly content: Bytes | Content;
}

/** A directory. */
export interface DirectoryEntry extends Attributes {
  readonly kind: "directory";
  /** "/" alone means the root directory. */
  readonly path: string;
}

/** A symbolic link. */
export interface SymlinkEntry extends Attributes {
  readonly kind: "symlink";
  readonly path: string;
  /** The text of the link, stored as it is: 1 byte to one less than a block. */
  readonly target: string;
}

/** A hard link: one more name for a file or symbolic link, with the same inode and attributes. */
export interface LinkEntry {
  readonly kind: "link";
  readonly path: string;
  /** The path of another entry. */
  readonly target: string;
}

/**
 * One thing to store. A `path` is names of 1 to 255 bytes with "/" between them, and none before or after. Paths, targets
 * and names of attributes are stored in UTF-8; U+DC80 to U+DCFF stand for single bytes that are not (`decodeText`).
 * Directories on the way that have no entry are made with default attributes. Names are compared byte by byte, as the
 * kernel does: "é" as one character and as two are two names.
 */
export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | LinkEntry;
