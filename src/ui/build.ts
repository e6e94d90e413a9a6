import { transfer, wrap } from "comlink";
import { CancelledError, explain } from "../errors.ts";
import type { BuildRequest, BuildState } from "../messages.ts";
import { carryCauses, type Builder } from "../worker/api.ts";
import { download, type Download } from "./save.ts";
import { Speed } from "./speed.ts";

/** One build, from request to outcome. */
export interface Build {
  readonly state: BuildState;
  readonly running: boolean;
  /** Stop it, at any moment. */
  cancel(): void;
}

/** At most one report in this many milliseconds while bytes flow. */
const PACE = 100;

/** Start building. `report` hears every state until the outcome. */
export function startBuild(request: () => Promise<BuildRequest>, piece: string, report: () => void): Build {
  let state: BuildState = { piece, stage: "preparing", written: 0, bytesPerSecond: 0 };
  const stop = new AbortController();
  const set = (change: Partial<BuildState>) => {
    if (!build.running) return; // a last count of bytes may come after the outcome
    state = { ...state, ...change };
    report();
  };
  const build: Build = {
    get state() {
      return state;
    },
    get running() {
      return state.stage === "preparing" || state.stage === "starting" || state.stage === "saving";
    },
    cancel: () => stop.abort(new CancelledError("The build was cancelled")),
  };
  addEventListener("beforeunload", warn);
  addEventListener("pagehide", build.cancel); // or the browser's download would wait for ever
  void run(request, stop.signal, set)
    .then(
      () => set({ stage: "done" }),
      (error: unknown) => {
        const cancelled = error instanceof Error && error.name === "CancelledError";
        if (!cancelled) console.error(error); // with its causes, for whoever looks into it
        const begun = state.stage === "starting" || state.stage === "saving";
        const leftover = begun ? " If your browser kept an unfinished file, delete it." : "";
        set({ stage: cancelled ? "cancelled" : "failed", message: explain(error) + leftover });
      },
    )
    .finally(() => {
      removeEventListener("beforeunload", warn);
      removeEventListener("pagehide", build.cancel);
    });
  return build;
}

async function run(
  request: () => Promise<BuildRequest>,
  stop: AbortSignal,
  set: (change: Partial<BuildState>) => void,
): Promise<void> {
  const worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
  const builder = wrap<Builder>(worker);
  // comlink waits for ever on a broken worker, so whatever ends the build early rejects this.
  const ended = new Promise<never>((_, reject) => {
    stop.addEventListener("abort", () => reject(stop.reason as Error), { once: true });
    worker.addEventListener("error", (event) => {
      // A worker that does not load and one that breaks both say so here, and no more than that.
      const what = navigator.onLine ? "The part of this page that builds images failed" : "You are offline";
      reject(new Error(what, { cause: event.error }));
    });
  });
  let saving: Download | undefined;
  try {
    const info = await Promise.race([request().then((it) => builder.open(it)), ended]);
    set({ stage: "starting", info });
    const { port1, port2 } = new MessageChannel();
    saving = download(info, port2, paced(set));
    await Promise.race([Promise.all([builder.send(transfer(port1, [port1])), saving.whole]), ended]);
    set({ written: info.size });
  } catch (error) {
    saving?.abort();
    throw error;
  } finally {
    worker.terminate();
  }
}

/** Turns every count of bytes into a few states a second, the last of them always. */
function paced(set: (change: Partial<BuildState>) => void): (written: number) => void {
  const speed = new Speed();
  let written = 0;
  let next = 0; // when the next report may be
  let waiting = false;
  const report = () => {
    waiting = false;
    next = performance.now() + PACE;
    set({ stage: "saving", written, bytesPerSecond: speed.bytesPerSecond });
  };
  return (count) => {
    written = count;
    speed.add(performance.now(), count);
    if (waiting) return;
    waiting = true;
    setTimeout(report, Math.max(0, next - performance.now()));
  };
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

carryCauses();
