import type { Bytes } from "../bytes/segment.ts";
import { parseManifest, windowsOf } from "../release/manifest.ts";
import type { Range } from "../release/copies.ts";
import { lengthOfWindow, type Windows } from "../release/windows.ts";
import { parseJson } from "../release/verify.ts";
import { slotsOf, storage, WINDOWS, type KeptRelease } from "./opfs.ts";

/** An older base image that is kept in this browser, open for reading while a newer one is fetched. No method throws. */
export class OlderBase {
  /** Of the image. */
  readonly sha256: string;
  /** What of the image is here, in order. */
  readonly ranges: readonly Range[];
  /** Its folder's name. */
  readonly folder: string;
  readonly #windows: Windows;
  readonly #slots: ReadonlyMap<number, number>;
  #file: FileSystemSyncAccessHandle | undefined;

  private constructor(folder: string, sha256: string, windows: Windows, file: FileSystemSyncAccessHandle) {
    this.folder = folder;
    this.sha256 = sha256;
    this.#windows = windows;
    this.#slots = slotsOf(windows);
    this.#file = file;
    this.ranges = rangesIn(windows, this.#slots, file.getSize());
  }

  /** The first of `releases`, which nobody has verified, that can be read and has anything. */
  static async open(releases: readonly KeptRelease[]): Promise<OlderBase | undefined> {
    for (const { bytes, folder, size } of releases) {
      if (size === 0) continue;
      try {
        const manifest = parseManifest(parseJson(bytes));
        const handle = await (await storage(false)).getDirectoryHandle(folder);
        const file = await (await handle.getFileHandle(WINDOWS)).createSyncAccessHandle();
        return new OlderBase(folder, manifest.image.sha256, windowsOf(manifest), file);
      } catch {
        // another tab has it open, or it cannot be read
      }
    }
    return undefined;
  }

  /** Of the image, in bytes. */
  get size(): number {
    return this.#windows.size;
  }

  /** Fill `into` with the image's bytes from `start` on. Returns false when they are not here, or cannot be read. */
  read(start: number, into: Bytes): boolean {
    const { window, digests } = this.#windows;
    for (let done = 0; done < into.length;) {
      const at = start + done;
      const index = Math.floor(at / window);
      const part = into.subarray(done, done + Math.min(into.length - done, (index + 1) * window - at));
      const slot = this.#slots.get(index);
      if (digests[index] === "zeros") part.fill(0);
      else if (slot === undefined || !this.#read(part, slot * window + at - index * window)) return false;
      done += part.length;
    }
    return true;
  }

  #read(into: Bytes, at: number): boolean {
    try {
      return this.#file?.read(into, { at }) === into.length;
    } catch (error) {
      console.warn("os: what was kept of the older base image cannot be read", error);
      return false;
    }
  }

  /** Let others open it. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Keep it no longer. */
  async remove(): Promise<void> {
    this.close();
    const parent = await storage(false).catch(() => undefined);
    await parent?.removeEntry(this.folder, { recursive: true }).catch(() => {}); // another tab has it open
  }
}

/** What there is of an image whose windows lie in a file of `size` bytes. */
function rangesIn(windows: Windows, slots: ReadonlyMap<number, number>, size: number): Range[] {
  const ranges: { start: number; length: number }[] = [];
  windows.digests.forEach((_, index) => {
    const start = index * windows.window;
    const length = lengthOfWindow(windows, index);
    const slot = slots.get(index);
    if (slot !== undefined && slot * windows.window + length > size) return;
    const before = ranges.at(-1);
    if (before && before.start + before.length === start) before.length += length;
    else ranges.push({ start, length });
  });
  return ranges;
}
