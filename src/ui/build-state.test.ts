import { describe, expect, test } from "vitest";
import type { BuildState, Progress } from "../messages.ts";
import { info, states } from "../testing/states.ts";
import { canPause, initialState, isRunning, keepsBase, reduce, type BuildEvent } from "./build-state.ts";

const progress: Progress = { fetched: 3, kept: 2, canKeep: true, written: 1 };
const trouble = { kind: "lost", tries: 1, again: 5 } as const;
const failed = { type: "failed", error: "SaveError", message: "It failed." } as const;
const cancelled = { type: "cancelled", error: "CancelledError", message: "It was cancelled." } as const;
const events: BuildEvent[] = [
  { type: "prepared", info, unfinished: true },
  { type: "chosen", info: { ...info, allow: ["camera"] } },
  { type: "again" },
  { type: "sign", sign: { handle: "@jeffrey", wanted: true } },
  { type: "started", where: "chosen" },
  { type: "taken" },
  { type: "progress", progress, speeds: { bytesPerSecond: 9, fetchedPerSecond: 0 } },
  { type: "paused" },
  { type: "resumed" },
  { type: "keep", wanted: true },
  { type: "done", saved: true },
  failed,
  cancelled,
];

const steps: [string, BuildState, BuildEvent, Partial<BuildState>][] = [
  [
    "chosen: other pieces, of which an earlier build has left a file",
    states.several,
    { type: "chosen", info, unfinished: true },
    { info, unfinished: true },
  ],
  [
    "again: what could not be had is fetched, and cannot be started meanwhile",
    states["several, one unknown"],
    { type: "again" },
    { stage: "preparing" },
  ],
  ["again: not while it is made", states.saving, { type: "again" }, {}],
  [
    "progress: which of several is fetched",
    states.preparing,
    {
      type: "progress",
      progress: { ...progress, fetching: { name: "line", number: 2, of: 3 } },
      speeds: { bytesPerSecond: 0, fetchedPerSecond: 0 },
    },
    { fetching: { name: "line", number: 2, of: 3 } },
  ],
  [
    "chosen: another image, with another SHA-256",
    states.ready,
    { type: "chosen", info: { ...info, allow: ["camera"], sha256: "other" } },
    { info: { ...info, allow: ["camera"], sha256: "other" } },
  ],
  [
    "sign: who is there",
    states.preparing,
    { type: "sign", sign: { handle: "@jeffrey", wanted: true } },
    { sign: { handle: "@jeffrey", wanted: true } },
  ],
  [
    "sign: they do not want to be named",
    states.signed,
    { type: "sign", sign: { ...states.signed.sign, wanted: false } },
    { sign: { ...states.signed.sign, wanted: false } },
  ],
  [
    "prepared: everything is known, and the person decides",
    states.preparing,
    { type: "prepared", info, unfinished: true },
    { stage: "ready", info, unfinished: true },
  ],
  [
    "started for downloads: it waits for the browser",
    states.ready,
    { type: "started", where: "downloads" },
    { stage: "starting", where: "downloads" },
  ],
  [
    "started for a chosen file: it is written at once",
    states.ready,
    { type: "started", where: "chosen" },
    { stage: "saving", where: "chosen" },
  ],
  ["taken: the browser saves", states.starting, { type: "taken" }, { stage: "saving" }],
  [
    "progress: counts, and what is kept",
    states.saving,
    { type: "progress", progress, speeds: { bytesPerSecond: 9, fetchedPerSecond: 0 } },
    {
      written: 1,
      fetched: 3,
      bytesPerSecond: 9,
      fetchedPerSecond: 0,
      keep: { wanted: true, bytes: 2, possible: true },
    },
  ],
  [
    "progress does not change the stage",
    states.starting,
    { type: "progress", progress, speeds: { bytesPerSecond: 9, fetchedPerSecond: 0 } },
    { stage: "starting", written: 1 },
  ],
  [
    "progress with trouble",
    states.saving,
    {
      type: "progress",
      progress: { ...progress, trouble },
      speeds: { bytesPerSecond: 0, fetchedPerSecond: 0 },
    },
    { trouble },
  ],
  [
    "progress with what the oven says",
    states.preparing,
    {
      type: "progress",
      progress: { ...progress, baking: "Loading fonts..." },
      speeds: { bytesPerSecond: 0, fetchedPerSecond: 0 },
    },
    { baking: "Loading fonts..." },
  ],
  ["paused", states.saving, { type: "paused" }, { paused: true }],
  ["resumed", { ...states.saving, paused: true }, { type: "resumed" }, { paused: false }],
  [
    "keep is what the person wants, whatever is possible",
    states.ready,
    { type: "keep", wanted: false },
    { keep: { ...states.ready.keep, wanted: false } },
  ],
  [
    "done: all is written",
    states.saving,
    { type: "done", saved: true },
    { stage: "done", written: info.size, saved: true },
  ],
  ["failed", states.saving, failed, { stage: "failed", error: failed.error, message: failed.message }],
  [
    "cancelled before anything is known",
    states.preparing,
    cancelled,
    { stage: "cancelled", error: cancelled.error, message: cancelled.message },
  ],
];

test.each(steps)("%s", (_, state, event, expected) => {
  const before = structuredClone(state);
  expect(reduce(state, event)).toMatchObject(expected);
  expect(state).toEqual(before);
});

