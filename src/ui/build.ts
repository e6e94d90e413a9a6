import { withAllowance, type Allowance } from "../allowances.ts";
import { CancelledError, explain, SaveError } from "../errors.ts";
import type { BuildState, ImageInfo, StickJob, StickView } from "../messages.ts";
import type { BuildRequest, Decisions } from "../worker/api.ts";
import type { SealedSettings } from "../settings/settings.ts";
import { startBuildClient } from "./build-client.ts";
import { canPause, initialState, isRunning, keepsBase, reduce, type BuildEvent } from "./build-state.ts";
import { decisionsOf, foreseen, including } from "./decisions.ts";
import { Speed } from "./speed.ts";
import { aloneOnStick } from "./stick-lock.ts";
import { choose, chosenFileTarget, recall, type Unfinished } from "./targets/chosen-file.ts";
import { chooseStick, lastStick } from "./targets/stick.ts";
import { downloadsTarget } from "./targets/downloads.ts";
import type { Target } from "./targets/target.ts";
import { keepScreenOn } from "./wake-lock.ts";

/** One build, from request to outcome. */
export interface Build {
  readonly state: BuildState;
  /** Make it, once it is ready: into the downloads, or into a file chosen now (right after a key or a tap). */
  start(where: BuildState["where"]): void;
  /** Let a piece use this of the machine that it starts, or no more: another image. While it is ready, as those below. */
  allow(use: Allowance, piece?: string): void;
  /** Show this one of several pieces first, or, when `undefined`, a menu. */
  startWith(piece: string | undefined): void;
  /**
   * Leave this one of several pieces out, or put it in again. One that there was no room for comes in the place of one that
   * is left out.
   */
  include(piece: string): void;
  /** Fetch those of several pieces that could not be had once more. */
  again(): void;
  /** Make the piece partition alone, or, when `undefined`, the whole image again. */
  makeOnly(only: "piece" | undefined): void;
  /** How the machine is set up; as usual when `undefined`. While it is ready. */
  setUp(settings: SealedSettings | undefined): void;
  /** Who is there, and whether the image is to say that they have built it. Until it is made. */
  sign(sign: NonNullable<BuildState["sign"]>): void;
  /** Choose a stick, the last one again or another, while it is ready or a stick was chosen (right after a key or a tap). */
  chooseStick(which: "another" | "last"): void;
  /** Do this on the stick that was chosen. */
  onStick(job: StickJob): void;
  /** Stop what is being done there. */
  stopStick(): void;
  /** Make something else of the build than a stick. */
  leaveStick(): void;
  pause(): void;
  resume(): void;
  /** Whether the base image is to stay in this browser when this is over. */
  keep(wanted: boolean): void;
  /** Stop it, at any moment. */
  cancel(): void;
  /** The bundle of a piece, as it will be on the disk, once it is ready. */
  bundle(piece: string): Promise<Blob>;
}

