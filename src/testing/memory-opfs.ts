import type { Bytes } from "../bytes/segment.ts";

/** A file in memory, as the origin private file system has them. */
class MemoryFile {
  readonly kind = "file";
  readonly name: string;
  readonly #reads: string[];
  bytes: Bytes = new Uint8Array(0);
  /** Whether somebody has it open, which nobody else then may. */
  locked = false;

  constructor(name: string, reads: string[]) {
    this.name = name;
    this.#reads = reads;
  }

  async getFile() {
    const { name, bytes } = this;
    return {
      size: bytes.length,
      arrayBuffer: async () => (this.#reads.push(name), bytes.slice().buffer),
      text: async () => (this.#reads.push(name), new TextDecoder().decode(bytes)),
    };
  }

  async createSyncAccessHandle() {
    if (this.locked) throw new DOMException("the file is open", "NoModificationAllowedError");
    this.locked = true;
    return {
      getSize: () => this.bytes.length,
      read: (into: Bytes, { at = 0 } = {}) => {
        const part = this.bytes.subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write: (from: Bytes, { at = 0 } = {}) => {
        const grown = new Uint8Array(Math.max(this.bytes.length, at + from.length));
        grown.set(this.bytes);
        grown.set(from, at);
        this.bytes = grown;
        return from.length;
      },
      truncate: (size: number) => void (this.bytes = this.bytes.slice(0, size)),
      close: () => void (this.locked = false),
    };
  }
}

/** A folder in memory. */
class MemoryFolder {
  readonly kind = "directory";
  readonly name: string;
  readonly #reads: string[];
  readonly entries = new Map<string, MemoryFile | MemoryFolder>();

  constructor(name: string, reads: string[]) {
    this.name = name;
    this.#reads = reads;
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<MemoryFolder> {
    return this.#entry(name, create, MemoryFolder);
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<MemoryFile> {
    return this.#entry(name, create, MemoryFile);
  }

  async removeEntry(name: string): Promise<void> {
    const entry = this.entries.get(name);
    if (!entry) throw new DOMException(`no ${name}`, "NotFoundError");
    if (isLocked(entry)) throw new DOMException(`${name} is open`, "NoModificationAllowedError");
    this.entries.delete(name);
  }

  async *values() {
    yield* this.entries.values();
  }

  #entry<T extends MemoryFile | MemoryFolder>(
    name: string,
    create: boolean,
    Kind: new (name: string, reads: string[]) => T,
  ): T {
    const found = this.entries.get(name) ?? (create ? new Kind(name, this.#reads) : undefined);
    if (!found) throw new DOMException(`no ${name}`, "NotFoundError");
    if (!(found instanceof Kind)) throw new DOMException(`${name} is of another kind`, "TypeMismatchError");
    this.entries.set(name, found);
    return found;
  }
}

function isLocked(entry: MemoryFile | MemoryFolder): boolean {
  return entry instanceof MemoryFile ? entry.locked : [...entry.entries.values()].some(isLocked);
}

/** `navigator.storage` in memory, for tests outside a browser. */
export class MemoryStorage {
  /** The names of the files whose content has been read through `getFile`. */
  readonly reads: string[] = [];
  readonly #root = new MemoryFolder("", this.reads);

  async getDirectory(): Promise<MemoryFolder> {
    return this.#root;
  }

  async estimate(): Promise<{ quota: number; usage: number }> {
    return { quota: 10 * 2 ** 30, usage: 0 };
  }

  /** Put a file at `path`. */
  async put(path: string, content: Bytes | string): Promise<void> {
    const folders = path.split("/");
    const name = folders.pop() ?? "";
    let folder = this.#root;
    for (const each of folders) folder = await folder.getDirectoryHandle(each, { create: true });
    const file = await folder.getFileHandle(name, { create: true });
    file.bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  }

  /** The sizes of all files by path, in bytes. */
  sizes(): Record<string, number> {
    const all: Record<string, number> = {};
    const visit = (folder: MemoryFolder, path: string) => {
      for (const entry of folder.entries.values()) {
        if (entry instanceof MemoryFolder) visit(entry, `${path}${entry.name}/`);
        else all[`${path}${entry.name}`] = entry.bytes.length;
      }
    };
    visit(this.#root, "");
    return all;
  }
}