test("who is there changes nothing when it is known already, or when the image is being made", () => {
  const { sign } = states.signed;
  expect(reduce(states.signed, { type: "sign", sign: { ...sign } })).toBe(states.signed);
  expect(reduce(states.saving, { type: "sign", sign })).toBe(states.saving);
});

test("baking ends by not being reported again", () => {
  expect(
    reduce(states.baking, { type: "progress", progress, speeds: { bytesPerSecond: 0, fetchedPerSecond: 0 } }),
  ).not.toHaveProperty("baking");
});

test("trouble ends by not being reported again", () => {
  const inTrouble = { ...states.saving, trouble };
  expect(
    reduce(inTrouble, { type: "progress", progress, speeds: { bytesPerSecond: 0, fetchedPerSecond: 0 } }),
  ).not.toHaveProperty("trouble");
  expect(reduce(inTrouble, { type: "paused" })).toHaveProperty("trouble", trouble);
});

describe.each(["done", "failed", "cancelled"] as const)("after %s", (stage) => {
  const over: BuildState = { ...states.saving, stage };
  test.each(events.map((event) => [event.type, event] as const))("nothing comes of %s", (_, event) => {
    expect(reduce(over, event)).toBe(over);
    expect(isRunning(over)).toBe(false);
  });
});

test.each([
  [true, "done", 7],
  [true, "failed", 7],
  [true, "cancelled", 7],
  [false, "done", 0],
  [false, "failed", 7], // for the next attempt
  [false, "cancelled", 0],
] as const)("kept if wanted is %s and the build is %s: %i bytes", (wanted, type, bytes) => {
  const state: BuildState = { ...states.saving, keep: { wanted, bytes: 7, possible: true } };
  const event: BuildEvent = type === "done" ? { type, saved: true } : { ...failed, type };
  expect(keepsBase(state, type)).toBe(bytes > 0);
  expect(reduce(state, event).keep.bytes).toBe(bytes);
});

test("a build begins by preparing", () => {
  const state = initialState("notepat", true);
  expect(state).toMatchObject({ piece: "notepat", stage: "preparing", written: 0, paused: false });
  expect(state.keep).toEqual({ wanted: true, bytes: 0, possible: false });
  expect(isRunning(state)).toBe(true);
});

describe("a stick", () => {
  const found = { isFat: true, isOurs: false, pieces: [], problems: [] };
  const onStick = { path: "/fedac/a", does: "writing", done: 1, total: 2, written: 1 } as const;
  const during = { fetched: 3, kept: 0, canKeep: false, written: 0, stick: onStick };
  const speeds = { bytesPerSecond: 9, fetchedPerSecond: 4 };
  const ready = reduce(initialState("notepat", false), { type: "prepared", info, unfinished: false });
  const looking = reduce(ready, { type: "stickChosen", name: "STICK" });
  const seen = reduce(looking, { type: "stickFound", found });
  const putting = reduce(seen, { type: "stickJob", job: "put" });

  test("is looked at, and then the person decides", () => {
    expect(looking).toMatchObject({ stage: "stick", stick: { name: "STICK", doing: "look" } });
    expect(seen.stick).toEqual({ name: "STICK", found });
    expect(reduce(seen, { type: "stickLeft" })).toEqual(ready);
  });

  test("what is done there has progress, and ends as done or with a sentence", () => {
    expect(putting.stick).toEqual({ name: "STICK", doing: "put", found });
    const moving = reduce(putting, { type: "progress", progress: during, speeds });
    expect(moving).toMatchObject({ ...speeds, fetched: 3, stick: { doing: "put", progress: onStick } });
    expect(reduce(moving, { type: "stickFound", found }).stick).toEqual({ name: "STICK", found, did: "put" });
    const paused = reduce(moving, { type: "paused" });
    const stopped = reduce(paused, { type: "stickFailed", message: "It is full.", found: undefined });
    expect(stopped.stick).toEqual({ name: "STICK", message: "It is full." });
    expect(stopped.paused).toBe(false);
    expect(isRunning(stopped)).toBe(true); // another way can be taken
  });

  test("what is to stop says so until it has", () => {
    const paused = reduce(putting, { type: "paused" });
    const stopping = reduce(paused, { type: "stickStops" });
    expect(stopping).toMatchObject({ paused: false, stick: { doing: "put", stops: true } });
    const stopped = reduce(stopping, { type: "stickFailed", message: "It was stopped.", found });
    expect(stopped.stick).toEqual({ name: "STICK", message: "It was stopped.", found });
    expect(reduce(seen, { type: "stickStops" })).toBe(seen);
  });

  test("only what can be resumed is paused", () => {
    for (const job of ["look", "start", "remove", "check", "takeOff"] as const) {
      const doing = reduce(seen, { type: "stickJob", job });
      expect(reduce(doing, { type: "paused" })).toBe(doing);
    }
    for (const state of [ready, seen]) expect(reduce(state, { type: "paused" })).toBe(state);
    expect(canPause(putting)).toBe(true);
    expect(canPause(reduce(seen, { type: "stickJob", job: "repair" }))).toBe(true);
  });

  test("progress that comes late belongs to no job", () => {
    const late = reduce(seen, { type: "progress", progress: during, speeds });
    expect(late.stick).toEqual(seen.stick);
    expect(reduce(ready, { type: "stickFound", found })).toBe(ready);
    expect(reduce(ready, { type: "stickLeft" })).toBe(ready);
  });
});
