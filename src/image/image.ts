import { rechunk } from "../bytes/rechunk.ts";
import { chunksOf } from "../ext4/chunks.ts";
import type { Segment } from "../ext4/segment.ts";
import { ManifestError } from "../errors.ts";
import { backupGpt, checkBackupGpt, parseGpt } from "./gpt.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import { allowancesOf } from "../allowances.ts";
import type { ImageInfo } from "../messages.ts";
import { imageFileName, partitionFileName } from "../piece/name.ts";
import type { Bytes, ImageSegment } from "../bytes/segment.ts";
import { sha256OfAll } from "../bytes/sha256.ts";
import { copiedIn } from "../release/copies.ts";
import { contentLength, digestOf, lengthOfWindow } from "../release/windows.ts";
import { finishedSha256, verifyWhole } from "./digest.ts";
import { orderedWindows, type WindowSources } from "../fetch/downloader.ts";
import type { Seed } from "../fetch/seed.ts";
import { MENU } from "./os-json.ts";
import { type PartitionContents, type PartitionPlan, planPartition } from "./plan.ts";
import { splice } from "./splice.ts";

/** A base image: what it is, and where its windows come from. */
export interface Base {
  readonly manifest: Manifest;
  readonly sources: Omit<WindowSources, "windows">;
}

/** An image that is decided to the last byte and not yet made. */
export interface Image {
  readonly info: ImageInfo;
  /** The image of other contents on the same base, of which nothing is read again. Throws what `planPartition` throws. */
  with(contents: PartitionContents): Promise<Image>;
  /**
   * All its bytes in order, in chunks of at most 4 MiB that are the caller's to transfer. A buffer released to
   * `buffers` is used again. `seeds` are looked at before those of the base. Throws what `orderedWindows` and
   * `verifyWhole` throw.
   */
  chunks(buffers: BufferPool, seeds?: readonly Seed[]): AsyncGenerator<Bytes>;
}

/**
 * Decide the image of `contents` on `base`. Of the base only its ends are read (`openBaseImage`). Throws what that and
 * `planPartition` throw.
 */
export async function openImage(base: Base, contents: PartitionContents, stop: AbortSignal): Promise<Image> {
  const { manifest } = base;
  const opened = await openBaseImage(base, stop);
  const decide = async (wanted: PartitionContents): Promise<Image> => {
    const plan = await planPartition(manifest, wanted);
    const { sha256, chunks } = await opened.with(plan.segments);
    const { size } = manifest.image;
    const { download, here } = opened;
    const info = { ...aboutContents(manifest, wanted, plan), size, sha256, download, here };
    return {
      info: { ...info, fileName: imageFileName(info.piece.name, plan.pieces.length - 1, info.base.arch) },
      with: decide,
      chunks,
    };
  };
  return await decide(contents);
}

/**
 * The piece partition of an image alone, for what has the base already: of that nothing is read but the manifest. Throws
 * what `planPartition` throws.
 */
export async function openPartition(
  manifest: Manifest,
  contents: PartitionContents,
): Promise<Pick<Image, "info" | "chunks">> {
  const plan = await planPartition(manifest, contents);
  const { segments } = plan;
  const { length: size } = manifest.piecePartition;
  const about = aboutContents(manifest, contents, plan);
  return {
    info: {
      ...about,
      only: "piece",
      fileName: partitionFileName(about.piece.name, plan.pieces.length - 1),
      size,
      sha256: await sha256OfAll(chunksOf(segments)),
      download: 0,
      here: 0,
    },
    chunks: (buffers) => rechunk(chunksOf(segments), WINDOW, size, buffers),
  };
}

/** What is said of an image and of its piece partition alike. */
function aboutContents(
  { name, version, flavor, arch, created }: Manifest,
  { start: chosen = MENU, by }: PartitionContents,
  { pieces }: PartitionPlan,
) {
  const [first] = pieces;
  return {
    piece: { name: first.name, size: first.size, sha256: first.sha256 },
    pieces,
    ...(pieces.length > 1 && chosen !== MENU && { start: pieces[chosen]!.name }),
    base: { name, version, flavor, arch, created },
    allow: allowancesOf(pieces.flatMap(({ allow }) => allow)).allow,
    ...(by === undefined ? {} : { by }),
  };
}

/** A base image of which all is known that an image needs to be decided. Sizes in bytes. */
interface OpenedBase {
  /** How much of it has to come from somewhere, and how much of that is here. */
  readonly download: number;
  readonly here: number;
  /** The image with this in the place of the piece partition, and its SHA-256. */
  with(partition: readonly Segment[]): Promise<{ readonly sha256: string; readonly chunks: Image["chunks"] }>;
}

/**
 * Open `base`. Only the first window is read, to check its partition table and to compute the SHA-256 of images on it, and
 * the last one where it cannot be made from the first. Throws `ManifestError`, `BaseImageError`, `ConnectionError`, and the
 * reason that `stop` is aborted with.
 */
export async function openBaseImage(base: Base, stop: AbortSignal): Promise<OpenedBase> {
  const { manifest } = base;
  const windows = windowsOf(manifest);
  const last = windows.digests.length - 1;
  const sources: WindowSources = { ...base.sources, windows };
  const windowAt = (index: number) =>
    one(orderedWindows(sources, index, index + 1, new BufferPool(WINDOW), stop));

  const here = windows.digests.reduce((sum, digest, index) => {
    const length = lengthOfWindow(windows, index);
    if (sources.seeds.some((seed) => seed.has(index))) return sum + length;
    const copied = copiedIn(sources.basis?.copies ?? [], { start: index * WINDOW, length });
    return sum + (digest === "zeros" ? 0 : copied);
  }, 0);
  const head = await windowAt(0);
  const partitions = await gpt(() => parseGpt(head, manifest.image.size));
  const backup = await gpt(() => backupGpt(head, manifest.image.size, lengthOfWindow(windows, last)));
  const isMade = (await digestOf(backup)) === windows.digests[last];
  const tail = isMade ? backup : await windowAt(last);
  await gpt(() => checkBackupGpt(tail, manifest.image.size));
  crossCheck(manifest, partitions);

  return {
    download: contentLength(windows) - (isMade ? tail.length : 0),
    here,
    async with(partition) {
      const sha256 = await finishedSha256(manifest, partition, tail);
      function chunks(buffers: BufferPool, seeds: readonly Seed[] = []): AsyncGenerator<Bytes> {
        const all = { ...sources, seeds: [...seeds, ends(head, tail, last), ...sources.seeds] };
        const readBase = (start: number, length: number) =>
          orderedWindows(all, start / WINDOW, Math.ceil((start + length) / WINDOW), buffers, stop);
        return verifyWhole(manifest, sha256, splice(around(manifest, partition), readBase, buffers));
      }
      return { sha256, chunks };
    },
  };
}

/** The base image with this in the place of its piece partition. */
function around(
  { image, piecePartition: { start, length } }: Manifest,
  partition: readonly Segment[],
): ImageSegment[] {
  const end = start + length;
  return [
    { kind: "base", start: 0, length: start },
    ...partition,
    { kind: "base", start: end, length: image.size - end },
  ];
}

/** The first and the last window of an image, which are here already. */
function ends(head: Bytes, tail: Bytes, last: number): Seed {
  return {
    has: (index) => index === 0 || index === last,
    // A copy, since the reader may transfer what it gets, and `chunks` may be called again.
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

/** A broken partition table is the manifest's fault: these windows have the digests it gives. */
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