/** Get ready to build. `report` is called at every change of the state, the last time with the outcome. */
export function openBuild(
  request: () => Promise<BuildRequest>,
  { piece, keep, sign }: { piece: string; keep: boolean; sign: BuildState["sign"] },
  report: () => void,
): Build {
  let state = initialState(piece, keep, sign);
  let speed = new Speed();
  let fetching = new Speed();
  let unfinished: Unfinished | undefined;
  let target: Target | undefined;
  let isChoosing = false;
  let isStarted = false;
  let stick: FileSystemDirectoryHandle | undefined;
  const bundles = new Map<string, Promise<Blob>>();
  let choices: Decisions = { pieces: [] }; // what the person wants of the image
  let decided: Promise<void> = Promise.resolve(); // once the image is what is wanted
  const stop = new AbortController(); // ends it early
  const over = new AbortController();
  let chooseTarget: (handle: FileSystemFileHandle | undefined) => void = () => {};
  const chosen = new Promise<FileSystemFileHandle | undefined>((resolve) => {
    chooseTarget = (handle) => {
      isStarted = true;
      resolve(handle);
    };
  });

  const dispatch = (event: BuildEvent) => {
    const before = state;
    state = reduce(state, event);
    const begins = state.stage === "saving" ? before.stage !== "saving" : event.type === "stickJob";
    if (begins) {
      (speed = new Speed()).update(0);
      (fetching = new Speed()).update(state.fetched);
    }
    if (state !== before) report();
  };

  const client = startBuildClient({
    onProgress: (progress) =>
      dispatch({
        type: "progress",
        progress,
        speeds: {
          bytesPerSecond: speed.update(progress.stick?.written ?? progress.written),
          fetchedPerSecond: fetching.update(progress.fetched),
        },
      }),
    onHeartbeat: () => target?.keepAlive(),
  });

  const run = async () => {
    const asked = await request();
    const info = await client.open(asked);
    unfinished = await recall(info.fileName);
    const downloads = downloadsTarget(() => dispatch({ type: "taken" }));
    choices = decisionsOf(info, asked.settings);
    dispatch({ type: "prepared", info, unfinished: unfinished !== undefined });
    signAsWanted(); // AC may have said meanwhile who is there
    const handle = await chosen;
    await decided;
    addEventListener("beforeunload", askToStay, { signal: over.signal });
    keepScreenOn(over.signal);
    target = handle ? chosenFileTarget(handle) : downloads;
    const image = state.info ?? info;
    dispatch({ type: "started", where: target.where });
    return await target.save(image, client);
  };

  const decide = async (before: Promise<void>, wanted: Decisions) => {
    await before;
    const info = await client.choose(wanted);
    if (wanted !== choices) return; // something else was said meanwhile
    choices = decisionsOf(info, wanted.settings); // there may be no room for a piece
    unfinished = await recall(info.fileName); // other pieces, another name
    dispatch({ type: "chosen", info, unfinished: unfinished !== undefined });
  };

  const change = (next: Decisions) => {
    const { info, stage } = state;
    if (stage !== "ready" || !info || isStarted) return;
    choices = next;
    dispatch({ type: "chosen", info: foreseen(info, next) }); // seen at once
    decided = decide(decided, next);
    decided.catch((error: unknown) => stop.abort(error));
  };

  const fetchAgain = async (before: Promise<void>) => {
    await before;
    const { settings } = choices;
    const info = await client.again();
    choices = decisionsOf(info, settings);
    unfinished = await recall(info.fileName);
    dispatch({ type: "prepared", info, unfinished: unfinished !== undefined });
    signAsWanted(); // AC may have said meanwhile who is there
  };

  const signAsWanted = () => {
    const by = state.sign?.wanted ? state.sign.handle : undefined;
    const { by: before, ...rest } = choices;
    if (by !== before) change({ ...rest, ...(by !== undefined && { by }) });
  };

  const outcome = async (): Promise<BuildEvent> => {
    const stopped = new Promise<never>((_, reject) => {
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason as Error), { once: true });
    });
    try {
      return { type: "done", saved: await Promise.race([run(), client.broken, stopped]) };
    } catch (error) {
      const { name } = error instanceof Error ? error : new Error();
      if (name !== "CancelledError") console.error(error); // with its causes
      const leftover = (await target?.discard(error)) ?? "";
      const message = `${explain(error)} ${leftover}`.trim();
      return { type: name === "CancelledError" ? "cancelled" : "failed", error: name, message };
    }
  };

  const live = async () => {
    const end = await outcome();
    over.abort();
    await client.close({ keep: keepsBase(state, end.type), cancelled: end.type === "cancelled" });
    dispatch(end);
  };

  const chooseFile = async ({ fileName, only }: ImageInfo) => {
    isChoosing = true;
    const handle = await choose(fileName, only ? undefined : unfinished);
    isChoosing = false;
    if (handle) chooseTarget(handle);
  };

  const openStick = async (which: "another" | "last") => {
    isChoosing = true;
    const handle = await (which === "last" ? lastStick() : chooseStick()).finally(() => (isChoosing = false));
    if (!handle || !isRunning(state)) return; // the build has ended while the dialog was open
    stick = handle;
    dispatch({ type: "stickChosen", name: handle.name });
    await onStick("look", async () => {
      await decided;
      return await client.openStick(handle);
    });
  };

  /**
   * While a stick is written, the page asks before it is left and the computer stays awake; not for longer than the build
   * lives, since a worker that has ended answers no more.
   */
  const onStick = async (what: StickJob["do"], job: () => Promise<StickView>) => {
    const isDone = new AbortController();
    const end = AbortSignal.any([isDone.signal, over.signal]);
    const ended = new Promise<never>((_, reject) => {
      const tell = () => reject(new CancelledError("The build is over"));
      over.signal.addEventListener("abort", tell, { once: true, signal: isDone.signal });
    });
    ended.catch(() => {}); // also when nobody waits for it
    addEventListener("beforeunload", askToStay, { signal: end });
    keepScreenOn(end);
    try {
      const untilOver = () => Promise.race([job(), ended]);
      const found = await (stick && what !== "look" ? aloneOnStick(stick, untilOver) : untilOver());
      dispatch({ type: "stickFound", found });
    } catch (error) {
      const { name } = error instanceof Error ? error : new Error();
      if (name !== "CancelledError") console.error(error); // with its causes
      // Not again after a look: one that failed, or that took too long for the person, would do so once more.
      const found =
        what === "look" || over.signal.aborted
          ? undefined
          : await client.doOnStick({ do: "look" }).catch(() => undefined);
      dispatch({ type: "stickFailed", message: explain(error), found });
    } finally {
      isDone.abort();
      client.resume(); // what was paused was that job
    }
  };

  // Otherwise the browser's download would wait for ever.
  const leave = () => stop.abort(new SaveError("The page was left before the file was whole"));
  addEventListener("pagehide", leave, { signal: over.signal });
  void live();

  return {
    get state() {
      return state;
    },
    start(where) {
      if (state.stage !== "ready" || !state.info || isChoosing) return;
      if (where === "downloads") return chooseTarget(undefined);
      void chooseFile(state.info).catch((error: unknown) => stop.abort(error));
    },
    allow(use, name = choices.pieces[0]?.name) {
      const pieces = choices.pieces.map((each) => {
        if (each.name !== name) return each;
        return { name, allow: withAllowance(each.allow, use, !each.allow.includes(use)) };
      });
      change({ ...choices, pieces });
    },
    startWith(name) {
      const { start: _, ...rest } = choices;
      change({ ...rest, ...(name !== undefined && { start: name }) });
    },
    include(name) {
      if (state.info) change({ ...choices, pieces: including(name, choices.pieces, state.info) });
    },
    again() {
      if (state.stage !== "ready" || isStarted || isChoosing) return;
      dispatch({ type: "again" });
      decided = fetchAgain(decided);
      decided.catch((error: unknown) => stop.abort(error));
    },
    makeOnly(only) {
      const { only: _, ...rest } = choices;
      change({ ...rest, ...(only && { only }) });
    },
    setUp(settings) {
      const { settings: _, ...rest } = choices;
      change({ ...rest, ...(settings && { settings }) });
    },
    sign(who) {
      dispatch({ type: "sign", sign: who });
      signAsWanted();
    },
    chooseStick(which) {
      const isFree = state.stage === "ready" || (state.stage === "stick" && !state.stick?.doing);
      if (!isFree || isChoosing || isStarted) return;
      void openStick(which).catch((error: unknown) => stop.abort(error));
    },
    onStick(job) {
      if (state.stage !== "stick" || !state.stick || state.stick.doing) return;
      if (isChoosing) return; // another stick may come, and what was done on this one would be told of that one
      dispatch({ type: "stickJob", job: job.do });
      void onStick(job.do, () => client.doOnStick(job));
    },
    stopStick() {
      client.stopStick();
      dispatch({ type: "stickStops" });
    },
    leaveStick() {
      if (state.stick?.doing) return;
      dispatch({ type: "stickLeft" });
      signAsWanted(); // AC may have said meanwhile who is there
    },
    pause() {
      if (!canPause(state)) return; // nothing would resume it
      client.pause();
      dispatch({ type: "paused" });
    },
    resume() {
      client.resume();
      dispatch({ type: "resumed" });
    },
    keep: (wanted) => dispatch({ type: "keep", wanted }),
    cancel: () => stop.abort(new CancelledError("The build was cancelled")),
    bundle(name) {
      const bundle = bundles.get(name) ?? client.bundle(name);
      bundles.set(name, bundle);
      return bundle;
    },
  };
}

function askToStay(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
