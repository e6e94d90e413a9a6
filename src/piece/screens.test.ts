import { describe, expect, test } from "vitest";
import { MOST_PIECES } from "../image/os-json.ts";
import { info, pageInfo, sha256, states } from "../testing/states.ts";
import { models, unknown } from "../testing/models.ts";
import { type Model, qualifiersFor } from "./model.ts";
import { actionsOf, announcement, offersOf, screenOf } from "./screens.ts";
import { words } from "./words.ts";

const keysOf = (model: Model) => actionsOf(screenOf(model)).map(({ keys }) => keys[0]);
const model = (parts: Partial<Model>): Model => ({ ...unknown, page: pageInfo, target: "notepat", ...parts });

test.each([
  ["loading", "busy", []],
  ["late", "sad", []],
  ["picker", "glad", ["*"]],
  ["marking", "glad", ["tab"]],
  ["clearing", "busy", []],
  ["clearing unasked", "calm", ["y", "n"]],
  ["cleared", "glad", ["n"]],
  ["not cleared", "sad", ["n"]],
  ["phone", "calm", ["b"]],
  ["link", "calm", ["b"]],
  ["opening", "busy", []],
  ["preparing", "busy", ["c"]],
  ["baking", "busy", ["c"]],
  ["ready", "calm", ["s", "w", "u", "k", "a", "e", "l", "o"]],
  ["signed", "calm", ["s", "w", "u", "b", "k", "a", "e", "l", "o"]],
  ["other ways", "calm", ["s", "w", "u", "k", "a", "e", "l", "*", "o", "f"]],
  ["allowing", "calm", ["s", "w", "u", "c", "m", "i", "x", "n", "k", "e", "l", "o"]],
  ["asks", "calm", ["s", "w", "u", "c", "m", "i", "x", "n", "k", "e", "l", "o"]],
  ["piece alone", "calm", ["s", "w", "b"]],
  ["piece alone, saved", "glad", ["m", "h", "j", "r", "n"]],
  ["image looked at", "busy", ["c"]],
  ["image looked at, lost", "sad", ["c"]],
  ["image read", "busy", ["c"]],
  ["image unread", "calm", ["v", "f", "b"]],
  ["image whole", "glad", ["p", "f", "b", "v", "n"]],
  ["image without a piece", "glad", ["f", "b", "v", "n"]],
  ["image damaged", "sad", ["s", "p", "f", "b", "v", "a", "n"]],
  ["image without its piece", "sad", ["p", "f", "b", "v", "n"]],
  ["image of a base", "glad", ["p", "f", "b", "v", "n"]],
  ["image asked for a piece", "busy", ["c"]],
  ["image copied", "busy", ["c"]],
  ["image written, lost", "sad", ["c"]],
  ["image put in place", "busy", []],
  ["image done in place", "glad", ["p", "f", "b", "v", "n"]],
  ["image done with several", "glad", ["p", "f", "b", "v", "n"]],
  ["image refused", "sad", ["f", "b"]],
  ["several fetched", "busy", ["c"]],
  ["several baked", "busy", ["c"]],
  ["several", "calm", ["s", "w", "u", "1", "2", "3", "k", "y", "e", "l", "o"]],
  ["several, other ways", "calm", ["s", "w", "u", "1", "2", "3", "k", "y", "e", "l", "*", "o", "f"]],
  ["several, one out", "calm", ["s", "w", "u", "1", "2", "3", "k", "y", "e", "l", "o"]],
  ["several, one unknown", "sad", ["s", "w", "y"]],
  ["several, without the unknown", "calm", ["s", "w", "u", "1", "2", "3", "k", "y", "e", "l", "o"]],
  ["several, one too many", "sad", ["s", "y", "1", "2"]],
  ["several, looked at one", "calm", ["b", "o", "t", "c", "m", "i", "x", "n"]],
  ["several, looked at one out", "calm", ["b", "o"]],
  ["several alone", "calm", ["s", "w", "b"]],
  ["several alone, saved", "glad", ["m", "h", "j", "r", "n"]],
  ["several done", "glad", ["h", "j", "r", "n"]],
  ["several, failed", "sad", ["r", "y", "n"]],
  ["stick for several", "calm", ["s", "u", "b", "1", "2", "v", "d", "t"]],
  ["stick done with several", "glad", ["v", "m", "n"]],
  ["stick looked at", "busy", ["c"]],
  ["stick empty", "calm", ["s", "u", "b"]],
  ["stick unusable", "sad", ["g", "u", "b"]],
  ["stick said to be FAT", "calm", ["s", "u", "b"]],
  ["stick with another", "calm", ["s", "u", "b"]],
  ["stick to replace", "calm", ["y", "n"]],
  ["stick of ours", "calm", ["s", "u", "b", "1", "2", "v", "d", "t"]],
  ["stick damaged", "sad", ["s", "u", "b", "1", "2", "v", "f", "d", "t"]],
  ["stick to remove from", "calm", ["b", "1", "2"]],
  ["stick to take off", "calm", ["y", "n", "1", "2"]],
  ["stick gone", "sad", ["r", "u", "b"]],
  ["stick written", "busy", ["p", "c"]],
  ["stick written, lost", "sad", ["p", "c"]],
  ["stick stopping", "busy", ["y", "n"]],
  ["stick stopped", "busy", []],
  ["stick written, and damaged since", "sad", ["s", "u", "b", "1", "2", "v", "f", "d", "t"]],
  ["stick read", "busy", ["c"]],
  ["stick done", "glad", ["v", "m", "n"]],
  ["stick repaired", "glad", ["v", "m", "n"]],
  ["stick managed", "glad", ["s", "u", "b", "1", "2", "v", "d", "t"]],
  ["stick whole", "glad", ["s", "u", "b", "1", "2", "v", "d", "t"]],
  ["stick taken off", "glad", ["s", "u", "b"]],
  ["starting", "busy", ["c"]],
  ["saving", "busy", ["p", "c"]],
  ["stopping", "busy", ["y", "n"]],
  ["paused", "asleep", ["p", "c"]],
  ["lost", "sad", ["p", "c"]],
  ["done", "glad", ["h", "j", "r", "n"]],
  ["handed", "glad", ["h", "j", "r", "n"]],
  ["failed", "sad", ["r", "n"]],
  ["cancelled", "calm", ["r", "n"]],
] as const)("%s: looks %s, offers %j", (name, face, keys) => {
  expect(screenOf(models[name]!).face).toBe(face);
  expect(keysOf(models[name]!)).toEqual(keys);
});

