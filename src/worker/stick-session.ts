import { CancelledError, NotOurStickError } from "../errors.ts";
import type { WindowSources } from "../fetch/downloader.ts";
import type { StickJob, StickProgress, StickView } from "../messages.ts";
import type { Release } from "../release/verify.ts";
import { handleFolder, looksLikeFat } from "../stick/handle-folder.ts";
import { install, removePiece, startPiece, takeOff, type StickRun } from "../stick/install.ts";
import { check, holdsOurs, look } from "../stick/look.ts";
import type { StickPieceFiles } from "../stick/plan.ts";
import { survey } from "../stick/survey.ts";

/** What a build has for sticks. */
export interface StickSupplies {
  readonly release: Pick<Release, "manifest" | "bytes" | "signature">;
  readonly sources: Omit<WindowSources, "windows">;
  /** minisign public keys, one of which must have signed a base that is found on a stick. */
  readonly keys: readonly string[];
  /** The build's pieces, as it is decided now. */
  readonly pieces: () => Promise<PiecesOnStick>;
  readonly onProgress: (progress: StickProgress) => void;
  /** Ends whatever is being done. */
  readonly stop: AbortSignal;
}

/** Pieces for a stick, and the folder of the one that is to start. */
export interface PiecesOnStick {
  readonly pieces: readonly StickPieceFiles[];
  readonly starts: string;
}

/** One stick that the person chose, and what is done there, one job after the other. */
export class StickSession {
  readonly #folder;
  readonly #root: FileSystemDirectoryHandle;
  readonly #supplies: StickSupplies;
  #isFat: boolean | undefined;
  /** Whether reading all of it has found damage. */
  #isDamaged = false;
  #stopJob = new AbortController();

  constructor(root: FileSystemDirectoryHandle, supplies: StickSupplies) {
    this.#root = root;
    this.#folder = handleFolder(root);
    this.#supplies = supplies;
  }

  /** What is on it. Throws `StickError`, and `CancelledError` when it is stopped: a bad stick can take minutes to answer. */
  async look(): Promise<StickView> {
    this.#stopJob = new AbortController();
    return await this.#look(AbortSignal.any([this.#supplies.stop, this.#stopJob.signal]));
  }

  async #look(stop: AbortSignal): Promise<StickView> {
    return await orStopped(this.#survey(), stop);
  }

  async #survey(): Promise<StickView> {
    const { keys, release } = this.#supplies;
    this.#isFat ??= await looksLikeFat(this.#root); // first: a stick that cannot be written to is of no use
    return { isFat: this.#isFat, ...(await survey(this.#folder, keys, release.manifest)) };
  }

  /** Do `job`, and look what is there then. Throws what the functions of `src/stick/install.ts` throw. */
  async do(job: StickJob): Promise<StickView> {
    this.#stopJob = new AbortController();
    const { keys, onProgress, sources, stop: over } = this.#supplies;
    const stop = AbortSignal.any([over, this.#stopJob.signal]);
    const run: StickRun = {
      folder: this.#folder,
      keys,
      onProgress,
      whenResumed: () => sources.retry.whenResumed(stop),
      stop,
    };
    switch (job.do) {
      case "look":
        break;
      case "check":
        return await this.#check(run);
      case "put":
        await this.#put(job.replace, run);
        break;
      case "repair":
        await this.#repair(run);
        break;
      case "start":
        await startPiece(job.folder, run);
        break;
      case "remove":
        await removePiece(job.folder, run);
        break;
      case "takeOff":
        await takeOff(run);
        break;
      default:
        throw new TypeError(`no such job: ${JSON.stringify(job satisfies never)}`);
    }
    return await this.#look(stop);
  }

  /** Stop the job that is being done. */
  stop(): void {
    this.#stopJob.abort(
      new CancelledError("It was stopped: what is on the stick already is not written again"),
    );
  }

  async #put(replace: boolean, run: StickRun): Promise<void> {
    const { release, sources } = this.#supplies;
    const what = { base: release, sources, ...(await this.#supplies.pieces()) };
    await install({ ...what, replace, readBase: this.#isDamaged }, run);
    this.#isDamaged = false;
  }

  async #repair(run: StickRun): Promise<void> {
    const { release, sources } = this.#supplies;
    const { config } = await look(run.folder, run.keys);
    const what = { base: release, sources, pieces: [], starts: config?.folder ?? "" };
    await install({ ...what, replace: false, readBase: true }, run);
    this.#isDamaged = false;
  }

  async #check(run: StickRun): Promise<StickView> {
    const stick = await look(run.folder, run.keys);
    if (!holdsOurs(stick)) throw new NotOurStickError("Nothing of os is on this stick");
    const onRead = (done: number, total: number) =>
      run.onProgress({ path: "", does: "reading", done, total, written: 0 });
    const problems = await check(run.folder, stick, onRead, run.stop);
    this.#isDamaged = problems.length > 0;
    return { ...(await this.#look(run.stop)), problems };
  }
}

/** What `call` comes to; throws the reason that `stop` is aborted with as soon as that is. */
async function orStopped<T>(call: Promise<T>, stop: AbortSignal): Promise<T> {
  const isOver = new AbortController();
  const stopped = new Promise<never>((_, reject) => {
    const end = () => reject(stop.reason as Error);
    if (stop.aborted) end();
    else stop.addEventListener("abort", end, { once: true, signal: isOver.signal });
  });
  try {
    return await Promise.race([call, stopped]);
  } finally {
    isOver.abort();
    call.catch(() => {}); // it ends some time, and nobody waits for it any more
  }
}
