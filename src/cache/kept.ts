import type { BufferPool } from "../bytes/buffer-pool.ts";
import { channelOf, parseManifest, windowsOf } from "../release/manifest.ts";
import type { Bytes } from "../bytes/segment.ts";
import { contentLength, lengthOfWindow, neededLength, type Windows } from "../release/windows.ts";
import { parseJson, type Release } from "../release/verify.ts";
import type { Seed } from "../fetch/seed.ts";
import { OlderBase } from "./older.ts";
import {
  keptReleases,
  keptSizes,
  MANIFEST,
  SIGNATURE,
  slotsOf,
  storage,
  WINDOWS,
  type KeptRelease,
} from "./opfs.ts";

/** Leave this much of what the browser allows to the rest of the site, in bytes. */
const SPARE = 64 * 1024 * 1024;

/** The windows of one base image that are kept in this browser (`opfs.ts`). No method throws. */
export class Kept implements Seed {
  readonly #folder: string;
  readonly #windows: Windows;
  /** The place of each window in the file, counted in windows; windows of zeros have none. */
  readonly #slots: ReadonlyMap<number, number>;
  /** Windows that could not be read. */
  readonly #lost = new Set<number>();
  #file: FileSystemSyncAccessHandle | undefined;
  /** How much of the file is in use, in bytes. */
  #bytes: number;
  #older: OlderBase | undefined;

  private constructor(
    folder: string,
    windows: Windows,
    file: FileSystemSyncAccessHandle,
    older: OlderBase | undefined,
  ) {
    this.#folder = folder;
    this.#windows = windows;
    this.#file = file;
    this.#slots = slotsOf(windows);
    this.#older = older;
    this.#bytes = Math.min(file.getSize(), contentLength(windows));
  }

  /**
   * What is kept of `release`, open for more, after other releases of its channel have been removed: all but one, `older`,
   * until this one is whole, if there is room for both. `undefined` when this browser has no such storage or no room in
   * it, or when another tab has it open: then a build does without.
   */
  static async open({
    manifest,
    bytes,
    signature,
  }: Pick<Release, "manifest" | "bytes" | "signature">): Promise<Kept | undefined> {
    try {
      const windows = windowsOf(manifest);
      const parent = await storage(true);
      const { folders: replaced, releases } = await replacedBy(manifest);
      const folder = await parent.getDirectoryHandle(manifest.image.sha256, { create: true });
      const handle = await folder.getFileHandle(WINDOWS, { create: true });
      const { size } = await handle.getFile();
      const missing = contentLength(windows) - size;
      const { quota = 0, usage = 0 } = await navigator.storage.estimate();
      const room = quota - usage + [...replaced.values()].reduce((sum, each) => sum + each, 0);
      const hasRoom = (least: number) => missing <= 0 || room >= missing + SPARE + least;
      if (!hasRoom(0)) {
        if (size === 0) await parent.removeEntry(manifest.image.sha256, { recursive: true });
        return undefined;
      }
      const file = await handle.createSyncAccessHandle();
      let older: OlderBase | undefined;
      try {
        const useful = size >= neededLength(windows) ? [] : releases.filter((each) => hasRoom(each.size));
        older = await OlderBase.open(useful);
        for (const name of replaced.keys()) {
          if (name === older?.folder) continue;
          await parent.removeEntry(name, { recursive: true }).catch(() => {}); // another build has it open
        }
        await Promise.all([
          put(folder, MANIFEST, bytes),
          put(folder, SIGNATURE, new TextEncoder().encode(signature)),
        ]);
        return new Kept(manifest.image.sha256, windows, file, older);
      } catch (error) {
        file.close();
        older?.close();
        throw error;
      }
    } catch (error) {
      console.warn("os: base images are not kept here", error);
      return undefined;
    }
  }

  /** Whether windows that are added are kept. */
  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** How much of the base image is kept now, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An older release of the channel, until this one is whole. */
  get older(): OlderBase | undefined {
    return this.#older;
  }