test("what this browser or this base cannot do is not offered", () => {
  expect(keysOf(model({ build: states.ready, page: { ...pageInfo, choose: false } }))).not.toContain("w");
  const build = { ...states.ready, keep: { wanted: false, bytes: 0, possible: false } };
  expect(keysOf(model({ build }))).toEqual(["s", "w", "u", "a", "e", "l", "o"]);
  const page = { ...pageInfo, stick: false };
  expect(keysOf(model({ build, page }))).toEqual(["s", "w", "a", "e", "l", "o"]);
});

const onPi = { ...pageInfo, suggested: "aarch64" as const };
const forArm = { ...info, fileName: "notepat-os-arm.img", base: { ...info.base, arch: "aarch64" } };

test("on a computer with ARM the other machine is offered beside what is suggested, and elsewhere among the ways few want", () => {
  const keys = (page: typeof pageInfo, waysShown = false) =>
    keysOf(model({ build: states.ready, page, waysShown }));
  expect(keys(pageInfo)).not.toContain("*");
  expect(keys(pageInfo, true)).toContain("*");
  expect(keys(onPi)).toContain("*");
  const said = (more: Partial<Model>) =>
    actionsOf(screenOf(model({ ...more }))).find(({ keys: [key] }) => key === "*")?.name[0];
  expect(said({ target: "", build: null })).toBe(words.machine.change.arm[0]);
  expect(said({ target: "", build: null, page: onPi })).toBe(words.machine.change.pc[0]);
  expect(said({ target: "", build: null, page: onPi, machine: "pc" })).toBe(words.machine.change.arm[0]);
  expect(said({ page: onPi, build: { ...states.ready, info: forArm } })).toBe(words.machine.change.pc[0]);
});

test("an image for ARM is written by Raspberry Pi Imager, needs no key to start, and is not put onto a stick as files", () => {
  const screen = screenOf(model({ build: { ...states.done, info: forArm } }));
  const first = (screen.kind === "pages" ? (screen.aside ?? []) : []).map((block) =>
    block.kind === "text" ? block.text : "",
  );
  expect(first).toContain('as the system: "Use custom", and notepat-os-arm.img.');
  const told = announcement(screen);
  expect(told).toContain("There is no key to press.");
  expect(`${first.join("")} ${told}`).not.toMatch(/F12|balenaEtcher from/);
  expect(keysOf(model({ build: states.ready }))).toContain("u");
  expect(keysOf(model({ build: { ...states.ready, info: forArm } }))).not.toContain("u");
});

