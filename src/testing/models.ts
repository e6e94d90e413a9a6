import type { Model } from "../piece/model.ts";
import { linkTo } from "../ui/link.ts";
import { pageInfo, states } from "./states.ts";

/** What the piece knows before it knows anything. */
export const unknown: Model = {
  target: "",
  phone: false,
  page: null,
  pageIsLate: false,
  build: null,
  cleared: null,
  unconfirmed: false,
  unfolded: false,
  link: null,
  linking: false,
  stickQuestion: "",
  stickIsFat: false,
  stickManaged: false,
  stopping: false,
  typed: "",
  chosen: 0,
  retrySeconds: 0,
  beat: 0,
};

const opening: Model = { ...unknown, target: "notepat", page: pageInfo };
const link = linkTo("notepat", [], "https://aesthetic.computer");

/** What the piece knows when it shows each of its screens, by a name for it. */
export const models: Record<string, Model> = {
  loading: { ...unknown, target: "notepat" },
  late: { ...unknown, target: "notepat", pageIsLate: true },
  picker: { ...unknown, page: { ...pageInfo, kept: 540_016_640, recent: ["drift", "@jeffrey/frog"] } },
  typing: { ...unknown, page: pageInfo, typed: "no", chosen: 1 },
  clearing: { ...opening, target: "clear" },
  "clearing unasked": {
    ...opening,
    target: "clear",
    unconfirmed: true,
    page: { ...pageInfo, kept: 540_016_640 },
  },
  cleared: { ...opening, target: "clear", cleared: { bytes: 540_016_640 } },
  "not cleared": { ...opening, target: "clear", cleared: { bytes: 0, message: "The browser would not." } },
  phone: { ...opening, phone: true, link },
  link: { ...opening, build: states.ready, linking: true, link },
  opening,
  allowing: { ...opening, build: states.ready, unfolded: true },
  stopping: { ...opening, build: states.saving, stopping: true },
  "stick to remove from": { ...opening, build: states["stick of ours"], stickQuestion: "remove" },
  "stick to take off": { ...opening, build: states["stick of ours"], stickQuestion: "takeOff" },
  "stick to replace": { ...opening, build: states["stick with another"], stickQuestion: "replace" },
  "stick said to be FAT": { ...opening, build: states["stick unusable"], stickIsFat: true },
  "stick stopping": { ...opening, build: states["stick written"], stopping: true },
  "stick managed": { ...opening, build: states["stick done"], stickManaged: true },
  ...Object.fromEntries(
    Object.entries(states).map(([name, build]) => [name, { ...opening, build, retrySeconds: 12 }]),
  ),
};