  has(index: number): boolean {
    const slot = this.#slots.get(index);
    if (slot === undefined || !this.#file || this.#lost.has(index)) return false;
    return slot * this.#windows.window + lengthOfWindow(this.#windows, index) <= this.#bytes;
  }

  // oxlint-disable-next-line require-await -- other seeds have to wait for theirs
  async read(index: number, pool: BufferPool): Promise<Bytes | undefined> {
    const slot = this.#slots.get(index);
    if (slot === undefined || !this.#file) return undefined;
    const bytes = pool.acquire(lengthOfWindow(this.#windows, index));
    try {
      if (this.#file.read(bytes, { at: slot * this.#windows.window }) === bytes.length) return bytes;
    } catch (error) {
      console.warn("os: what was kept of the base image cannot be read", error);
    }
    this.#lost.add(index);
    pool.release(bytes.buffer);
    return undefined;
  }

  /**
   * Keep a verified window: the next one in the file, or a fresh copy of one that was read back wrong. When it cannot be written, nothing of
   * the image is kept any longer.
   */
  add(index: number, bytes: Bytes): void {
    const slot = this.#slots.get(index);
    if (slot === undefined || !this.#file) return;
    const at = slot * this.#windows.window;
    if (at > this.#bytes) return; // a gap would look like a window
    try {
      if (this.#file.write(bytes, { at }) !== bytes.length) throw new Error("the storage is full");
      this.#lost.delete(index);
      this.#bytes = Math.max(this.#bytes, at + bytes.length);
      if (this.#bytes >= neededLength(this.#windows)) void this.#removeOlder();
    } catch (error) {
      console.warn("os: the base image is not kept any longer", error);
      void this.#removeOwn(); // half an image may be of no use, and the download may need the room
    }
  }

  /** Keep what there is, also of the older one while this is not whole, and let others open it. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#older?.close();
  }

  /** Keep nothing of this image, nor of the older one. */
  async remove(): Promise<void> {
    await Promise.all([this.#removeOwn(), this.#removeOlder()]);
  }

  async #removeOlder(): Promise<void> {
    const older = this.#older;
    this.#older = undefined;
    await older?.remove();
  }

  async #removeOwn(): Promise<void> {
    this.#file?.close();
    this.#file = undefined;
    this.#bytes = 0;
    const parent = await storage(false).catch(() => undefined);
    await parent?.removeEntry(this.#folder, { recursive: true }).catch(() => {}); // another tab has it open
  }
}

/**
 * The folders that `manifest` replaces, and how much is in each: those of other releases of its channel, and what is not
 * whole or has a manifest that cannot be read, of which nobody knows what it is. `releases`: the former alone, those of
 * which there is most first.
 */
async function replacedBy(
  manifest: Release["manifest"],
): Promise<{ folders: Map<string, number>; releases: KeptRelease[] }> {
  const folders = await keptSizes();
  folders.delete(manifest.image.sha256);
  const releases: KeptRelease[] = [];
  for (const release of await keptReleases()) {
    const channel = channelIn(release.bytes);
    if (channel !== undefined && channel !== channelOf(manifest)) folders.delete(release.folder);
    else if (channel !== undefined && folders.has(release.folder)) releases.push(release);
  }
  return { folders, releases: releases.sort((one, other) => other.size - one.size) };
}

/** The channel that a manifest of unknown origin names; `undefined` when it is none. */
function channelIn(bytes: Bytes): string | undefined {
  try {
    return channelOf(parseManifest(parseJson(bytes)));
  } catch {
    return undefined; // a page was closed while it was written, or it is of another format
  }
}

/** Write a small file by the synchronous handle, which Safari has before it has streams. */
async function put(folder: FileSystemDirectoryHandle, name: string, bytes: Bytes): Promise<void> {
  const file = await (await folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
  try {
    file.truncate(0);
    file.write(bytes);
  } finally {
    file.close();
  }
}
