import { proxy, transfer, wrap } from "comlink";
import { CancelledError, explain, SaveError } from "../errors.ts";
import type { BuildRequest, BuildState, ImageInfo, Progress } from "../messages.ts";
import { carryCauses, type Builder } from "../worker/api.ts";
import { stayAwake } from "./awake.ts";
import { choose, forget, recall, remember, type Unfinished } from "./chosen.ts";
import { leftover } from "./leftover.ts";
import { paced } from "./progress.ts";
import { download, openDownloadFrame, type Download, type DownloadFrame } from "./save.ts";

/** One build, from request to outcome. */
export interface Build {
  readonly state: BuildState;
  /** Not over yet. */
  readonly running: boolean;
  /** Make it, once it is ready: into the downloads, or into a file chosen now (right after a key or a tap). */
  start(where: BuildState["where"]): void;
  pause(): void;
  resume(): void;
  /** Whether the base image is to stay in this browser when this is over. */
  keep(wanted: boolean): void;
  /** Stop it, at any moment. */
  cancel(): void;
  /** The piece's bundle, as it will be on the disk, once it is ready. */
  bundle(): Promise<Blob>;
}

/** How long a worker may take to clear up, in milliseconds. */
const CLEARING = 5_000;

/** Get ready to build. `report` hears every state until the outcome. */
export function openBuild(
  request: () => Promise<BuildRequest>,
  { piece, keep }: { piece: string; keep: boolean },
  report: () => void,
): Build {
  let state: BuildState = {
    piece,
    stage: "preparing",
    written: 0,
    fetched: 0,
    bytesPerSecond: 0,
    paused: false,
    keep: { wanted: keep, bytes: 0, possible: false },
    where: "downloads",
  };
  const stop = new AbortController();
  const over = new AbortController();
  const worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
  const builder = wrap<Builder>(worker);
  const isRunning = () => !["done", "failed", "cancelled"].includes(state.stage);
  const set = (change: Partial<BuildState>) => {
    if (!isRunning()) return; // a last count of bytes may come after the outcome
    state = { ...state, ...change };
    report();
  };
  const progress = paced((written, bytesPerSecond) => set({ stage: "saving", written, bytesPerSecond }));
  let saving: Download | undefined;
  let begin: (target: FileSystemFileHandle | undefined) => void = () => {};
  const begun = new Promise<FileSystemFileHandle | undefined>((resolve) => (begin = resolve));
  let unfinished: Unfinished | undefined;
  let choosing = false;
  let bundle: Promise<Blob> | undefined;

  const hear = ({ fetched, kept, canKeep, written, trouble }: Progress) => {
    saving?.beat();
    const { trouble: _, ...rest } = state; // trouble ends by not being told of again
    state = rest;
    set({
      fetched,
      keep: { ...state.keep, bytes: kept, possible: canKeep },
      ...(trouble ? { trouble } : {}),
    });
    if (written !== undefined) progress(written);
  };

  const run = async () => {
    const info = await builder.open(await request(), proxy(hear));
    unfinished = await recall(info.fileName);
    set({ stage: "ready", info, unfinished: unfinished !== undefined });
    const gate = openDownloadFrame();
    over.signal.addEventListener("abort", () => saving ?? gate.frame.remove(), { once: true });
    const target = await begun;
    addEventListener("beforeunload", warn, { signal: over.signal });
    stayAwake(over.signal);
    if (target) await intoFile(info, target);
    else await intoDownloads(info, gate);
    set({ written: info.size });
  };

  const intoDownloads = async (info: ImageInfo, gate: DownloadFrame) => {
    set({ stage: "starting", where: "downloads" });
    const { port1, port2 } = new MessageChannel();
    saving = download(info, port2, gate, progress);
    await Promise.all([builder.send(transfer(port1, [port1])), saving.whole]);
  };

  const intoFile = async (info: ImageInfo, handle: FileSystemFileHandle) => {
    set({ stage: "saving", where: "chosen" });
    await remember({ handle, fileName: info.fileName });
    await builder.write(handle);
    await forget(info.fileName);
  };

  const pick = async () => {
    choosing = true;
    const handle = state.info && (await choose(state.info.fileName, unfinished));
    choosing = false;
    if (handle) begin(handle);
  };

  const build: Build = {
    get state() {
      return state;
    },
    get running() {
      return isRunning();
    },
    start(where) {
      if (state.stage !== "ready" || !state.info || choosing) return;
      if (where === "downloads") return begin(undefined);
      void pick().catch((error: unknown) => stop.abort(error));
    },
    pause() {
      void builder.pause();
      set({ paused: true });
    },
    resume() {
      void builder.resume();
      set({ paused: false });
    },
    keep: (wanted) => set({ keep: { ...state.keep, wanted } }),
    cancel: () => stop.abort(new CancelledError("The build was cancelled")),
    bundle: () => (bundle ??= builder.bundle()),
  };

  // comlink waits for ever on a broken worker, so whatever ends the build early rejects this.
  const ended = new Promise<never>((_, reject) => {
    stop.signal.addEventListener("abort", () => reject(stop.signal.reason as Error), { once: true });
    worker.addEventListener("error", (event) => {
      // A worker that does not load and one that breaks both say so here, and no more than that.
      const what = navigator.onLine ? "The part of this page that builds images failed" : "You are offline";
      reject(new Error(what, { cause: event.error }));
    });
  });
  const outcome = async (): Promise<Partial<BuildState>> => {
    try {
      await Promise.race([run(), ended]);
      return { stage: "done" };
    } catch (error) {
      const { name } = error instanceof Error ? error : new Error();
      if (name !== "CancelledError") console.error(error); // with its causes, for whoever looks into it
      saving?.abort();
      const isTakenAway = name === "DownloadEndedError"; // whoever ends a download in the browser's list
      const rest = saving && state.info && !isTakenAway ? leftover(state.info.fileName) : "";
      const stage = name === "CancelledError" ? "cancelled" : "failed";
      return { stage, error: name, message: `${explain(error)} ${rest}`.trim() };
    }
  };
  const live = async () => {
    const end = await outcome();
    over.abort();
    const isCancelled = end.stage === "cancelled";
    if (isCancelled && state.where === "chosen" && state.info) await forget(state.info.fileName);
    // What a failed build has fetched serves the next attempt.
    const keeping = state.keep.wanted || end.stage === "failed";
    const cleared = builder.close({ keep: keeping, cancelled: isCancelled }).catch(() => {}); // broken: nothing to clear
    await Promise.race([cleared, new Promise((later) => setTimeout(later, CLEARING))]);
    worker.terminate();
    set({ ...end, keep: { ...state.keep, bytes: keeping ? state.keep.bytes : 0 } });
  };
  const leave = () => stop.abort(new SaveError("The page was left before the file was whole"));
  addEventListener("pagehide", leave, { signal: over.signal }); // or the browser's download would wait for ever
  void live();
  return build;
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

carryCauses();