test.each([
  ["arm", ["tiny"], undefined, ["tiny", "arm"]],
  ["arm", ["arm"], undefined, ["arm"]],
  ["pc", ["arm", "tiny"], undefined, ["tiny"]],
  ["pc", [], "aarch64", ["pc"]],
  ["arm", ["pc"], "aarch64", ["arm"]], // what is only suggested gives way to another one
  ["", ["tiny"], "aarch64", ["tiny"]],
  ["", ["tiny", "tiny"], undefined, ["tiny"]],
  ["arm", ["x86_64", "aarch64"], undefined, ["arm"]],
  ["arm", ["amd64", "arm64"], undefined, ["arm"]],
] as const)("for %s, beside %j, on a computer that suggests %s: %j", (word, beside, suggested, expected) => {
  expect(qualifiersFor(word, beside, { suggested })).toEqual(expected);
});

test("no key means two things when a stick has as many pieces as it can", () => {
  const all = Array.from({ length: MOST_PIECES }, (_, i) => ({ ...info.pieces[0], name: `piece${i}` }));
  const build = { ...states.signed, info: { ...info, pieces: [all[0]!, ...all.slice(1)] as const } };
  const keys = keysOf(model({ build, waysShown: true })).filter((key) => key !== "");
  expect(keys.length).toBeGreaterThan(MOST_PIECES);
  expect(new Set(keys).size).toBe(keys.length);
});

test("a link too long for a code is shown without one", () => {
  const link = { url: "https://a.b/os:long", qr: [] };
  const { blocks } = screenOf(model({ phone: true, link }));
  expect(blocks.map(({ kind }) => kind)).not.toContain("qr");
  expect(JSON.stringify(blocks)).toContain(link.url);
});

test("a base older than one that was seen says so, also to those who hear it", () => {
  const release = { keyId: "0123456789ABCDEF", olderThan: "2026.12.1" };
  const build = { ...states.ready, info: { ...info, release } };
  expect(announcement(screenOf(model({ build })))).toContain(
    "Older than 2026.12.1, which this browser has seen.",
  );
});

test("what the oven says of its baking is seen, and heard without a new word at each step", () => {
  const screen = screenOf(models["baking"]!);
  expect(JSON.stringify(screen.blocks)).toContain("the oven bakes it: Loading fonts...");
  expect(announcement(screen)).toContain("The oven bakes it...");
  expect(announcement(screen)).not.toContain("fonts");
  const troubled = model({ build: { ...states.baking, trouble: { kind: "busy", tries: 1, again: 4e12 } } });
  expect(JSON.stringify(screenOf(troubled).blocks)).toContain(words.trouble.busy);
});

test("whether who has built it is said is asked only of somebody whom AC knows", () => {
  expect(announcement(screenOf(models["signed"]!))).toContain(
    'Say "built by @sixteen_letters1" as it starts, on',
  );
  const sign = { ...states.signed.sign, wanted: false };
  expect(announcement(screenOf(model({ build: { ...states.signed, sign } })))).toContain("as it starts, off");
  expect(announcement(screenOf(models["ready"]!))).not.toContain("built by");
});

test("a bundle that is the same for everybody says so, another nothing", () => {
  expect(announcement(screenOf(models["normalised"]!))).toContain(
    "Its packing time is the base's: same choices, same sha256.",
  );
  expect(announcement(screenOf(models["ready"]!))).not.toContain("packing time");
});

test("no key stands for two things", () => {
  for (const each of Object.values(models)) expect(new Set(keysOf(each)).size).toBe(keysOf(each).length);
});

test("the base's date is said when its version does not say it", () => {
  expect(words.baseOf(info.base)).toBe("kiosk 2026.11.24, x86_64");
  const early = { version: "2026.1.1", created: "2026-01-01T01:02:03Z" };
  expect(words.baseOf({ ...info.base, ...early })).toBe("kiosk 2026.1.1, x86_64");
  expect(words.baseOf({ ...info.base, version: "7" })).toBe("kiosk 7, x86_64, made 2026-11-24");
});

