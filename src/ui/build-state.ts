import type { BuildState, ImageInfo, Progress } from "../messages.ts";

/** What happens to a build. */
export type BuildEvent =
  /** Everything is known: the person decides. `unfinished`: an earlier build has left a chosen file. */
  | { readonly type: "prepared"; readonly info: ImageInfo; readonly unfinished: boolean }
  /** Another image, since the person has said what the piece may use. */
  | { readonly type: "allowed"; readonly info: ImageInfo }
  /** The person has said where the file goes. */
  | { readonly type: "started"; readonly where: BuildState["where"] }
  /** The browser has taken up the download. */
  | { readonly type: "taken" }
  | { readonly type: "progress"; readonly progress: Progress; readonly bytesPerSecond: number }
  | { readonly type: "paused" }
  | { readonly type: "resumed" }
  /** Whether the base image is to stay in this browser when the build is over. */
  | { readonly type: "keep"; readonly wanted: boolean }
  /** The outcomes, after which nothing happens any more. */
  | { readonly type: "done"; readonly saved: boolean }
  | { readonly type: "failed" | "cancelled"; readonly error: string; readonly message: string };

/** A build of `piece` that has just begun. `keep`: whether the base image is to stay. */
export function initialState(piece: string, keep: boolean): BuildState {
  return {
    piece,
    stage: "preparing",
    written: 0,
    fetched: 0,
    bytesPerSecond: 0,
    paused: false,
    keep: { wanted: keep, bytes: 0, possible: false },
    where: "downloads",
  };
}

/** Whether the build has no outcome yet. */
export function isRunning({ stage }: BuildState): boolean {
  return stage !== "done" && stage !== "failed" && stage !== "cancelled";
}

/**
 * Whether a build with this state leaves the base image in this browser when it ends by `outcome`: if the person
 * wants that, and after a failure, since what was fetched serves the next attempt.
 */
export function keepsBase({ keep }: BuildState, outcome: BuildEvent["type"]): boolean {
  return keep.wanted || outcome === "failed";
}

/** The state after `event`; the same object when the event changes nothing, as every event after an outcome. */
export function reduce(state: BuildState, event: BuildEvent): BuildState {
  if (!isRunning(state)) return state;
  switch (event.type) {
    case "prepared": {
      const { info, unfinished } = event;
      return { ...state, stage: "ready", info, unfinished };
    }
    case "allowed":
      return state.stage === "ready" ? { ...state, info: event.info } : state;
    case "started":
      return { ...state, stage: event.where === "downloads" ? "starting" : "saving", where: event.where };
    case "taken":
      return { ...state, stage: "saving" };
    case "progress": {
      const { fetched, kept, canKeep, written, trouble } = event.progress;
      const { trouble: _, ...rest } = state; // trouble ends by not being reported again
      const keep = { ...state.keep, bytes: kept, possible: canKeep };
      const { bytesPerSecond } = event;
      return { ...rest, fetched, written, bytesPerSecond, keep, ...(trouble && { trouble }) };
    }
    case "paused":
    case "resumed":
      return { ...state, paused: event.type === "paused" };
    case "keep":
      return { ...state, keep: { ...state.keep, wanted: event.wanted } };
  }
  // What is left are the outcomes.
  const keep = { ...state.keep, bytes: keepsBase(state, event.type) ? state.keep.bytes : 0 };
  if (event.type === "done")
    return { ...state, stage: "done", keep, written: state.info?.size ?? state.written, saved: event.saved };
  return { ...state, stage: event.type, keep, error: event.error, message: event.message };
}
