import type { BuildState, ImageInfo, Progress, StickJob, StickView } from "../messages.ts";

/** What happens to a build. */
export type BuildEvent =
  /** Everything is known: the person decides. `unfinished`: an earlier build has left a chosen file. */
  | { readonly type: "prepared"; readonly info: ImageInfo; readonly unfinished: boolean }
  /** What could not be had is asked for once more; then all is `prepared` again. */
  | { readonly type: "again" }
  /** Another image, since the person has chosen something. */
  | { readonly type: "chosen"; readonly info: ImageInfo; readonly unfinished?: boolean }
  /** Who is there, or whether they want to be named. */
  | { readonly type: "sign"; readonly sign: NonNullable<BuildState["sign"]> }
  /** The person has said where the file goes. */
  | { readonly type: "started"; readonly where: BuildState["where"] }
  /** The browser has taken up the download. */
  | { readonly type: "taken" }
  | { readonly type: "progress"; readonly progress: Progress; readonly speeds: Speeds }
  | { readonly type: "paused" }
  | { readonly type: "resumed" }
  /** Whether the base image is to stay in this browser when the build is over. */
  | { readonly type: "keep"; readonly wanted: boolean }
  /** A stick was chosen, and is looked at. */
  | { readonly type: "stickChosen"; readonly name: string }
  /** A job on it begins. */
  | { readonly type: "stickJob"; readonly job: StickJob["do"] }
  /** The person stops it, which takes until the file that is being written is in place. */
  | { readonly type: "stickStops" }
  /** What there is on it now: it was looked at, or the job is done. */
  | { readonly type: "stickFound"; readonly found: StickView }
  /** It could not be looked at, or the job failed or was stopped. */
  | { readonly type: "stickFailed"; readonly message: string; readonly found: StickView | undefined }
  /** The person does something else with the build. */
  | { readonly type: "stickLeft" }
  /** The outcomes, after which nothing happens any more. */
  | { readonly type: "done"; readonly saved: boolean }
  | { readonly type: "failed" | "cancelled"; readonly error: string; readonly message: string };

/** In bytes a second. */
type Speeds = Pick<BuildState, "bytesPerSecond" | "fetchedPerSecond">;

/** A build of `piece` that has just begun. `keep`: whether the base image is to stay. `sign`: who is there, if AC knows. */
export function initialState(piece: string, keep: boolean, sign?: BuildState["sign"]): BuildState {
  return {
    piece,
    stage: "preparing",
    written: 0,
    fetched: 0,
    bytesPerSecond: 0,
    fetchedPerSecond: 0,
    paused: false,
    keep: { wanted: keep, bytes: 0, possible: false },
    where: "downloads",
    ...(sign && { sign }),
  };
}

/** Whether the build has no outcome yet. */
export function isRunning({ stage }: BuildState): boolean {
  return stage !== "done" && stage !== "failed" && stage !== "cancelled";
}

/** Whether there is something going on that can be paused, and a screen on which it can be resumed. */
export function canPause({ stage, stick }: BuildState): boolean {
  if (stage === "stick") return stick?.doing === "put" || stick?.doing === "repair";
  return stage === "starting" || stage === "saving";
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
    case "again":
      return state.stage === "ready" ? { ...state, stage: "preparing" } : state;
    case "chosen": {
      const { info, unfinished = state.unfinished ?? false } = event;
      return state.stage === "ready" ? { ...state, info, unfinished } : state;
    }
    case "sign": {
      const isOpen = state.stage === "preparing" || state.stage === "ready";
      const { handle, wanted } = event.sign;
      const isSame = state.sign?.handle === handle && state.sign.wanted === wanted;
      return isOpen && !isSame ? { ...state, sign: event.sign } : state;
    }
    case "started":
      return { ...state, stage: event.where === "downloads" ? "starting" : "saving", where: event.where };
    case "taken":
      return { ...state, stage: "saving" };
    case "progress": {
      const { fetched, kept, canKeep, written, trouble, baking, fetching, stick: onStick } = event.progress;
      const { trouble: _, baking: __, fetching: ___, ...rest } = state; // they end by not being reported again
      const keep = { ...state.keep, bytes: kept, possible: canKeep };
      const { stick } = state;
      return {
        ...rest,
        fetched,
        written,
        ...event.speeds,
        keep,
        ...(onStick && stick?.doing && { stick: { ...stick, progress: onStick } }),
        ...(trouble && { trouble }),
        ...(baking !== undefined && { baking }),
        ...(fetching && { fetching }),
      };
    }
    case "paused":
      return canPause(state) ? { ...state, paused: true } : state;
    case "resumed":
      return { ...state, paused: false };
    case "stickChosen":
      return { ...state, stage: "stick", stick: { name: event.name, doing: "look" } };
    case "stickJob": {
      if (!state.stick) return state;
      const { name, found } = state.stick;
      return { ...state, stick: { name, doing: event.job, ...(found && { found }) } };
    }
    case "stickStops":
      if (!state.stick?.doing) return state;
      return { ...state, paused: false, stick: { ...state.stick, stops: true } };
    case "stickFound": {
      if (!state.stick) return state;
      const { name, doing } = state.stick;
      const did = doing === undefined || doing === "look" ? {} : { did: doing };
      return { ...state, paused: false, stick: { name, found: event.found, ...did } };
    }
    case "stickFailed": {
      if (!state.stick) return state;
      const { message, found } = event;
      return { ...state, paused: false, stick: { name: state.stick.name, message, ...(found && { found }) } };
    }
    case "stickLeft": {
      const { stick: _, ...rest } = state;
      return state.stage === "stick" ? { ...rest, stage: "ready" } : state;
    }
    case "keep":
      return { ...state, keep: { ...state.keep, wanted: event.wanted } };
  }
  // What is left are the outcomes.
  const keep = { ...state.keep, bytes: keepsBase(state, event.type) ? state.keep.bytes : 0 };
  if (event.type === "done")
    return { ...state, stage: "done", keep, written: state.info?.size ?? state.written, saved: event.saved };
  return { ...state, stage: event.type, keep, error: event.error, message: event.message };
}