test("pieces are offered once, those built lately first, and by what has been typed", () => {
  expect(offersOf(["drift", "notepat"], "").slice(0, 4)).toEqual(["drift", "notepat", "prompt", "line"]);
  expect(offersOf([], "no")).toEqual(["no", "notepat", "metronome"]);
  expect(offersOf([], "notepat")).toEqual(["notepat"]);
  expect(offersOf([], "zzz")).toEqual(["zzz"]);
});

describe("a screen reader is told", () => {
  test.each(Object.entries(models))("%s in whole sentences", (_name, each) => {
    const told = announcement(screenOf(each));
    expect(told).not.toBe("");
    // As one voice reads it: from the start or an end to the next end.
    for (const [sentence] of told.matchAll(/.*?[.?!]+(?= |$)/g)) {
      expect
        .soft(sentence.trim())
        .toMatch(/^(?:[A-Z0-9"]|[a-z]: |os\.|[\w@/-]+(?:\.\w{3}| os|, \d| and \d|\.$))/);
    }
    expect(told).toMatch(/[.?!]$/);
  });

  test("all that is known before a build, and the keys", () => {
    expect(announcement(screenOf(models["ready"]!))).toBe(
      `notepat os. File: notepat-os.iso, 2,985 MB. Download: 540 MB. Base: kiosk 2026.11.24, x86_64. Piece: notepat, 1.2 MB. May use: screen, sound and keys only. SHA-256: ${sha256}. s: Start. w: Choose where. u: Onto a stick. k: Keep base for next time (540 MB), on. a: Allow more. e: Settings. l: Link. o: More.`,
    );
  });

  test("what the piece may use and asks for, and whether it is on", () => {
    const told = announcement(screenOf(models["asks"]!));
    expect(told).toContain("May use: camera, MIDI, network.");
    expect(told).toContain("On a computer, notepat may use:");
    expect(told).toContain("c: Camera (it asks), on. m: Microphone, off. i: MIDI devices (it asks), on.");
    expect(told).toMatch(
      /x: MIDI SysEx, which can change devices for good, off\. n: Network, to send and fetch, on\./,
    );
    const deciding = { ...states.asks, info: { ...info, sha256: "" } };
    expect(announcement(screenOf(model({ build: deciding })))).not.toContain("SHA-256");
  });

  test("progress in tenths, and trouble without the seconds", () => {
    const told = (parts: Partial<Model>) => announcement(screenOf(model(parts)));
    expect(told({ build: states.saving })).toBe("Saving notepat-os.iso, 40 percent.");
    const lost = "Saving notepat-os.iso, 40 percent. Connection lost, retrying...";
    expect([1, 2, 0].map((retrySeconds) => told({ build: states.lost, retrySeconds }))).toEqual([
      lost,
      lost,
      lost,
    ]);
    expect(told({ build: states.saving, stopping: true })).toBe(
      "Saving notepat-os.iso, 40 percent. Stop and throw away the file? y: Yes, stop. n: No, go on.",
    );
  });
});

test("what is drawn is ASCII and begins in lower case, but names and what errors say", () => {
  const proper =
    /^(?:Windows|Mac|Linux|Secure|Acer|ASRock|ASUS|Dell|Framework|Gigabyte|HP|Lenovo|MSI|Samsung|Toshiba|Intel)/;
  const errors = Object.values(models).flatMap(({ build, cleared, image }) => [
    build?.message,
    cleared?.message,
    build?.stick?.message,
    build?.stick?.name,
    ...(build?.info?.leftOut ?? []).map(({ message }) => message),
    image?.message,
  ]);
  const drawn = Object.values(models).flatMap((each) =>
    screenOf(each).blocks.flatMap((block): string[] => {
      if (block.kind === "text") return errors.includes(block.text) ? [] : [block.text, block.brief];
      if (block.kind === "heading") return [block.text];
      if (block.kind === "field")
        return errors.includes(block.value) ? [block.label] : [block.label, block.value];
      if (block.kind === "cells") return [...block.cells];
      return block.kind === "news" ? [block.news, ...block.holds] : [];
    }),
  );
  expect(drawn.length).toBeGreaterThan(100);
  for (const text of drawn) {
    expect.soft(text).toMatch(/^[\x20-\x7e]*$/);
    if (!proper.test(text)) expect.soft(text).not.toMatch(/^[A-Z]/);
  }
});
