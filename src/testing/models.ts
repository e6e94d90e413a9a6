import type { Model } from "../piece/model.ts";
import { linkTo } from "../ui/link.ts";
import { images, info, pageInfo, states } from "./states.ts";

/** What the piece knows before it knows anything. */
export const unknown: Model = {
  target: "",
  machine: "",
  others: [],
  phone: false,
  page: null,
  pageIsLate: false,
  build: null,
  cleared: null,
  unconfirmed: false,
  unfolded: false,
  waysShown: false,
  link: null,
  linking: false,
  stickQuestion: "",
  stickIsFat: false,
  stickManaged: false,
  image: null,
  imageShown: false,
  stopping: false,
  goesWithout: false,
  looking: "",
  typed: "",
  chosen: 0,
  marked: [],
  retrySeconds: 0,
  beat: 0,
};

const opening: Model = { ...unknown, target: "notepat", page: pageInfo };
const link = linkTo({ pieces: ["notepat"], qualifiers: [] }, "https://aesthetic.computer");
const forArm = { fileName: "notepat-os-arm.img", base: { ...info.base, arch: "aarch64" } } as const;
const onArm = { ...pageInfo, suggested: "aarch64" } as const;
const together: Model = { ...opening, others: ["line", "@jeffrey/frog"] };

/** What the piece knows when it shows each of its screens, by a name for it. */
export const models: Record<string, Model> = {
  loading: { ...unknown, target: "notepat" },
  late: { ...unknown, target: "notepat", pageIsLate: true },
  picker: { ...unknown, page: { ...pageInfo, kept: 540_016_640, recent: ["drift", "@jeffrey/frog"] } },
  typing: { ...unknown, page: pageInfo, typed: "no", chosen: 1 },
  marking: {
    ...unknown,
    page: {
      ...pageInfo,
      recent: ["notepat~line~@jeffrey/frog", "drift"],
      sizes: { notepat: 1_234_567, line: 3_456_789 },
      room: 67_108_864,
    },
    marked: ["notepat", "my-piece"],
    chosen: 3,
  },
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
  "other ways": { ...opening, build: states.ready, waysShown: true },
  allowing: { ...opening, build: states.ready, unfolded: true },
  stopping: { ...opening, build: states.saving, stopping: true },
  "several, without the unknown": {
    ...together,
    build: states["several, one unknown"],
    goesWithout: true,
  },
  "several, looked at one": { ...together, build: states.several, looking: "@jeffrey/frog" },
  "several, looked at one out": {
    ...together,
    build: states["several, one out"],
    looking: "@jeffrey/frog",
  },
  "several, failed": { ...together, build: states.failed },
  "stick to remove from": { ...opening, build: states["stick of ours"], stickQuestion: "remove" },
  "stick to take off": { ...opening, build: states["stick of ours"], stickQuestion: "takeOff" },
  "stick to replace": { ...opening, build: states["stick with another"], stickQuestion: "replace" },
  "stick said to be FAT": { ...opening, build: states["stick unusable"], stickIsFat: true },
  "stick stopping": { ...opening, build: states["stick written"], stopping: true },
  "stick managed": { ...opening, build: states["stick done"], stickManaged: true },
  ...Object.fromEntries(
    Object.entries(images).map(([name, image]) => {
      const model = name.includes("several")
        ? { ...together, build: states.several }
        : { ...opening, build: states.ready };
      return [`image ${name}`, { ...model, image, imageShown: true, retrySeconds: 12 }];
    }),
  ),
  "image without a piece": { ...unknown, page: pageInfo, image: images.whole, imageShown: true },
  "several, other ways": { ...together, build: states.several, waysShown: true },
  "picker for ARM": { ...unknown, page: pageInfo, machine: "arm" },
  "picker on ARM": { ...unknown, page: { ...onArm, kept: 540_016_640, recent: ["drift", "@jeffrey/frog"] } },
  "ready for ARM": { ...opening, page: onArm, build: { ...states.ready, info: { ...info, ...forArm } } },
  "done for ARM": { ...opening, build: { ...states.done, info: { ...info, ...forArm } } },
  ...Object.fromEntries(
    Object.entries(states).map(([name, build]) => {
      const model = name.includes("several") ? together : opening;
      return [name, { ...model, build, retrySeconds: 12 }];
    }),
  ),
};
