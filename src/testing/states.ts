import type { BuildState, ImageFileState, ImageInfo, ImageView, PageInfo } from "../messages.ts";

// What the piece may be told, for tests of what it shows.

export const sha256 = "451f2180e914ed1186483f200d897fd108e7d2708f44de0b5be6bbd502945d3d";

export const pageInfo: PageInfo = {
  choose: true,
  stick: true,
  kept: 0,
  recent: [],
  sizes: {},
  room: 0,
};

export const info: ImageInfo = {
  fileName: "notepat-os.iso",
  size: 2_985_295_872,
  sha256,
  download: 540_016_640,
  here: 0,
  piece: { name: "notepat", size: 1_234_567, sha256 },
  pieces: [{ name: "notepat", size: 1_234_567, sha256, allow: [] }],
  base: {
    name: "fedac-os",
    version: "2026.11.24",
    flavor: "kiosk",
    arch: "x86_64",
    created: "2026-11-24T01:02:03Z",
  },
  allow: [],
  asks: [],
};

const frog = { name: "@jeffrey/frog", size: 4_100_000, sha256 } as const;

/** Of several pieces. */
export const several: ImageInfo = {
  ...info,
  fileName: "notepat+2-os.iso",
  pieces: [
    ...info.pieces,
    { name: "line", size: 3_456_789, sha256, allow: [] },
    { ...frog, allow: ["camera", "midi"], asks: ["camera"] },
  ],
  allow: ["camera", "midi"],
  room: { left: 54_300_000, of: 67_108_864 },
};
const without: ImageInfo = {
  ...several,
  fileName: "notepat+1-os.iso",
  pieces: [several.pieces[0], several.pieces[1]!],
};
const alone = { only: "piece", size: 20_971_520, download: 0 } as const;
const only: ImageInfo = { ...info, ...alone, fileName: "notepat-piece.img" };
const onlySeveral: ImageInfo = {
  ...several,
  ...alone,
  fileName: "notepat+2-piece.img",
};

const preparing: BuildState = {
  piece: "notepat",
  stage: "preparing",
  written: 0,
  fetched: 0,
  bytesPerSecond: 0,
  fetchedPerSecond: 0,
  paused: false,
  keep: { wanted: true, bytes: 0, possible: true },
  where: "downloads",
};
const ready: BuildState = { ...preparing, stage: "ready", info };
const saving: BuildState = {
  ...ready,
  stage: "saving",
  written: 1_433_000_000,
  fetched: 320_000_000,
  bytesPerSecond: 12_345_678,
};
const empty = { isFat: true, isOurs: false, pieces: [], problems: [] };
const ours = {
  isFat: true,
  isOurs: true,
  base: { flavor: "kiosk", version: "2026.11.24", size: 556_000_000, isCurrent: true },
  pieces: [
    { folder: "notepat-451f21", name: "notepat", size: 3_200_000, starts: true },
    { folder: "jeffrey-frog-d3b07e", name: "@jeffrey/frog", size: 4_100_000, starts: false },
  ],
  problems: [],
};
const speeds = { bytesPerSecond: 12_345_678, fetchedPerSecond: 8_100_000 };
const progress = {
  path: "/fedac/systems/kiosk-2026.11.24-0123456789ab/live.img",
  does: "writing",
  done: 320_000_000,
  total: 559_000_000,
  written: 310_000_000,
} as const;
const again = 4e12; // far from now: it is not a matter of when the test runs

