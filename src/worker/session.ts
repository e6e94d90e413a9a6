import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { contentOf, fileSeed, writeFile } from "../cache/chosen-file.ts";
import { Kept } from "../cache/kept.ts";
import { BrowserSettingError, CancelledError, SaveError } from "../errors.ts";
import { fetchCopies } from "../fetch/copies.ts";
import { DEFAULT_RETRY, PREPARE_GIVE_UP_AFTER_MS, RetryPolicy, type RetryTimes } from "../fetch/retry.ts";
import { Source } from "../fetch/source.ts";
import type { WindowSources } from "../fetch/downloader.ts";
import { blankFiles } from "../image/blank-files.ts";
import { openImage, openPartition, type Image } from "../image/image.ts";
import { pieceFiles, roomBeside, type PartitionContents } from "../image/plan.ts";
import type { ImageInfo, Progress, StickJob, StickProgress, StickView, Trouble } from "../messages.ts";
import { parsePiece } from "../piece/name.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import type { Release } from "../release/verify.ts";
import { describeSettings } from "../settings/settings.ts";
import { pieceFolder } from "../stick/layout.ts";
import type { BuildRequest, Decisions, Builder, BuildListener } from "./api.ts";
import { chooseRelease } from "./choose-release.ts";
import { decisionsIn, fetchPieces, type Pieces } from "./pieces.ts";
import { pump } from "./pump.ts";
import { StickSession, type PiecesOnStick } from "./stick-session.ts";

/** Progress is reported at most this often. */
export const PROGRESS_INTERVAL_MS = 100;

/** How often `heartbeat` is to be called. */
export const HEARTBEAT_INTERVAL_MS = 5_000;

/** What a session needs of the thread that it runs in. */
export interface SessionEnvironment {
  /** Call `run` in so many milliseconds. Returns what cancels that. */
  schedule(run: () => void, ms: number): () => void;
  createRetryPolicy(times: RetryTimes, onTrouble: (trouble: Trouble | undefined) => void): RetryPolicy;
}

/** One build: what the page asks of the build worker, without the thread. */
export class BuildSession implements Builder {
  readonly #env: SessionEnvironment;
  readonly #over = new AbortController();
  #listener: BuildListener | undefined;
  /** Of preparing, and of the image. */
  #policies: readonly RetryPolicy[] = [];
  #kept: Kept | undefined;
  /** Of which others are made, on the same base. */
  #image: Image | undefined;
  /** What is made: an image, or its piece partition alone. */
  #made: Pick<Image, "info" | "chunks"> | undefined;
  #release: Release | undefined;
  #pieces: Pieces | undefined;
  /** In the piece partition, beside what is decided. */
  #room = 0;
  #sources: Omit<WindowSources, "windows"> | undefined;
  #keys: readonly string[] = [];
  /** As it is decided now. */
  #decisions: Decisions | undefined;
  #contents: PartitionContents | undefined;
  #stick: StickSession | undefined;
  #onStick: StickProgress | undefined;
  #baking: string | undefined;
  #fetching: Progress["fetching"];
  #trouble: Trouble | undefined;
  #written = 0;
  #writing: Promise<unknown> | undefined;
  #cancelReport: (() => void) | undefined;

  constructor(env: SessionEnvironment = thisThread) {
    this.#env = env;
  }

  async open(request: BuildRequest, listener: BuildListener): Promise<ImageInfo> {
    this.#listener = listener;
    requireWebAssembly();
    const stop = this.#over.signal;
    const asked = request.pieces.length === 1 ? request.pieces.map(parsePiece) : request.pieces;
    const { giveUpAfterSeconds } = request;
    const giveUpAfterMs =
      giveUpAfterSeconds === undefined ? DEFAULT_RETRY.giveUpAfterMs : giveUpAfterSeconds * 1000;
    const onTrouble = (trouble: Trouble | undefined) => {
      this.#trouble = trouble;
      this.#report();
    };
    const preparing = this.#env.createRetryPolicy(
      {
        ...DEFAULT_RETRY,
        giveUpAfterMs: Math.min(giveUpAfterMs, PREPARE_GIVE_UP_AFTER_MS),
        signInMs: giveUpAfterMs,
      },
      onTrouble,
    );
    const retry = this.#env.createRetryPolicy({ ...DEFAULT_RETRY, giveUpAfterMs }, onTrouble);
    this.#policies = [preparing, retry];

