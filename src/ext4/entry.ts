import type { Bytes, Content } from "./segment.ts";
import type { Time } from "./time.ts";

/** What every file, directory and symbolic link may say about itself. */
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

export interface FileEntry extends Attributes {
  readonly kind?: "file";
  readonly path: string;
  readonly content: Bytes | Content;
}

export interface DirectoryEntry extends Attributes {
  readonly kind: "directory";
  /** "/" alone means the root directory. */
  readonly path: string;
}

export interface SymlinkEntry extends Attributes {
  readonly kind: "symlink";
  readonly path: string;
  /** What the link says, taken as it is; at most one byte less than a block. */
  readonly target: string;
}

/** One more name for a file or symbolic link: same inode, same attributes. */
export interface LinkEntry {
  readonly kind: "link";
  readonly path: string;
  /** The path of another entry. */
  readonly target: string;
}

/**
 * One thing to store. A `path` has names of 1 to 255 bytes in UTF-8 with "/" between them, and none before or after;
 * directories on the way that have no entry are made with default attributes. A name is its bytes: "é" as one
 * character and as two are two names, as they are to the kernel.
 */
export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | LinkEntry;