/** A state of each kind, by a name for it. */
export const states = {
  preparing,
  baking: { ...preparing, baking: "\u{1f373} Loading fonts..." },
  ready,
  signed: {
    ...ready,
    info: { ...info, by: "@sixteen_letters1" },
    sign: { handle: "@sixteen_letters1", wanted: true },
  },
  normalised: { ...ready, info: { ...info, pieces: [{ ...info.pieces[0], isNormalised: true }] } },
  unfinished: {
    ...ready,
    info: { ...info, here: 320_000_000 },
    unfinished: true,
    keep: { wanted: false, bytes: 320_000_000, possible: true },
  },
  "several fetched": { ...preparing, fetching: { name: "@jeffrey/frog", number: 2, of: 3 } },
  "several baked": {
    ...preparing,
    fetching: { name: "line", number: 3, of: 3 },
    baking: "\u{1f373} Loading fonts...",
  },
  several: { ...ready, info: several },
  "several done": {
    ...saving,
    stage: "done",
    saved: true,
    written: info.size,
    fetched: info.download,
    info: several,
  },
  "several, one first": { ...ready, info: { ...several, start: "line" } },
  "several, one out": {
    ...ready,
    info: { ...without, leftOut: [{ name: frog.name, size: frog.size, message: "" }] },
  },
  "several, one unknown": {
    ...ready,
    info: {
      ...without,
      leftOut: [{ name: "frogg", message: "There is no piece called frogg. Check how it is spelled." }],
    },
  },
  "several, one too many": {
    ...ready,
    info: {
      ...without,
      leftOut: [
        {
          name: frog.name,
          size: frog.size,
          message:
            "There is no room for @jeffrey/frog beside notepat and line: it has 4100000 bytes, and 4000000 are left of the partition's 20971520. Leave it out, or another one.",
        },
      ],
    },
  },
  asks: { ...ready, info: { ...info, allow: ["camera", "midi", "network"], asks: ["camera", "midi"] } },
  "piece alone": { ...ready, info: only },
  "piece alone, saved": { ...ready, stage: "done", saved: true, written: only.size, info: only },
  "several alone": { ...ready, info: onlySeveral },
  "several alone, saved": {
    ...ready,
    stage: "done",
    saved: true,
    written: onlySeveral.size,
    info: onlySeveral,
  },
  starting: { ...ready, stage: "starting" },
  saving,
  paused: { ...saving, paused: true },
  offline: { ...saving, trouble: { kind: "offline", tries: 1, again } },
  lost: { ...saving, trouble: { kind: "lost", tries: 2, again } },
  busy: { ...saving, trouble: { kind: "busy", tries: 3, again } },
  refused: { ...saving, trouble: { kind: "refused", tries: 4, again } },
  wrong: { ...saving, trouble: { kind: "wrong", tries: 5, again: 0 } },
  done: {
    ...saving,
    stage: "done",
    saved: true,
    written: info.size,
    fetched: info.download,
    keep: { wanted: true, bytes: info.download, possible: true },
  },
  handed: {
    ...saving,
    stage: "done",
    saved: false,
    written: info.size,
    fetched: info.download,
    keep: { wanted: false, bytes: 0, possible: true },
  },
  "stick looked at": { ...ready, stage: "stick", stick: { name: "STICK", doing: "look" } },
  "stick empty": { ...ready, stage: "stick", stick: { name: "STICK", found: empty } },
  "stick unusable": {
    ...ready,
    stage: "stick",
    stick: { name: "\\", found: { ...empty, isFat: false } },
  },
  "stick with another": {
    ...ready,
    stage: "stick",
    stick: { name: "STICK", found: { ...empty, other: "Windows" } },
  },
  "stick of ours": { ...ready, stage: "stick", stick: { name: "STICK", found: ours } },
  "stick damaged": {
    ...ready,
    stage: "stick",
    stick: {
      name: "STICK",
      did: "check",
      found: {
        ...ours,
        base: { ...ours.base, version: "2026.11.17", isCurrent: false },
        problems: ["live.img", "vmlinuz", "a", "b", "c"].map(
          (file) => `/fedac/systems/kiosk/${file} is damaged`,
        ),
      },
    },
  },
  "stick for several": { ...ready, info: several, stage: "stick", stick: { name: "STICK", found: ours } },
  "stick done with several": {
    ...ready,
    info: several,
    stage: "stick",
    stick: { name: "STICK", did: "put", found: ours },
  },
  "stick gone": {
    ...ready,
    stage: "stick",
    stick: {
      name: "STICK",
      message:
        "The stick does not answer: was it pulled out? Plug it in again and try once more: what is on it already is not written again.",
    },
  },
  "stick written": {
    ...ready,
    stage: "stick",
    fetched: 320_000_000,
    ...speeds,
    stick: { name: "STICK", doing: "put", progress },
  },
  "stick written, lost": {
    ...ready,
    stage: "stick",
    stick: { name: "STICK", doing: "put", progress: { ...progress, does: "finishing" } },
    trouble: { kind: "lost", tries: 2, again },
  },
  "stick stopped": {
    ...ready,
    stage: "stick",
    stick: { name: "STICK", doing: "put", stops: true, progress: { ...progress, does: "finishing" } },
  },
  "stick written, and damaged since": {
    ...ready,
    stage: "stick",
    stick: { name: "STICK", did: "put", found: { ...ours, problems: ["/fedac/stick.cfg is missing"] } },
  },
  "stick read": {
    ...ready,
    stage: "stick",
    stick: {
      name: "STICK",
      doing: "check",
      progress: { ...progress, path: "", does: "reading", written: 0 },
    },
  },
  "stick done": { ...ready, stage: "stick", stick: { name: "STICK", did: "put", found: ours } },
  "stick repaired": { ...ready, stage: "stick", stick: { name: "STICK", did: "repair", found: ours } },
  "stick whole": { ...ready, stage: "stick", stick: { name: "STICK", did: "check", found: ours } },
  "stick taken off": { ...ready, stage: "stick", stick: { name: "STICK", did: "takeOff", found: empty } },
  failed: {
    ...saving,
    stage: "failed",
    error: "BaseImageError",
    message:
      "The base image's server answered 404 for base.img. Try again later. If your browser kept an unfinished notepat-os.iso, delete it.",
  },
  cancelled: { ...saving, stage: "cancelled", error: "CancelledError", message: "The build was cancelled." },
} satisfies Record<string, BuildState>;