    const release = await chooseRelease(request, preparing, stop);
    const { manifest, urls } = release;
    const pieces = await fetchPieces({ ...request, pieces: asked }, manifest, {
      retry: preparing,
      stop,
      onBaking: (words) => {
        this.#baking = words;
        this.#scheduleReport();
      },
      onNext: (which) => {
        this.#fetching = which;
        this.#baking = undefined;
        this.#report();
      },
    });
    this.#baking = undefined;
    const kept = request.keep ? await Kept.open(release) : undefined;
    this.#release = release;
    this.#pieces = pieces;
    this.#kept = kept;
    const older = kept?.older;
    const at = { url: urls[0] ?? "", size: manifest.image.size };
    const copies = older && (await fetchCopies(at, older, preparing, stop));
    const sources = {
      servers: urls.map((url) => new Source(url, manifest.image.size)),
      retry,
      seeds: kept ? [kept] : [],
      ...(older && copies && { basis: { copies, read: older.read.bind(older) } }),
      onFetched: (index: number, bytes: Bytes) => {
        kept?.add(index, bytes);
        this.#scheduleReport();
      },
    };
    this.#sources = sources;
    this.#keys = request.keys;
    await this.#decide(manifest, decisionsIn(request, pieces), async (contents) => {
      return (this.#image = await openImage({ manifest, sources }, contents, stop));
    });
    this.#report();
    return this.#info();
  }

  async choose(choices: Decisions): Promise<ImageInfo> {
    const { image, release } = this.#opened();
    const { manifest } = release;
    await this.#decide(manifest, choices, (contents) =>
      choices.only ? openPartition(manifest, contents) : image.with(contents),
    );
    return this.#info();
  }

  async again(): Promise<ImageInfo> {
    const { decisions, pieces } = this.#opened();
    const [preparing] = this.#policies;
    const before = new Set(pieces.all.map(({ name }) => name));
    preparing?.retryNow(); // it may have given up on one of them
    await pieces.fetch();
    this.#baking = undefined;
    preparing?.onProgress();
    const come = pieces.all.filter(({ name }) => !before.has(name));
    return await this.choose({ ...decisions, pieces: [...decisions.pieces, ...come] });
  }

  async #decide(
    manifest: Manifest,
    decisions: Decisions,
    make: (contents: PartitionContents) => Promise<Pick<Image, "info" | "chunks">>,
  ): Promise<void> {
    if (!this.#pieces) throw new Error("the build has not been opened");
    const contents = await this.#pieces.contents(manifest, decisions);
    this.#room = await roomBeside(manifest, contents);
    this.#made = await make(contents);
    this.#contents = contents;
    this.#decisions = decisions;
  }

  async bundle(piece: string): Promise<Blob> {
    const html = this.#pieces?.bundle(piece)?.html;
    return new Blob(html ? [html] : [], { type: "text/html" });
  }

  async send(port: MessagePort): Promise<void> {
    const { made } = this.#opened();
    await pump(made, port, (bytes) => this.#onWritten(bytes));
    this.#report();
  }

  async write(handle: FileSystemFileHandle): Promise<void> {
    const { made, release } = this.#opened();
    const pool = new BufferPool(WINDOW);
    const before = await contentOf(handle);
    const seeds = before.size > 0 ? [fileSeed(before, windowsOf(release.manifest))] : [];
    this.#writing = writeFile(handle, made.info.size, made.chunks(pool, seeds), {
      preserve: before.size,
      pool,
      isKept: () => this.#kept?.isOpen ?? false,
      onWritten: (bytes) => this.#onWritten(bytes),
    });
    await this.#writing;
    this.#report();
  }

  async openStick(root: FileSystemDirectoryHandle): Promise<StickView> {
    const { release, sources } = this.#opened();
    this.#stick = new StickSession(root, {
      release,
      sources,
      keys: this.#keys,
      pieces: () => this.#piecesOnStick(),
      onProgress: (progress) => {
        this.#onStick = progress;
        this.#scheduleReport();
      },
      stop: this.#over.signal,
    });
    return await this.#stick.look();
  }

  async doOnStick(job: StickJob): Promise<StickView> {
    if (!this.#stick) throw new Error("no stick was opened");
    const doing = this.#stick.do(job).finally(() => (this.#onStick = undefined));
    this.#writing = doing;
    return await doing;
  }

  stopStick(): void {
    this.#stick?.stop();
  }

  pause(): void {
    for (const retry of this.#policies) retry.pause();
  }

  resume(): void {
    for (const retry of this.#policies) retry.resume();
  }

  async close({ keep, cancelled }: { keep: boolean; cancelled: boolean }): Promise<void> {
    this.#over.abort(
      cancelled ? new CancelledError("The build was cancelled") : new SaveError("The build is over"),
    );
    await this.#writing?.catch(() => {}); // the page has been told by `write`
    if (keep) this.#kept?.close();
    else await this.#kept?.remove();
    this.#cancelReport?.();
    this.#listener = undefined;
  }

  /** The network is back, or another one, or the computer has slept: try again at once. */
  retryNow(): void {
    for (const retry of this.#policies) retry.retryNow();
  }

  /** To be called every `HEARTBEAT_INTERVAL_MS`. */
  heartbeat(): void {
    this.#listener?.onHeartbeat();
  }

  /** All that there is once the build has been opened. */
  #opened() {
    const [image, made, release, pieces] = [this.#image, this.#made, this.#release, this.#pieces];
    const [sources, contents, decisions] = [this.#sources, this.#contents, this.#decisions];
    if (!image || !made || !release || !pieces || !sources || !contents || !decisions) {
      throw new Error("the build has not been opened");
    }
    return { image, made, release, pieces, sources, contents, decisions };
  }

  /** A folder for each piece. A stick with a file system of its own has no menu: where that was chosen, the first starts. */
  async #piecesOnStick(): Promise<PiecesOnStick> {
    const { release, contents } = this.#opened();
    const { pieces, start, ...common } = contents;
    const folders = await Promise.all(
      pieces.map(async (piece) => {
        const files = await pieceFiles(release.manifest, { ...common, pieces: [piece] });
        return { piece: piece.name, folder: pieceFolder(piece.name, files), files, blank: blankFiles(files) };
      }),
    );
    const starts = folders[typeof start === "number" ? start : 0]!.folder;
    return { pieces: folders, starts };
  }

  /** The image's own, and what is known of the bundle. */
  #info(): ImageInfo {
    const { made, pieces, release, contents } = this.#opened();
    const { keyId, olderThan } = release;
    const [first, ...others] = made.info.pieces.map((piece) => {
      const { isNormalised = false, asks = [] } = pieces.bundle(piece.name) ?? {};
      return { ...piece, isNormalised, asks };
    });
    const leftOut = pieces.leftOut(new Set(made.info.pieces.map(({ name }) => name)));
    return {
      ...made.info,
      piece: { ...made.info.piece, isNormalised: first!.isNormalised },
      pieces: [first!, ...others],
      asks: first!.asks,
      room: { left: this.#room, of: release.manifest.piecePartition.length },
      ...(leftOut.length > 0 && { leftOut }),
      ...(contents.settings && { setUp: describeSettings(contents.settings) }),
      release: { keyId, ...(olderThan === undefined ? {} : { olderThan }) },
    };
  }

  #onWritten(bytes: number): void {
    this.#written = bytes;
    this.#scheduleReport();
  }

  #scheduleReport(): void {
    this.#cancelReport ??= this.#env.schedule(() => this.#report(), PROGRESS_INTERVAL_MS);
  }

  #report(): void {
    this.#cancelReport?.();
    this.#cancelReport = undefined;
    this.#listener?.onProgress({
      fetched: this.#policies.reduce((sum, retry) => sum + retry.fetched, 0),
      kept: this.#kept?.bytes ?? 0,
      canKeep: this.#kept?.isOpen ?? false,
      written: this.#written,
      ...(this.#trouble && { trouble: this.#trouble }),
      ...(this.#baking !== undefined && { baking: this.#baking }),
      ...(this.#fetching && { fetching: this.#fetching }),
      ...(this.#onStick && { stick: this.#onStick }),
    });
  }
}

/** Throws `BrowserSettingError` where there is no WebAssembly, with which the digests are computed. */
function requireWebAssembly(): void {
  try {
    void new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)); // the smallest there is
  } catch (error) {
    const isMissing = error instanceof ReferenceError || error instanceof TypeError;
    throw new BrowserSettingError(
      isMissing
        ? "WebAssembly is switched off in this browser, as in Lockdown Mode or by enhanced security: switch it on for this " +
            "site, or take another browser"
        : "The Content-Security-Policy of this site (script-src) does not allow WebAssembly ('wasm-unsafe-eval')",
      { cause: error },
    );
  }
}

/** The environment of a worker. */
export const thisThread: SessionEnvironment = {
  schedule(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  createRetryPolicy: (times, onTrouble) => new RetryPolicy(times, { onTrouble }),
};
