import type { Bytes } from "../bytes/segment.ts";

/** What goes wrong, and from which call to the file system on. */
export interface StickFault {
  /** `gone`: pulled out · `full`: no more room · `locked`: its switch says read-only · `once`: one call fails */
  readonly kind: "gone" | "full" | "locked" | "once";
  readonly call: number;
}

/** What is left of a file that had not reached the stick when it was pulled out. */
export const LOST = ["empty", "missing", "zeros"] as const;

interface MemoryFile {
  readonly kind: "file";
  name: string;
  bytes: Bytes;
}

interface MemoryDirectory {
  readonly kind: "directory";
  name: string;
  readonly entries: Map<string, MemoryFile | MemoryDirectory>;
}

const SECTOR = 512;

/**
 * A stick with FAT, as Chromium lets a page see it (measured there): names that differ in case are one; what is written
 * collects beside the file and needs room of its own until it takes the file's place; nothing is sure to have reached
 * the stick until it has been ejected.
 */
export class MemoryStick {
  readonly #root: MemoryDirectory = { kind: "directory", name: "", entries: new Map() };
  readonly #capacity: number;
  /** Undoes what the system has not written to the stick yet, the latest last. */
  #unwritten: ((lost: (typeof LOST)[number]) => void)[] = [];
  #calls = 0;
  /** In bytes, of the files that are being written. */
  #collected = 0;
  fault: StickFault | undefined;

  readonly #timeOf: () => number;

  /** A stick with room for `capacity` bytes. `timeOf` says when a file was changed, as its file system does. */
  constructor(capacity = Infinity, timeOf: () => number = () => 0) {
    this.#capacity = capacity;
    this.#timeOf = timeOf;
  }

  /** Calls to the file system so far. */
  get calls(): number {
    return this.#calls;
  }

  /** The top folder, for the code under test. */
  get handle(): FileSystemDirectoryHandle {
    return this.#directoryHandle(this.#root) as unknown as FileSystemDirectoryHandle;
  }

  /** All files, by path, as they are now. */
  get files(): Map<string, Bytes> {
    const found = new Map<string, Bytes>();
    const walk = (directory: MemoryDirectory, path: string) => {
      for (const entry of directory.entries.values()) {
        const at = `${path}/${entry.name}`;
        if (entry.kind === "file") found.set(at, entry.bytes);
        else walk(entry, at);
      }
    };
    walk(this.#root, "");
    return found;
  }

  /** Put a file there without any of this, as another program has before. */
  put(path: string, bytes: Bytes): void {
    const names = path.split("/").filter((name) => name !== "");
    const last = names.pop()!;
    let directory = this.#root;
    for (const name of names) {
      const next = directory.entries.get(key(name));
      if (next?.kind === "directory") directory = next;
      else {
        const made: MemoryDirectory = { kind: "directory", name, entries: new Map() };
        directory.entries.set(key(name), made);
        directory = made;
      }
    }
    directory.entries.set(key(last), { kind: "file", name: last, bytes });
  }

  /** The bytes of a file, whatever the case of its path; undefined when there is none. */
  at(path: string): Bytes | undefined {
    const found = [...this.files].find(([each]) => key(each) === key(path));
    return found?.[1];
  }

  /** Eject it: all is on the stick. It works again from now on, in whatever computer it is plugged into next. */
  eject(): void {
    this.#unwritten = [];
    this.fault = undefined;
  }

  /** Pull it out before the last `count` changes have been written to it. */
  pullOut(count: number, lost: readonly (typeof LOST)[number][]): void {
    const undone = this.#unwritten.slice(-count || this.#unwritten.length).toReversed();
    for (const [i, undo] of undone.entries()) undo(lost[i % lost.length] ?? "empty");
    this.eject();
  }

  #used(): number {
    const sizes = [...this.files.values()].map((bytes) => Math.ceil(bytes.length / SECTOR) * SECTOR);
    return sizes.reduce((sum, size) => sum + size, this.#collected);
  }

  /** Each call to the file system comes through here. */
  #call(what: "read" | "change" | "write"): void {
    const call = this.#calls++;
    const { fault } = this;
    if (!fault || call < fault.call) return;
    if (fault.kind === "gone") throw error(what === "write" ? "AbortError" : "InvalidStateError");
    if (fault.kind === "locked" && what !== "read") throw error("NoModificationAllowedError");
    if (fault.kind === "full" && what === "write") throw error("QuotaExceededError");
    if (fault.kind === "once" && call === fault.call) throw error("UnknownError");
  }

