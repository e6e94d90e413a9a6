import type { Bytes } from "../bytes/segment.ts";
import type { Windows } from "../release/windows.ts";

// Base images, or their beginnings, in the origin's private file system (OPFS): what was fetched once need not be
// fetched again, neither after a reload nor for another piece. A folder for each image, named by its SHA-256:
//
//   os-base/<sha256>/manifest.json, manifest.json.minisig   as published
//   os-base/<sha256>/windows                                the windows that are not zeros, in order, without gaps
//
// While a newer image of the same channel is fetched, the older one stays: what is in both is copied (older.ts).
//
// Windows are written in order, so the file's length says which are there. What is read is verified like all else, so
// nothing has to be flushed, and a torn write is only a window to be fetched again.

const FOLDER = "os-base";

/** The file of an image's windows. */
export const WINDOWS = "windows";

/** The file of an image's manifest. */
export const MANIFEST = "manifest.json";

/** The file of the signature over that. */
export const SIGNATURE = "manifest.json.minisig";

/** The place of each window in the file of windows, counted in windows; windows of zeros have none. */
export function slotsOf({ digests }: Windows): Map<number, number> {
  const slots = new Map<number, number>();
  digests.forEach((digest, index) => {
    if (digest !== "zeros") slots.set(index, slots.size);
  });
  return slots;
}

/** A kept release as it was published: nothing of it has been verified. */
export interface KeptRelease {
  /** Its folder's name. */
  readonly folder: string;
  /** Of the manifest. */
  readonly bytes: Bytes;
  readonly signature: string;
  /** How much is kept of its image, in bytes. */
  readonly size: number;
}

/**
 * All releases that are kept; none where there is no such storage. A folder without one of its three files is left
 * out: a page was closed while it was made, or another tab is removing it. Never throws.
 */
export async function keptReleases(): Promise<KeptRelease[]> {
  const all: KeptRelease[] = [];
  for (const folder of await foldersOfAll()) {
    try {
      const [bytes, signature, windows] = await Promise.all(
        [MANIFEST, SIGNATURE, WINDOWS].map(async (name) => (await folder.getFileHandle(name)).getFile()),
      );
      if (!bytes || !signature || !windows) continue;
      all.push({
        folder: folder.name,
        bytes: new Uint8Array(await bytes.arrayBuffer()),
        signature: await signature.text(),
        size: windows.size,
      });
    } catch {
      // not all three are there
    }
  }
  return all;
}

/** How much is kept of all base images, in bytes. No file is read for it. Never throws. */
export async function keptBytes(): Promise<number> {
  return [...(await keptSizes()).values()].reduce((sum, size) => sum + size, 0);
}

/** How much is kept in each folder, in bytes, by its name: also in those that are not whole. Never throws. */
export async function keptSizes(): Promise<Map<string, number>> {
  const sizes = (await foldersOfAll()).map(async (folder): Promise<[string, number]> => {
    try {
      return [folder.name, (await (await folder.getFileHandle(WINDOWS)).getFile()).size];
    } catch {
      return [folder.name, 0]; // not there yet, or not any more
    }
  });
  return new Map(await Promise.all(sizes));
}

/** Remove all base images but those that a build has open. Returns how many bytes went. Never throws. */
export async function clearKept(): Promise<number> {
  const before = await keptBytes();
  const parent = await storage(false).catch(() => undefined);
  for (const { name } of await foldersOfAll()) {
    await parent?.removeEntry(name, { recursive: true }).catch(() => {}); // in use
  }
  return before - (await keptBytes());
}

/**
 * The folder of all kept images, made where there is none if `create`. Rejects with a `DOMException` where there is
 * none, and where the browser has no such storage, as in private windows.
 */
export async function storage(create: boolean): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return await root.getDirectoryHandle(FOLDER, { create });
}

async function foldersOfAll(): Promise<FileSystemDirectoryHandle[]> {
  const folders: FileSystemDirectoryHandle[] = [];
  try {
    for await (const entry of (await storage(false)).values()) {
      if (entry.kind === "directory") folders.push(entry);
    }
  } catch {
    // nothing has been kept here, or nothing can be
  }
  return folders;
}
