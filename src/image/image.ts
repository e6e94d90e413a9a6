import type { Segment } from "../ext4/segment.ts";
import { ManifestError } from "../errors.ts";
import { backupGpt, checkBackupGpt, parseGpt } from "./gpt.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { ImageInfo } from "../messages.ts";
import { imageFileName } from "../piece/name.ts";
import type { Bytes } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";
import { contentLength, digestOf, lengthOfWindow } from "../release/windows.ts";
import { finishedSha256, verifyWhole } from "./digest.ts";
import { orderedWindows, type Seed, type WindowSources } from "../fetch/downloader.ts";
import { planImage, type PieceFiles } from "./plan.ts";
import { splice } from "./splice.ts";

/** A base image: what it is, and where its windows are. */
export interface Base {
  readonly manifest: Manifest;
  readonly supply: Omit<WindowSources, "windows">;
}

/** An image that is decided to the last byte and not yet made. */
export interface Image {
  readonly info: ImageInfo;
  /**
   * All its bytes in order, in chunks of at most 4 MiB that are the caller's to transfer. A buffer given back
   * to `pool` is used again. `seeds` are places to look for windows of the base before all others. Throws
   * what `orderedWindows` and `verifyWhole` throw.
   */
  chunks(pool: BufferPool, seeds?: readonly Seed[]): AsyncGenerator<Bytes>;
}

/**
 * Decide the image of `piece` on `base`. Of the base only the first window is read, and the last when it is not
 * what follows from the first, to check its partition table and to foretell the finished SHA-256. Throws
 * `ManifestError`, `BaseImageError`, `ConnectionError`, `BundleError`.
 */
export async function openImage(base: Base, piece: PieceFiles, stop: AbortSignal): Promise<Image> {
  const { manifest } = base;
  const windows = windowsOf(manifest);
  const last = windows.digests.length - 1;
  const kept = new BufferPool(WINDOW);
  let supply: WindowSources = { ...base.supply, windows };

  const here = windows.digests.reduce((sum, _, index) => {
    return sum + (supply.seeds.some((seed) => seed.has(index)) ? lengthOfWindow(windows, index) : 0);
  }, 0);
  const head = await one(orderedWindows(supply, 0, 1, kept, stop));
  const partitions = await gpt(() => parseGpt(head, manifest.image.size));
  const guess = await gpt(() => backupGpt(head, manifest.image.size, lengthOfWindow(windows, last)));
  const guessed = (await digestOf(guess)) === windows.digests[last];
  const tail = guessed ? guess : await one(orderedWindows(supply, last, last + 1, kept, stop));
  await gpt(() => checkBackupGpt(tail, manifest.image.size));
  crossCheck(manifest, partitions);
  supply = { ...supply, seeds: [ends(head, tail, last), ...supply.seeds] };

  const segments = await planImage(manifest, piece);
  const partition = segments.filter((segment): segment is Segment => segment.kind !== "base");
  const { name, version, flavor, arch, created } = manifest;
  const download = contentLength(windows) - (guessed ? tail.length : 0);
  const info: ImageInfo = {
    fileName: imageFileName(piece.name),
    size: manifest.image.size,
    sha256: await finishedSha256(manifest, partition, tail),
    download,
    here,
    piece: { name: piece.name, size: piece.html.length, sha256: await sha256(piece.html) },
    base: { name, version, flavor, arch, created },
  };

  function chunks(pool: BufferPool, seeds: readonly Seed[] = []): AsyncGenerator<Bytes> {
    const all = { ...supply, seeds: [...seeds, ...supply.seeds] };
    const readBase = (start: number, length: number) =>
      orderedWindows(all, start / WINDOW, Math.ceil((start + length) / WINDOW), pool, stop);
    return verifyWhole(manifest, info.sha256, splice(segments, readBase, pool));
  }
  return { info, chunks };
}

/** The first and the last window of an image, which have been looked at already. */
function ends(head: Bytes, tail: Bytes, last: number): Seed {
  return {
    has: (index) => index === 0 || index === last,
    // Theirs is another's to give away; ours stays ours, for chunks() may be called again.
    read: (index) => Promise.resolve((index === 0 ? head : tail).slice()),
  };
}

/**
 * The manifest says where the piece partition lies; the image's own partition table must say the same, or
 * a splice would overwrite something else. Throws `ManifestError`.
 */
function crossCheck({ piecePartition }: Manifest, partitions: Awaited<ReturnType<typeof parseGpt>>): void {
  const { start, length, label } = piecePartition;
  const found = partitions.filter((partition) => partition.label === label);
  if (found.length !== 1) throw disagreement(`${found.length} partitions are called ${label}`);
  if (found[0]?.start === start && found[0].length === length) return;
  const said = `${found[0]?.length} bytes at ${found[0]?.start}`;
  throw disagreement(`${label} is ${said}, and the manifest says ${length} at ${start}`);
}

/** What is wrong with the partition table is the manifest's fault: it described the windows. */
async function gpt<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    throw error instanceof RangeError ? disagreement(error.message, error) : error;
  }
}

function disagreement(what: string, cause?: Error): ManifestError {
  return new ManifestError(`The base image and its manifest disagree: ${what}`, cause && { cause });
}

async function one(windows: AsyncIterable<Bytes>): Promise<Bytes> {
  for await (const window of windows) return window;
  throw new RangeError("no window");
}
