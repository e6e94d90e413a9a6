import { proxy, transfer, wrap } from "comlink";
import type { ImageInfo, StickJob, StickView } from "../messages.ts";
import { runClock, type RunClock } from "../time/run-clock.ts";
import {
  type BuildRequest,
  type Decisions,
  carryCauses,
  type Builder,
  type BuildListener,
} from "../worker/api.ts";

/** How long a worker may take to clean up, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;

/** The build worker of one build. Every call rejects when the worker does not load or breaks. */
export interface BuildClient {
  /** Never resolves; rejects when the worker does not load or breaks. */
  readonly broken: Promise<never>;
  /** See `Builder`, as for all of these. */
  open(request: BuildRequest): Promise<ImageInfo>;
  choose(choices: Decisions): Promise<ImageInfo>;
  again(): Promise<ImageInfo>;
  bundle(piece: string): Promise<Blob>;
  send(port: MessagePort): Promise<void>;
  write(file: FileSystemFileHandle): Promise<void>;
  openStick(root: FileSystemDirectoryHandle): Promise<StickView>;
  doOnStick(job: StickJob): Promise<StickView>;
  stopStick(): void;
  pause(): void;
  resume(): void;
  /** Let the worker clean up for at most five seconds, and end it. Never rejects. */
  close(end: { keep: boolean; cancelled: boolean }): Promise<void>;
}

/** Start a build worker, which reports to `listener`. */
export function startBuildClient(
  listener: BuildListener,
  worker: Worker = startWorker(),
  clock: RunClock = runClock,
): BuildClient {
  const builder = wrap<Builder>(worker);
  const broken = brokenOf(worker);
  const orBroken = <T>(call: Promise<T>) => Promise.race([call, broken]);
  return {
    broken,
    open: (request) => orBroken(builder.open(request, proxy(listener))),
    choose: (choices) => orBroken(builder.choose(choices)),
    again: () => orBroken(builder.again()),
    bundle: (piece) => orBroken(builder.bundle(piece)),
    send: (port) => orBroken(builder.send(transfer(port, [port]))),
    write: (file) => orBroken(builder.write(file)),
    openStick: (root) => orBroken(builder.openStick(root)),
    doOnStick: (job) => orBroken(builder.doOnStick(job)),
    stopStick: () => void builder.stopStick(),
    pause: () => void builder.pause(),
    resume: () => void builder.resume(),
    async close(end) {
      const cleaned = orBroken(builder.close(end)).catch(() => {}); // broken: there is nothing to clean up
      let inTime = () => {};
      await Promise.race([
        cleaned,
        new Promise<void>((late) => (inTime = clock.after(CLOSE_TIMEOUT_MS, late))),
      ]);
      inTime();
      worker.terminate();
    },
  };
}

/** Never resolves; rejects when `worker` does not load or breaks: comlink's calls wait for ever on one that is broken. */
export function brokenOf(worker: Worker): Promise<never> {
  const broken = new Promise<never>((_, reject) => {
    worker.addEventListener("error", (event) => {
      // This is all that is told of a worker that does not load, and of one that breaks.
      const what = navigator.onLine ? "The part of this page that builds images failed" : "You are offline";
      reject(new Error(what, { cause: event.error }));
    });
  });
  broken.catch(() => {});
  return broken;
}

/** A worker, for a build unless `name` says what for. */
export function startWorker(name = "build"): Worker {
  return new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module", name });
}

carryCauses();
