import { ARCHITECTURES } from "../architectures.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import { rechunk } from "../bytes/rechunk.ts";
import type { Bytes, Patch } from "../bytes/segment.ts";
import { contentOf, openedFile, patchFile } from "../cache/chosen-file.ts";
import { CancelledError, ImageFileError, ManifestError, PieceNameError } from "../errors.ts";
import { chunksOf } from "../ext4/chunks.ts";
import type { Content, Segment } from "../ext4/segment.ts";
import type { WindowSources } from "../fetch/downloader.ts";
import { findList, findListed, findRelease, namesManifest } from "../fetch/release.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "../fetch/retry.ts";
import { Source } from "../fetch/source.ts";
import { CutOffError, ForeignTableError, layoutOf, piecesIn, type At } from "../image/contents.ts";
import { baseNamedIn, examine, ExamineError, isRight, type Examined, type Found } from "../image/examine.ts";
import { FOREIGN_HEAD, foreignKind } from "../image/foreign.ts";
import { openBaseImage, type Base, type Image } from "../image/image.ts";
import type { Listing } from "../image/os-json.ts";
import { planPartition, type PartitionContents } from "../image/plan.ts";
import type { FileInfo, ImageProgress, ImageView, Trouble } from "../messages.ts";
import { baseFileName, imageFileName, parsePiece } from "../piece/name.ts";
import { newest } from "../release/list.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import type { Release } from "../release/verify.ts";
import { compareVersions } from "../release/version.ts";
import type { BuildRequest, ImageListener, ImageMender, ImageRequest } from "./api.ts";
import { decisionsIn, fetchPieces } from "./pieces.ts";
import { pump } from "./pump.ts";
import { PROGRESS_INTERVAL_MS, thisThread, type SessionEnvironment } from "./session.ts";

/** An image can have been made for any of them. */
const ARCHES: readonly string[] = ARCHITECTURES.map(({ arch }) => arch);

/** So many windows tell whether an image has a base, when it does not say so itself. */
const SAMPLES = 5;

/** One image that is on disk: what the page asks of its worker, without the thread. */
export class ImageSession implements ImageMender {
  readonly #env: SessionEnvironment;
  #listener: ImageListener | undefined;
  #request: ImageRequest | undefined;
  #retry: RetryPolicy | undefined;
  #stop = new AbortController();
  #file: File | undefined;
  #handle: FileSystemFileHandle | undefined;
  #release: Release | undefined;
  #view: ImageView | undefined;
  #examined: Examined | undefined;
  #made: Pick<Image, "chunks"> | undefined;
  #progress: ImageProgress | undefined;
  #trouble: Trouble | undefined;
  #cancelReport: (() => void) | undefined;

  constructor(env: SessionEnvironment = thisThread) {
    this.#env = env;
  }

