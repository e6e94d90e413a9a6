import type { Bytes } from "../bytes/segment.ts";

// Base images, or their beginnings, in the origin's private file system (OPFS): what was fetched once need not be
// fetched again, neither after a reload nor for another piece. A folder for each image, named by its SHA-256:
//
//   os-base/<sha256>/manifest.json, manifest.json.minisig   as published
//   os-base/<sha256>/windows                                the windows that are not zeros, in order, without gaps
//
// Windows come in order, so the file's length says which are there. What is read is verified like all else, so
// nothing has to be flushed, and a torn write is only a window to be fetched again.

const FOLDER = "os-base";
export const WINDOWS = "windows";
export const MANIFEST = "manifest.json";
export const SIGNATURE = "manifest.json.minisig";

/** A kept release as it was published: nothing of it has been verified. */
export interface KeptRelease {
  readonly folder: string;
  readonly bytes: Bytes;
  readonly signature: string;
  /** Of base image, in bytes. */
  readonly size: number;
}

/** All that is kept, but for what is not whole. */
export async function keptReleases(): Promise<KeptRelease[]> {
  const parent = await storage(false).catch(() => undefined);
  const all: KeptRelease[] = [];
  for (const folder of parent ? await foldersOf(parent) : []) {
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
      // not whole: somebody closed the page while it was being made, or another tab is removing it
    }
  }
  return all;
}

/** How much is kept of all base images, in bytes. */
export async function keptBytes(): Promise<number> {
  const releases = await keptReleases().catch(() => []);
  return releases.reduce((sum, { size }) => sum + size, 0);
}

/** Remove all base images. Returns how many bytes went; what a build has open stays. */
export async function clearKept(): Promise<number> {
  const before = await keptBytes();
  const parent = await storage(false).catch(() => undefined);
  for (const folder of parent ? await foldersOf(parent) : []) {
    await parent?.removeEntry(folder.name, { recursive: true }).catch(() => {}); // in use
  }
  return before - (await keptBytes());
}

/** The folder of all kept images. Rejects where there is none, or no such storage. */
export async function storage(create: boolean): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return await root.getDirectoryHandle(FOLDER, { create });
}

async function foldersOf(parent: FileSystemDirectoryHandle): Promise<FileSystemDirectoryHandle[]> {
  const folders: FileSystemDirectoryHandle[] = [];
  for await (const entry of parent.values()) {
    if (entry.kind === "directory") folders.push(entry);
  }
  return folders;
}