const opened = { name: "notepat-os.iso", size: info.size, inPlace: true } as const;
const view: ImageView = {
  pieces: ["notepat"],
  by: "@sixteen_letters1",
  base: { flavor: "kiosk", version: "2026.11.24", arch: "x86_64" },
  behind: 0,
};
const whole: ImageView = { ...view, checked: { wrong: 0, bytes: 0, piece: "whole", hasOwnTable: false } };
const damaged: ImageView = {
  ...view,
  base: { ...view.base, version: "2026.11.17", newest: "2026.11.24" },
  behind: 1_048_576,
  checked: { wrong: 3, bytes: 12_582_912, piece: "whole", hasOwnTable: false },
};
const half = { done: 1_433_000_000, total: info.size };

/** An image on disk in each of its states, by a name for it. */
export const images = {
  "looked at": { ...opened, doing: "look" },
  "looked at, lost": { ...opened, doing: "look", trouble: { kind: "lost", tries: 2, again } },
  read: { ...opened, doing: "check", found: view, progress: { does: "reading", ...half } },
  unread: { ...opened, found: view, message: "It was stopped, and the file is as it was." },
  whole: { ...opened, found: whole },
  damaged: { ...opened, found: damaged },
  "damaged, elsewhere": { ...opened, inPlace: false, found: damaged },
  "without its piece": {
    ...opened,
    found: { ...whole, checked: { wrong: 0, bytes: 0, piece: "damaged", hasOwnTable: true } },
  },
  "of a base": {
    ...opened,
    found: {
      pieces: [],
      base: view.base,
      behind: 0,
      checked: { wrong: 0, bytes: 0, piece: "none", hasOwnTable: false },
    },
  },
  "asked for a piece": {
    ...opened,
    doing: "put",
    found: damaged,
    progress: { does: "fetching", done: 0, total: 0 },
  },
  copied: {
    ...opened,
    doing: "put",
    found: damaged,
    progress: { does: "copying", done: 0, total: 33_554_432 },
  },
  written: {
    ...opened,
    doing: "repair",
    found: damaged,
    progress: { does: "writing", done: 4_194_304, total: 12_582_912 },
  },
  "written, lost": {
    ...opened,
    doing: "repair",
    found: damaged,
    progress: { does: "writing", done: 4_194_304, total: 12_582_912 },
    trouble: { kind: "lost", tries: 2, again },
  },
  "put in place": { ...opened, doing: "put", found: whole, progress: { does: "finishing", ...half } },
  saved: {
    ...opened,
    inPlace: false,
    doing: "put",
    found: damaged,
    progress: { does: "writing", ...half },
  },
  "done in place": {
    ...opened,
    found: whole,
    did: { job: "put", fileName: "frog-os.iso", where: "place", sha256 },
  },
  "done with several": {
    ...opened,
    found: { ...whole, pieces: ["notepat", "line", "@jeffrey/frog"] },
    did: { job: "put", fileName: "frog-os.iso", where: "place", sha256 },
  },
  "done elsewhere": {
    ...opened,
    inPlace: false,
    found: damaged,
    did: { job: "repair", fileName: "notepat-os.iso", where: "downloads", sha256, saved: false },
  },
  refused: {
    name: "holiday.jpg",
    size: 0,
    inPlace: false,
    message: "holiday.jpg is no image of ours, or hardly anything is left of it.",
  },
} satisfies Record<string, ImageFileState>;