  async open(
    image: File | FileSystemFileHandle,
    request: ImageRequest,
    listener: ImageListener,
  ): Promise<ImageView> {
    this.#listener = listener;
    this.#request = request;
    const { giveUpAfterSeconds = DEFAULT_RETRY.giveUpAfterMs / 1000 } = request;
    this.#retry = this.#env.createRetryPolicy(
      { ...DEFAULT_RETRY, giveUpAfterMs: giveUpAfterSeconds * 1000 },
      (trouble) => {
        this.#trouble = trouble;
        this.#report();
      },
    );
    return await this.#job(async (stop) => {
      this.#handle = "getFile" in image ? image : undefined;
      this.#file = "getFile" in image ? await contentOf(image) : image;
      const os = await this.#looked();
      const { release, newer } = await this.#releaseOf(os, stop);
      this.#release = release;
      const { manifest, olderThan } = release;
      const { flavor, version, arch, image: its } = manifest;
      const newestKnown = newer ?? olderThan;
      this.#view = {
        ...saidBy(os),
        base: { flavor, version, arch, ...(newestKnown !== undefined && { newest: newestKnown }) },
        behind: Math.max(0, this.#file.size - its.size),
      };
      return this.#view;
    });
  }

  async check(): Promise<ImageView> {
    return await this.#job(async (stop) => {
      const { base, found, manifest, view } = this.#opened();
      const { size: total } = manifest.image;
      const onRead = (done: number) => this.#onProgress({ does: "reading", done, total });
      try {
        this.#examined = await examine(found, base, { onRead, stop });
      } catch (error) {
        throw error instanceof ExamineError ? this.#told(error, manifest) : error;
      }
      return await this.#viewOf(this.#examined, view);
    });
  }

  async mend(request: BuildRequest | undefined): Promise<{ found: ImageView; sha256?: string }> {
    return await this.#job(async (stop) => {
      const { manifest, file, examined, base, view } = this.#opened();
      const handle = this.#handle;
      if (!examined || !handle) throw new Error("the image has not been read, or cannot be written");
      const contents = request && (await this.#contents(request, manifest, stop));
      const partition = contents && (await planPartition(manifest, contents)).segments;
      const { start, length } = manifest.piecePartition;
      const total = examined.bytes + (partition ? length : 0);
      async function* patches(): AsyncGenerator<Patch> {
        yield* examined!.patches(stop);
        let at = start;
        const pool = new BufferPool(WINDOW);
        for await (const bytes of rechunk(chunksOf(partition ?? []), WINDOW, partition ? length : 0, pool)) {
          yield { start: at, bytes };
          at += bytes.length;
          pool.release(bytes.buffer); // written, since the next one is asked for
        }
      }
      this.#onProgress({ does: "copying", done: 0, total });
      this.#file = await patchFile(handle, patches(), {
        before: file,
        onWritten: (done) => this.#onProgress({ does: "writing", done, total }),
        onFinishing: () => this.#onProgress({ does: "finishing", done: total, total }),
        stop,
      });
      const { hasOwnTable } = examined;
      this.#examined = { wrong: 0, bytes: 0, hasOwnTable, async *patches() {} };
      const seen = await this.#viewOf(this.#examined, view);
      if (hasOwnTable || view.behind > 0) return { found: seen };
      const { sha256 } = await (await openBaseImage(base, stop)).with(partition ?? this.#partitionHere());
      return { found: seen, sha256 };
    });
  }

  async prepare(request: BuildRequest | undefined): Promise<FileInfo> {
    return await this.#job(async (stop) => {
      const { manifest, base, examined, view } = this.#opened();
      if (!examined) throw new Error("the image has not been read");
      const contents = request && (await this.#contents(request, manifest, stop));
      const partition = contents ? (await planPartition(manifest, contents)).segments : this.#partitionHere();
      // What is made is read from here while it is saved, which is another job.
      const opened = await openBaseImage(base, this.#stop.signal);
      const { sha256, chunks } = await opened.with(partition);
      this.#made = { chunks };
      const held = contents ? contents.pieces.map(({ name }) => name) : view.pieces;
      const [first] = held;
      const { flavor, version, arch } = manifest;
      const named =
        first === undefined
          ? baseFileName(flavor, version, arch)
          : imageFileName(first, held.length - 1, arch);
      return { fileName: named, size: manifest.image.size, sha256 };
    });
  }

  async send(port: MessagePort): Promise<void> {
    const made = this.#made;
    if (!made) throw new Error("nothing has been prepared");
    const total = this.#opened().manifest.image.size;
    await pump(made, port, (done) => this.#onProgress({ does: "writing", done, total }));
    this.#onProgress(undefined);
  }

  stop(): void {
    this.#stop.abort(new CancelledError("It was stopped, and the file is as it was"));
  }

  /** As `BuildSession.retryNow`. */
  retryNow(): void {
    this.#retry?.retryNow();
  }

  /** As `BuildSession.heartbeat`. */
  heartbeat(): void {
    this.#listener?.onHeartbeat();
  }

  /** Do one job, which `stop` ends. */
  async #job<T>(run: (stop: AbortSignal) => Promise<T>): Promise<T> {
    this.#stop = new AbortController();
    try {
      return await run(this.#stop.signal);
    } finally {
      this.#progress = undefined;
      this.#trouble = undefined;
      this.#cancelReport?.();
      this.#cancelReport = undefined;
    }
  }

  /** All that there is once the image has been opened. */
  #opened() {
    const [file, release, view, retry] = [this.#file, this.#release, this.#view, this.#retry];
    if (!file || !release || !view || !retry) throw new Error("no image has been opened");
    const { manifest, urls } = release;
    const opened = openedFile(file, this.#handle);
    const found: Found = {
      size: file.size,
      at: (start, length) => opened.at(start, length),
      seed: opened.seed(windowsOf(manifest)),
    };
    const sources: Omit<WindowSources, "windows"> = {
      servers: urls.map((url) => new Source(url, manifest.image.size)),
      retry,
      seeds: [found.seed],
    };
    const base: Base = { manifest, sources };
    return { file, manifest, view, found, base, examined: this.#examined };
  }

  /** What the image says of its piece, if anything. Throws `ImageFileError` for what is no image of ours. */
  async #looked(): Promise<Listing | undefined> {
    const file = this.#file!;
    const opened = openedFile(file, this.#handle);
    const at: At = (start, length) => opened.at(start, length);
    const head = await at(0, Math.min(FOREIGN_HEAD, file.size));
    const foreign = foreignKind(head);
    if (foreign !== undefined) throw new ImageFileError(`${file.name} ${foreign}`);
    try {
      const { piece } = await layoutOf(at, file.size);
      return await piecesIn((start, length) => at(piece.start + start, length), piece.length);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      if (error instanceof CutOffError) throw cutOff(file.name, error, error);
      if (error instanceof ForeignTableError) {
        throw new ImageFileError(`${file.name} is the disk image of something else`, { cause: error });
      }
      return undefined; // its table or its piece is damaged: its windows tell
    }
  }

  /** The release that an image was made from, and the version that is offered now when that is another. */
  async #releaseOf(
    os: Listing | undefined,
    stop: AbortSignal,
  ): Promise<{ release: Release; newer?: string }> {
    const { manifest: url, keys, seen } = this.#request!;
    const { name } = this.#file!;
    const retry = this.#retry!;
    const named = os && baseNamedIn(os);
    if (namesManifest(url)) {
      const release = await findRelease(url, { keys, arches: ARCHES }, retry, stop);
      const { flavor, version, arch } = release.manifest;
      if (named && (named.flavor !== flavor || named.version !== version || named.arch !== arch))
        throw notOffered(name, named);
      if (!named && !(await this.#isOf(release.manifest))) throw notOurs(name);
      return { release };
    }
    const list = await findList(url, keys, retry, stop);
    const entries = [...list.releases, ...(list.retired ?? [])].filter(({ arch }) => ARCHES.includes(arch));
    for (const entry of entries) {
      const { flavor, version, arch } = entry;
      const isNamed = named?.flavor === flavor && named.version === version && named.arch === arch;
      if (named && !isNamed) continue;
      const release = await findListed(
        url,
        entry,
        { keys, flavor, version, arches: [arch], seen },
        retry,
        stop,
      );
      if (!named && !(await this.#isOf(release.manifest))) continue;
      const offered = newestOf(list, flavor, arch);
      const isNewer = offered !== undefined && compareVersions(offered, version) > 0;
      return { release, ...(isNewer && { newer: offered }) };
    }
    throw named ? notOffered(name, named) : notOurs(name);
  }

  /** Whether a few windows are those of a base: for an image that does not say itself which it has. */
  async #isOf(manifest: Manifest): Promise<boolean> {
    const file = this.#file!;
    if (file.size < manifest.image.size) return false;
    const windows = windowsOf(manifest);
    const content = [...windows.digests.keys()].filter((index) => windows.digests[index] !== "zeros");
    const inner = content.slice(1, -1); // the ends hold tables
    const step = Math.max(1, Math.floor(inner.length / SAMPLES));
    const seed = openedFile(file, this.#handle).seed(windows);
    const pool = new BufferPool(WINDOW);
    for (let i = 0; i < inner.length; i += step) {
      if (await isRight(seed, windows, inner[i]!, pool)) return true;
    }
    return false;
  }

  /** What is known of the image now that its base has been read. */
  async #viewOf({ wrong, bytes, hasOwnTable }: Examined, { base, behind }: ImageView): Promise<ImageView> {
    const os = await this.#pieceNow();
    const piece = os === undefined ? "none" : os === null ? "damaged" : "whole";
    return (this.#view = { ...saidBy(os), base, behind, checked: { wrong, bytes, piece, hasOwnTable } });
  }

  /** What the piece partition says now: undefined when it is empty, null when it is damaged. */
  async #pieceNow(): Promise<Listing | undefined | null> {
    const { found, manifest } = this.#opened();
    const { start, length } = manifest.piecePartition;
    try {
      return await piecesIn((from, count) => found.at(start + from, count), length);
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  /** The piece partition as it is in the file. */
  #partitionHere(): readonly Segment[] {
    const { found, manifest } = this.#opened();
    const { start, length } = manifest.piecePartition;
    const content: Content = {
      length,
      async *open(): AsyncGenerator<Bytes> {
        for (let at = 0; at < length; at += WINDOW) {
          yield await found.at(start + at, Math.min(WINDOW, length - at));
        }
      },
    };
    return [{ kind: "content", content, start: 0, length }];
  }

  /** The pieces that are to be put in, for the base that the image has: all that were asked for, or none. */
  async #contents(request: BuildRequest, manifest: Manifest, stop: AbortSignal): Promise<PartitionContents> {
    this.#onProgress({ does: "fetching", done: 0, total: 0 });
    const pieces = await fetchPieces(request, manifest, { retry: this.#retry!, stop });
    const contents = await pieces.contents(manifest, decisionsIn(request, pieces));
    const [lacking] = pieces.leftOut(new Set(contents.pieces.map(({ name }) => name)));
    if (!lacking) return contents;
    const { name, message } = lacking;
    throw new ImageFileError(message.includes(name) ? message : `${name}: ${message}`);
  }

  #told(error: ExamineError, { flavor, version }: Manifest): ImageFileError {
    const { fault } = error;
    const { name } = this.#file!;
    if (fault.kind === "short") return cutOff(name, fault, error);
    if (fault.kind === "other") {
      return new ImageFileError(
        `${name} says that it was made from ${flavor} ${version}, and ${fault.wrong} of ${fault.all} windows are others: build it anew`,
        { cause: error },
      );
    }
    return new ImageFileError(
      `The partition table of ${name} is damaged, and a partition tool has left a copy at its end: put that back first (gdisk, r, b)`,
      { cause: error },
    );
  }

  #onProgress(progress: ImageProgress | undefined): void {
    const isNew = progress?.does !== this.#progress?.does;
    this.#progress = progress;
    if (isNew) this.#report();
    else this.#cancelReport ??= this.#env.schedule(() => this.#report(), PROGRESS_INTERVAL_MS);
  }

  #report(): void {
    this.#cancelReport?.();
    this.#cancelReport = undefined;
    this.#listener?.onProgress(this.#progress, this.#trouble);
  }
}

function newestOf(list: Parameters<typeof newest>[0], flavor: string, arch: string): string | undefined {
  try {
    return newest(list, { flavor, version: undefined, arches: [arch] }).version;
  } catch (error) {
    if (error instanceof ManifestError) return undefined; // the flavor is offered no more
    throw error;
  }
}

function cutOff(name: string, { has, wants }: { has: number; wants: number }, cause: Error): ImageFileError {
  return new ImageFileError(
    `${name} is cut off: it has ${has} of the ${wants} bytes of its image. Copy it again, or build it anew`,
    { cause },
  );
}

function notOurs(name: string): ImageFileError {
  return new ImageFileError(`${name} is no image of ours, or hardly anything is left of it`);
}

function notOffered(name: string, { flavor, version }: { flavor: string; version: string }): ImageFileError {
  return new ImageFileError(
    `${name} was made from the base ${flavor} ${version}, which is not to be had any more, so it cannot be held against it: build it anew`,
  );
}

/** The pieces that an `os.json` names, where those are names: anybody can have written it. */
function saidBy(os: Listing | null | undefined): Pick<ImageView, "pieces" | "by"> {
  const names = os?.pieces.map(({ piece }) => piece).filter(isPiece) ?? [];
  return { pieces: names, ...(os?.by !== undefined && { by: os.by }) };
}

function isPiece(name: string): boolean {
  try {
    return parsePiece(name) === name;
  } catch (error) {
    if (error instanceof PieceNameError) return false;
    throw error;
  }
}
