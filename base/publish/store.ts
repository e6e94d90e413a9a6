import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";

/** What is put: a file, or bytes. */
export type Content = { readonly path: string; readonly size: number } | Uint8Array;

/** The headers that HTTP is to serve an object with. A directory cannot keep them: its server has to know (docs/deploy.md). */
export interface HttpHeaders {
  /** Content-Type. */
  readonly type: string;
  /** Cache-Control. */
  readonly cache: string;
}

/** An object's bytes, and the store's tag for this version of them. */
export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly tag: string;
}

/**
 * Where releases are published: names to bytes. A reader finds under a name what was there before or what is put, never a
 * part of it. Each operation throws `Error` when the disk or the server fails.
 */
export interface Store {
  /** The size in bytes; undefined when there is nothing. */
  size(key: string): Promise<number | undefined>;
  /** The whole object; undefined when there is nothing. */
  read(key: string): Promise<StoredObject | undefined>;
  /** The object as a reader gets it, in chunks; nothing is opened before the first is asked for, and that one throws. */
  stream(key: string): AsyncIterable<Uint8Array>;
  /** The SHA-256 in hex of what a reader gets. */
  hash(key: string): Promise<string>;
  /** Put an object there, in the place of another. */
  put(key: string, content: Content, headers: HttpHeaders): Promise<void>;
  /** Put unless the object has changed since `tag` was read (undefined: there was none); false when it has. */
  swap(key: string, bytes: Uint8Array, headers: HttpHeaders, tag: string | undefined): Promise<boolean>;
  /** Copy an object within the store. */
  copy(from: string, to: string, headers: HttpHeaders): Promise<void>;
  /** All objects, and when they were put. */
  list(): Promise<{ readonly key: string; readonly modified: Date }[]>;
  /** Remove an object. */
  remove(key: string): Promise<void>;
  /** Abort uploads to names that are `ours`, begun before `time` and never finished. */
  clean(time: Date, ours: (key: string) => boolean): Promise<void>;
  /**
   * What somebody without access gets under a name: the status, and whether pages of other sites may read it. Absent
   * where the store is served by something else.
   */
  look?(key: string): Promise<{ readonly status: number; readonly isForPages: boolean }>;
  /** End connections; nothing can be asked afterwards. */
  close(): void;
}

const NEW = ".new";

/** A directory as a store. `base/publish/publish` holds its lock, so that one publisher works in it at a time. */
export async function directory(root: string): Promise<Store> {
  await fs.mkdir(root, { recursive: true });
  const at = (key: string) => join(root, key);

  async function place(key: string, write: (path: string) => Promise<void>): Promise<void> {
    const path = at(key);
    await fs.mkdir(dirname(path), { recursive: true });
    await write(path + NEW);
    const file = await fs.open(path + NEW, "r+");
    try {
      await file.sync(); // so that a file under its final name is whole, also after a power cut
    } finally {
      await file.close();
    }
    await fs.utimes(path + NEW, new Date(), new Date());
    await fs.rename(path + NEW, path);
  }

  const store: Store = {
    size: async (key) => (await absent(fs.stat(at(key))))?.size,
    read: async (key) => {
      const bytes = await absent(fs.readFile(at(key)));
      return bytes && { bytes, tag: sha256(bytes) };
    },
    async *stream(key) {
      yield* createReadStream(at(key)) as AsyncIterable<Uint8Array>;
    },
    hash: (key) => hashOf(store.stream(key)),
    put: (key, content) =>
      place(key, (path) =>
        "path" in content ? fs.copyFile(content.path, path) : fs.writeFile(path, content),
      ),
    swap: async (key, bytes, headers, tag) => {
      if ((await store.read(key))?.tag !== tag) return false;
      await store.put(key, bytes, headers);
      return true;
    },
    copy: (from, to) => place(to, (path) => fs.copyFile(at(from), path)),
    list: async () => {
      const entries = await fs.readdir(root, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      return Promise.all(
        files.map(async (entry) => {
          const path = join(entry.parentPath, entry.name);
          return { key: path.slice(join(root, "/").length), modified: (await fs.stat(path)).mtime };
        }),
      );
    },
    remove: async (key) => {
      await fs.rm(at(key));
      await fs.rmdir(dirname(at(key))).catch(() => {}); // not the last file in it
    },
    clean: async (_, ours) => {
      // The lock is held, so every unfinished file was left by a publisher that has ended, however young it is.
      for (const { key } of await store.list()) if (key.endsWith(NEW) && ours(key)) await store.remove(key);
    },
    close: () => {},
  };
  return store;
}

/** The SHA-256 of a stream's bytes, in hex. */
export async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

/** The SHA-256 of bytes, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What a file operation comes to, or undefined when there is no such file. */
async function absent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