  #directoryHandle(directory: MemoryDirectory): object {
    const { entries } = directory;
    const find = (name: string, kind: string) => {
      const entry = entries.get(key(name));
      if (entry && entry.kind !== kind) throw error("TypeMismatchError");
      return entry;
    };
    return {
      kind: "directory",
      name: directory.name,
      getDirectoryHandle: async (name: string, { create = false } = {}) => {
        this.#call(create ? "change" : "read");
        const entry = find(name, "directory");
        if (!entry && !create) throw error("NotFoundError");
        const found = entry ?? ({ kind: "directory", name, entries: new Map() } as const);
        entries.set(key(name), found);
        return this.#directoryHandle(found as MemoryDirectory);
      },
      getFileHandle: async (name: string, { create = false } = {}) => {
        this.#call(create ? "change" : "read");
        const entry = find(name, "file");
        if (!entry && !create) throw error("NotFoundError");
        const found = (entry ?? { kind: "file", name, bytes: new Uint8Array(0) }) as MemoryFile;
        if (!entry) {
          entries.set(key(name), found);
          this.#unwritten.push(() => entries.delete(key(name)));
        }
        return this.#fileHandle(directory, found);
      },
      removeEntry: async (name: string, { recursive = false } = {}) => {
        this.#call("change");
        const entry = entries.get(key(name));
        if (!entry) throw error("NotFoundError");
        if (entry.kind === "directory" && entry.entries.size > 0 && !recursive) {
          throw error("InvalidModificationError");
        }
        entries.delete(key(name));
        this.#unwritten.push(() => entries.set(key(name), entry));
      },
      values: () => this.#values(entries),
    };
  }

  async *#values(entries: MemoryDirectory["entries"]) {
    this.#call("read");
    for (const { name, kind } of entries.values()) yield { name, kind };
  }

  #fileHandle(directory: MemoryDirectory, file: MemoryFile): object {
    return {
      kind: "file",
      name: file.name,
      getFile: async () => {
        this.#call("read");
        return new File([file.bytes], file.name, { lastModified: this.#timeOf() });
      },
      createWritable: async () => {
        this.#call("change");
        const parts: Bytes[] = [];
        let collected = 0;
        const drop = () => {
          this.#collected -= collected;
          collected = 0;
        };
        return {
          write: async (part: Bytes) => {
            this.#call("write");
            collected += part.length;
            this.#collected += part.length;
            if (this.#used() > this.#capacity) throw error("QuotaExceededError");
            parts.push(part.slice());
          },
          close: async () => {
            drop();
            this.#call("change");
            const { bytes: before } = file;
            const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
            file.bytes = bytes;
            this.#unwritten.push((lost) => {
              if (directory.entries.get(key(file.name)) !== file) return;
              if (lost === "missing") directory.entries.delete(key(file.name));
              else file.bytes = lost === "empty" ? new Uint8Array(0) : new Uint8Array(bytes.length);
              if (before.length > 0 && lost === "missing")
                directory.entries.set(key(file.name), { ...file, bytes: before });
            });
          },
          abort: async () => drop(),
        };
      },
    };
  }
}

function key(name: string): string {
  return name.toLowerCase();
}

function error(name: string): DOMException {
  return new DOMException(`as a stick does: ${name}`, name);
}
