import type { MadeSegment } from "../chunks.ts";
import { ManifestError } from "../errors.ts";
import { checkBackupGpt, parseGpt } from "../gpt.ts";
import { WINDOW, type Manifest } from "../manifest.ts";
import { Memory } from "../memory.ts";
import type { ImageInfo } from "../messages.ts";
import { imageFileName } from "../piece.ts";
import type { Bytes } from "../segment.ts";
import type { Base } from "./base.ts";
import { finishedSha256 } from "./digest.ts";
import { planImage, type PieceFiles } from "./plan.ts";
import { splice } from "./splice.ts";
import { fetchedLength, sha256, verifiedWindows } from "./verify.ts";

/** An image that is decided to the last byte and not yet made. */
export interface Image {
  readonly info: ImageInfo;
  /**
   * All its bytes in order, in chunks of at most 4 MiB that are the caller's to transfer. A buffer given
   * back to `memory` is used again.
   */
  chunks(memory: Memory): AsyncGenerator<Bytes>;
}

/**
 * Decide the image of `piece` on `base`. Only the base's first and last window are read, to check its
 * partition table and to foretell the finished SHA-256. Throws `ManifestError`, `BaseImageError`,
 * `BundleError`.
 */
export async function openImage(base: Base, piece: PieceFiles, signal: AbortSignal): Promise<Image> {
  const { manifest } = base;
  const count = manifest.digests.length;
  const windows = (first: number, end: number, memory: Memory) =>
    verifiedWindows(manifest, base.read, first, end, signal, memory);

  const kept = new Memory(WINDOW);
  const [head, tail] = await Promise.all([one(windows(0, 1, kept)), one(windows(count - 1, count, kept))]);
  await crossCheck(manifest, head, tail);

  const segments = await planImage(manifest, piece);
  const partition = segments.filter((segment): segment is MadeSegment => segment.kind !== "base");
  const info: ImageInfo = {
    fileName: imageFileName(piece.name),
    size: manifest.image.size,
    sha256: await finishedSha256(manifest, partition, tail),
    download: fetchedLength(manifest),
    piece: { name: piece.name, size: piece.html.length, sha256: await sha256(piece.html) },
    base: { name: manifest.name, version: manifest.version, flavor: manifest.flavor, arch: manifest.arch },
  };

  async function* readBase(start: number, length: number, memory: Memory): AsyncGenerator<Bytes> {
    const first = start / WINDOW;
    const end = Math.ceil((start + length) / WINDOW);
    if (first === 0) yield head.slice(); // ours stays ours: chunks() may be called again
    yield* windows(Math.max(first, 1), Math.min(end, count - 1), memory);
    if (end === count) yield tail.slice();
  }
  return {
    info,
    chunks: (memory) => splice(segments, (start, length) => readBase(start, length, memory), memory),
  };
}

/**
 * The manifest says where the piece partition lies; the image's own partition table must say the same, or
 * a splice would overwrite something else. Throws `ManifestError`.
 */
async function crossCheck(manifest: Manifest, head: Bytes, tail: Bytes): Promise<void> {
  const { start, length, label } = manifest.piecePartition;
  try {
    const partitions = await parseGpt(head, manifest.image.size);
    await checkBackupGpt(tail, manifest.image.size);
    const found = partitions.filter((partition) => partition.label === label);
    if (found.length !== 1) throw new RangeError(`${found.length} partitions are called ${label}`);
    if (found[0]?.start !== start || found[0].length !== length) {
      const said = `${found[0]?.length} bytes at ${found[0]?.start}`;
      throw new RangeError(`${label} is ${said}, and the manifest says ${length} at ${start}`);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ManifestError(`The base image and its manifest disagree: ${error.message}`, { cause: error });
  }
}

async function one(windows: AsyncIterable<Bytes>): Promise<Bytes> {
  for await (const window of windows) return window;
  throw new RangeError("no window");
}
