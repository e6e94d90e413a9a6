import { beforeEach, describe, expect, test, vi } from "vitest";
import type { BuildState, ImageFileState, PageInfo, PageMessage, PieceMessage } from "../src/messages.ts";
import { images, info, pageInfo, sha256, states } from "../src/testing/states.ts";
import { linkTo } from "../src/ui/link.ts";
import { bundlePiece } from "./ship-piece.ts";
import { Disk } from "./stage/disk.ts";
import { BLOCK_WIDTH } from "../src/splash/font.ts";
import type { Piece } from "./stage/load.ts";
import type { Frame, FromDisk, PenEvent } from "./stage/messages.ts";

// disks/os.mjs on the stage's disk, told what a page would tell it: what it draws, and what it asks for.

const { code: source } = await bundlePiece();
const SIZES = ["128x128", "188x406", "320x200", "476x296", "952x592", "1200x720"];
const link = linkTo({ pieces: ["notepat"], qualifiers: [] }, "https://aesthetic.computer");
let copies = 0;

beforeEach(() => {
  vi.stubGlobal("location", new URL("https://aesthetic.computer/"));
  vi.stubGlobal("navigator", { userAgent: "Node" });
  return () => vi.unstubAllGlobals();
});

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The piece, visited at `slug` on a canvas of `size`, with what it draws and what it says. */
async function visit(slug = "os:notepat", { size = "476x296", dark = true, page = pageInfo } = {}) {
  let [width = 0, height = 0] = size.split("x").map(Number);
  const sent: FromDisk[] = [];
  let texts: (Box & { readonly text: string })[] = [];
  let hits: Box[] = [];
  let paints = 0;
  const disk = new Disk({
    send: (message) => void sent.push(message as FromDisk),
    source: async () => source,
    async run(code) {
      const url = `data:text/javascript,${encodeURIComponent(code)}//${copies++}`;
      const piece = (await import(/* @vite-ignore */ url)) as Piece;
      return { ...piece, paint: watched(piece) };
    },
  });

  /** The piece's paint, with a record of all it writes and of its buttons. */
  function watched(piece: Piece): ($: Api) => unknown {
    return ($) => {
      paints += 1;
      texts = [];
      const ink = (...color: AcColor[]) => {
        const pencil = $.ink(...color);
        const write: AcPencil["write"] = (text, position) => {
          const { x = NaN, y = NaN, size: scale = 1 } = position;
          texts.push({ text, x, y, w: text.length * BLOCK_WIDTH * scale, h: 9 * scale });
          return pencil.write(text, position);
        };
        const box: AcPencil["box"] = (...args: unknown[]) => {
          const [x, y, w, h, mode] = args as [number, number, number, number, string?];
          if (mode) hits.push({ x, y, w, h }); // only buttons are outlined
          return pencil.box(x, y, w, h, mode);
        };
        return { ...pencil, write, box };
      };
      hits = [];
      return piece.paint?.({ ...$, ink });
    };
  }

  const frame = (parts: Partial<Frame> = {}) =>
    disk.receive({
      type: "frame",
      width,
      height,
      updates: 2,
      pens: [],
      pointers: [],
      keys: [],
      focused: true,
      ...parts,
    });
  const signals = () =>
    sent.flatMap((message) =>
      message.type === "signal" && typeof message.content === "object" ? [message.content] : [],
    );
  const visitOf = () => signals().map(({ content }) => (content as { visit: string }).visit)[0] ?? "";
  const hear = async (message: PageMessage) => {
    await disk.receive({ type: "signal", content: message });
    await frame(); // the piece hears it
    await frame(); // and sees to what follows from it
  };

  await disk.receive({ type: "dark-mode", content: dark });
  await disk.receive({ type: "load", slug, fromHistory: false });
  await frame();
  await frame();

  return {
    frame,
    hear,
    async meet() {
      await hear({ type: "os:ready" });
      await hear({ type: "os:page", visit: visitOf(), page });
    },
    unconfirmed: () => hear({ type: "os:press", visit: visitOf() }),
    state: (state: BuildState) => hear({ type: "os:state", visit: visitOf(), state }),
    image: (image: ImageFileState) => hear({ type: "os:image", visit: visitOf(), image }),
    link: () => hear({ type: "os:link", visit: visitOf(), ...link }),
    cleared: (bytes: number) => hear({ type: "os:cleared", visit: visitOf(), bytes }),
    async press(...keys: string[]) {
      for (const key of keys) {
        const name = `keyboard:down:${key === " " ? "space" : key.toLowerCase()}`;
        await frame({ keys: [{ name, key, repeat: false, shift: false, alt: false, ctrl: false }] });
        await frame();
      }
    },
    async tap({ x, y, w, h }: Box) {
      for (const name of ["touch", "lift"] as const) {
        const pen = { name, x: x + w / 2, y: y + h / 2, pointer: 1, isPrimary: true } as PenEvent;
        await frame({ pens: [pen] });
      }
      await frame();
    },
    async resize(to: string) {
      [width = 0, height = 0] = to.split("x").map(Number);
      await disk.receive({ type: "reframed" });
      await frame();
      await frame();
    },
    says: () => texts.map(({ text }) => text).join(" "),
    texts: () => texts,
    hits: () => hits,
    /** What the page was told, without who says it. */
    told: (type?: string): Told[] =>
      signals()
        .filter((each) => type === undefined || each.type === type)
        .map((each) => ({ type: each.type, ...(each.content as object), visit: undefined })),
    heard: () => signals().flatMap((each) => (each.type === "os:say" ? [textOf(each.content)] : [])),
    sent,
    paints: () => paints,
    size: () => ({ width, height }),
  };
}

type Visit = Awaited<ReturnType<typeof visit>>;

function textOf(content: unknown): string {
  return (content as { text: string }).text;
}

/** The slug that the piece has jumped to. */
async function piecesAfter(piece: Visit): Promise<string | undefined> {
  await piece.frame();
  return vi.waitFor(() => {
    const [, next] = piece.sent.filter((message) => message.type === "disk-loaded");
    if (!next) throw new Error("the next piece is loading");
    return next.content.slug;
  });
}

/** What must be seen on one of the pages of a screen, on any canvas. */
const signs: Record<string, RegExp> = {
  loading: /loading\.\.\./,
  picker: /choose a piece .*drift/,
  typing: /> no no .*notepat/,
  asking: /stop and throw away the file\?/,
  link: /open:/,
  phone: /cannot write a USB stick/,
  cleared: /540 MB freed\./,
  preparing: /asking for the piece/,
  ready: /s start/,
  unfinished: /is .*unfinished\./,
  "several fetched": /2 of 3: @jeffrey\/frog/,
  "several baked": /3 of 3: line\. the oven bakes it: Loading fonts/,
  several:
    /notepat\+2-os.iso.*54\.3 MB of .*67\.1 MB left .*with a menu of them.*3 pieces.*notepat, .*line, .*may use camera, MIDI/,
  "several done": /notepat\+2-os.iso is in your downloads\. it starts with a menu\./,
  "several, one first": /starts with line/,
  "several, one out": /2 pieces.*@jeffrey\/frog, left out/,
  "several, one unknown": /no piece called frogg.*s go on/,
  "several, one too many": /no room for @jeffrey\/frog.*or leave out .*another: .*notepat.*line/,
  asks: /may use camera, MIDI, network .*c .*camera \(it asks\) .*n .*network/,
  starting: /waiting for your browser/,
  saving: /48% .*p pause/,
  paused: /48% .*paused\. .*p resume/,
  offline: /48% .*offline, retry in/,
  lost: /48% .*lost, retry in/,
  busy: /48% .*busy, retry in/,
  refused: /48% .*refuses, retry in/,
  wrong: /48% .*wrong bytes came/,
  done: /in your downloads\. .*Lenovo F12 .*Rufus/,
  handed: /was handed to your browser\. .*in its downloads\./,
  failed: /answered 404 .*r (?:try )?again/,
  cancelled: /was cancelled\./,
};

/** What the page was told. */
type Told = { type: string; visit: undefined } & Omit<Partial<PieceMessage>, "visit">;

/** Ways to come to a screen. */
const screens: Record<string, (options: { size: string; dark: boolean }) => Promise<Visit>> = {
  loading: (options) => visit("os:notepat", options),
  async picker(options) {
    const page: PageInfo = { ...pageInfo, kept: 540_016_640, recent: ["drift", "@jeffrey/frog"] };
    const piece = await visit("os", { ...options, page });
    await piece.meet();
    return piece;
  },
  async typing(options) {
    const piece = await visit("os", options);
    await piece.meet();
    await piece.press("n", "o");
    return piece;
  },
  async asking(options) {
    const piece = await shown(states.saving, options);
    await piece.press("c");
    return piece;
  },
  async link(options) {
    const piece = await shown(states.ready, options);
    await piece.press("l");
    await piece.link();
    return piece;
  },
  async phone(options) {
    vi.stubGlobal("navigator", { userAgent: "iPhone" });
    const piece = await visit("os:notepat", options);
    await piece.meet();
    await piece.link();
    return piece;
  },
  async cleared(options) {
    const piece = await visit("os:clear", options);
    await piece.meet();
    await piece.cleared(540_016_640);
    return piece;
  },
  ...Object.fromEntries(
    Object.entries(states).map(([name, state]) => [
      name,
      (options: { size: string; dark: boolean }) => shown(state, options),
    ]),
  ),
};

async function shown(state: BuildState, options: { size?: string; dark?: boolean } = {}): Promise<Visit> {
  const piece = await visit("os:notepat", options);
  await piece.meet();
  await piece.state(state);
  return piece;
}

describe.each(SIZES)("on a canvas of %s", (size) => {
  test.each(Object.keys(screens))("%s: it is on the canvas, and nothing on anything else", async (name) => {
    const piece = await screens[name]!({ size, dark: size !== "320x200" });
    let seen = "";
    for (let page = 1; ; page++) {
      expectInOrder(piece);
      const before = piece.says();
      seen += ` ${before}`;
      await piece.press("ArrowRight");
      if (piece.says() === before || name === "picker" || name === "typing") break; // there the key chooses
      expect(page).toBeLessThan(30);
    }
    expect(seen).toMatch(signs[name]!);
    expect(piece.sent.filter(({ type }) => type === "trouble")).toEqual([]);
  });

  test("saving: nothing moves while the numbers change, or when it is asked, paused or held up", async () => {
    const begun = { ...states.saving, written: 0, fetched: 0, bytesPerSecond: 0 };
    const late = { ...states.saving, written: 2_985_000_000, fetched: 540_000_000, bytesPerSecond: 987_654 };
    const piece = await shown(begun, { size });
    /** What does not change its words, and the row of what does. */
    const places = () => ({
      button: piece.hits()[0],
      name: piece.texts().find(({ text }) => text.includes("notepat-os.iso")),
      percent: piece.texts().find(({ text }) => text.endsWith("%"))?.y,
      amount: piece.texts().find(({ text }) => text.endsWith(" of 2,985 MB"))?.y,
      fetched: piece.texts().find(({ text }) => text.endsWith("downloaded"))?.y,
      sha256: piece.texts().find(({ text }) => sha256.startsWith(text)),
    });
    const first = places();
    const there = { button: expect.any(Object), name: expect.any(Object) };
    expect(first).toMatchObject({ ...there, percent: expect.any(Number), amount: expect.any(Number) });
    for (const state of [late, states.lost, states.wrong, states.paused]) {
      await piece.state(state);
      expect(places()).toEqual(first);
    }
    await piece.press("c");
    const { button: _, ...rest } = first; // what it says has changed
    expect(places()).toMatchObject(rest);
  });
});

/** No text, and no button, reaches over the canvas's edge or into another. */
function expectInOrder(piece: Visit): void {
  const { width, height } = piece.size();
  for (const box of [...piece.texts(), ...piece.hits()]) {
    expect.soft(box.x, JSON.stringify(box)).toBeGreaterThanOrEqual(0);
    expect.soft(box.x + box.w, JSON.stringify(box)).toBeLessThanOrEqual(width);
    expect.soft(box.y, JSON.stringify(box)).toBeGreaterThanOrEqual(0);
    expect.soft(box.y + box.h, JSON.stringify(box)).toBeLessThanOrEqual(height);
  }
  for (const all of [piece.texts(), piece.hits()]) {
    all.forEach((one, i) => {
      for (const other of all.slice(i + 1)) {
        const shadow = "text" in one && "text" in other && one.text === other.text;
        if (!shadow) expect.soft(meet(one, other), JSON.stringify([one, other])).toBe(false);
      }
    });
  }
  for (const { text } of piece.texts()) expect.soft(text).toMatch(/^[\x20-\x7e]+$/);
}

function meet(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

test.each(["1x1", "7x7", "16x16", "15x150", "1500x20", "60x40", "7680x60"])(
  "%s is no trouble",
  async (size) => {
    for (const come of Object.values(screens)) {
      const piece = await come({ size, dark: true });
      expect(piece.paints()).toBeGreaterThan(0);
      expect(piece.sent.filter(({ type }) => type === "trouble")).toEqual([]);
      vi.stubGlobal("navigator", { userAgent: "Node" });
    }
  },
  60_000,
);

test.each([
  ["os:notepat", "notepat", []],
  ["os notepat", "notepat", []],
  ["os:$cow", "$cow", []],
  ["os:@jeffrey/frog", "@jeffrey/frog", []],
  ["os:notepat:tiny:2026.11.24", "notepat", ["tiny", "2026.11.24"]],
  ["os notepat tiny 2026.11.24", "notepat", ["tiny", "2026.11.24"]],
  ["os:notepat:tiny~line", "notepat", ["tiny"], ["line"]],
  ["os notepat line @jeffrey/frog", "notepat", [], ["line", "@jeffrey/frog"]],
])(
  "%s opens %s, with qualifiers %j, once the page is there",
  async (slug, name, qualifiers, others?: string[]) => {
    const piece = await visit(slug);
    expect(piece.told()).toEqual([]);
    await piece.meet();
    await piece.meet(); // a page module that is run twice says it twice
    expect(piece.told("os:open")).toEqual([
      { type: "os:open", piece: name, qualifiers, visit: undefined, ...(others && { others }) },
    ]);
  },
);

test("before the download there is all that is known of it", async () => {
  const piece = await shown(states.ready);
  expect(piece.says()).toContain("file notepat-os.iso, 2,985 MB download 540 MB");
  expect(piece.says()).toContain("base kiosk 2026.11.24, x86_64");
  expect(piece.says()).toContain("piece notepat, 1.2 MB");
  expect(/sha256 ((?:[0-9a-f]+ ?)+)/.exec(piece.says())?.[1]?.replaceAll(" ", "")).toBe(sha256);
  await piece.state(states.unfinished);
  expect(piece.says()).toContain("download 220 of 540 MB: the rest is here");
  expect(piece.says()).toContain("notepat-os.iso is unfinished. continue goes on with it.");
  expect(piece.says()).toContain("w continue");
});

test.each([
  ["ready", ["s"], { type: "os:start", where: "downloads" }],
  ["ready", [" "], { type: "os:start", where: "downloads" }],
  ["ready", ["w"], { type: "os:start", where: "choose" }],
  ["ready", ["k"], { type: "os:keep", keep: false }],
  ["unfinished", ["w"], { type: "os:start", where: "choose" }],
  ["unfinished", ["k"], { type: "os:keep", keep: true }],
  ["ready", ["l"], { type: "os:link", qualifiers: [] }],
  ["several", ["3", "c"], { type: "os:allow", use: "camera", of: "@jeffrey/frog" }],
  ["several", ["2", "t"], { type: "os:first", of: "line" }],
  ["several, one first", ["2", "t"], { type: "os:first" }],
  ["several", ["2", "o"], { type: "os:include", of: "line" }],
  ["several, one out", ["3", "o"], { type: "os:include", of: "@jeffrey/frog" }],
  ["several, one unknown", ["s", "s"], { type: "os:start", where: "downloads" }],
  ["several, one unknown", ["w"], { type: "os:again" }],
  ["several, one too many", ["1"], { type: "os:include", of: "notepat" }],
  ["ready", ["a", "c"], { type: "os:allow", use: "camera" }],
  ["ready", ["a", "n"], { type: "os:allow", use: "network" }],
  ["asks", ["c"], { type: "os:allow", use: "camera" }],
  ["asks", ["m"], { type: "os:allow", use: "microphone" }],
  ["asks", ["i"], { type: "os:allow", use: "midi" }],
  ["asks", ["x"], { type: "os:allow", use: "sysex" }],
  ["preparing", ["c"], { type: "os:cancel" }],
  ["starting", ["c"], { type: "os:cancel" }],
  ["saving", ["p"], { type: "os:pause" }],
  ["paused", ["p"], { type: "os:resume" }],
  ["lost", [" "], { type: "os:pause" }],
  ["saving", ["c", "y"], { type: "os:cancel" }],
  ["done", ["h"], { type: "os:copy" }],
  ["done", ["j"], { type: "os:checksum" }],
  ["done", ["r"], { type: "os:open", qualifiers: [] }],
  ["failed", ["r"], { type: "os:open", qualifiers: [] }],
  ["cancelled", ["r"], { type: "os:open", qualifiers: [] }],
] as const)("%s: %j asks for %j", async (name, keys, message) => {
  const piece = await shown(states[name]);
  const before = piece.told(message.type).length;
  await piece.press(...keys);
  const told = piece.told(message.type).slice(before);
  expect(told).toEqual([{ ...message, piece: "notepat", visit: undefined }]);
});

test.each(["ready", "saving", "done", "failed"] as const)("%s: no other key does anything", async (name) => {
  const piece = await shown(states[name]);
  const before = piece.told();
  await piece.press("b", "d", "f", "g", "q", "t", "v", "x", "z", "0", "Enter", "Escape", "Home", "Shift");
  expect(piece.told()).toEqual(before);
  await piece.press(name === "done" ? "h" : name === "saving" ? "p" : name === "ready" ? "s" : "r"); // keys arrive
  expect(piece.told().length).toBeGreaterThan(before.length);
});

test("what can be chosen only where the browser has a dialog is not offered elsewhere", async () => {
  const piece = await visit("os:notepat", { page: { ...pageInfo, choose: false } });
  await piece.meet();
  await piece.state(states.ready);
  expect(piece.says()).toContain("s start");
  expect(piece.says()).not.toContain("choose where");
  await piece.press("w");
  expect(piece.told("os:start")).toEqual([]);
});

test("what a piece may use is folded while it asks for nothing, and each can be tapped", async () => {
  const piece = await shown(states.ready, { size: "952x592" });
  expect(piece.says()).toContain("may use screen, sound and keys only");
  expect(piece.says()).not.toContain("SysEx");
  await piece.press("c", "m", "i", "n", "x");
  expect(piece.told("os:allow")).toEqual([]);
  await piece.press("a");
  for (const [label, use] of [
    ["camera", "camera"],
    ["MIDI devices", "midi"],
    ["MIDI SysEx,", "sysex"],
    ["network,", "network"],
  ] as const) {
    const at = piece.texts().findLast(({ text }) => text.startsWith(label));
    await piece.tap(piece.hits().find((hit) => meet(hit, at!))!);
    expect(piece.told("os:allow").at(-1)).toMatchObject({ use });
  }
});

test("no is no: the build goes on", async () => {
  const piece = await shown(states.saving);
  await piece.press("c");
  expect(piece.says()).toContain("stop and throw away the file?");
  await piece.press("n");
  expect(piece.says()).not.toContain("stop and");
  await piece.press("y");
  expect(piece.told("os:cancel")).toEqual([]);
});

test.each([
  ["ready", "os:start"],
  ["saving", "os:pause"],
  ["failed", "os:open"],
] as const)("%s: a tap on the first button is %s", async (name, type) => {
  const piece = await shown(states[name]);
  const before = piece.told(type).length;
  const bottom = Math.max(...piece.hits().map(({ y }) => y));
  await piece.tap(piece.hits().find(({ y }) => y === bottom)!);
  expect(piece.told(type)).toHaveLength(before + 1);
});

test("the pages after the outcome turn by keys and by taps, and back", async () => {
  const piece = await shown(states.done);
  expect(piece.says()).toContain("notepat-os.iso is in your downloads.");
  const seen = [piece.says()];
  for (const key of ["ArrowRight", " ", "ArrowRight"]) {
    await piece.press(key);
    seen.push(piece.says());
  }
  expect(new Set(seen).size).toBe(4);
  expect(seen[0]).toContain("balenaEtcher"); // the first step stands beside what was made
  expect(seen[1]).toContain("press Cancel");
  expect(seen[2]).toContain("Lenovo F12");
  expect(seen[3]).toContain("Rufus");
  await piece.press("ArrowLeft");
  expect(piece.says()).toBe(seen[2]);
  await piece.tap(piece.hits().at(-1)!); // the one to the right
  expect(piece.says()).toBe(seen[3]);
});

describe("a stick", () => {
  const jobs = (piece: Visit) => piece.told("os:stick").map(({ job }) => job);

  test("is chosen, looked at, and written after a question where another system gives way", async () => {
    const piece = await shown(states.ready);
    await piece.press("u");
    expect(jobs(piece)).toEqual([{ do: "again" }]);
    await piece.state(states["stick with another"]);
    expect(piece.says()).toContain("Windows starts from this stick");
    await piece.press("s");
    expect(piece.says()).toContain("let Windows give way?");
    await piece.press("n");
    await piece.press("s");
    await piece.press("y");
    expect(jobs(piece).slice(1)).toEqual([{ do: "put", replace: true }]);
    await piece.state(states["stick written"]);
    expect(piece.says()).not.toContain("give way");
  });

  test("that was used last is asked for again, and another one can be", async () => {
    const piece = await shown(states.ready);
    await piece.press("u");
    await piece.state(states["stick gone"]);
    await piece.press("r", "u");
    expect(jobs(piece)).toEqual([{ do: "again" }, { do: "look" }, { do: "choose" }]);
  });

  test("of ours: pieces start, go, and all of it goes when that is meant", async () => {
    const piece = await shown(states["stick of ours"]);
    await piece.press("2", "v", "d", "2");
    await piece.state(states["stick of ours"]);
    await piece.press("b", "t", "n", "t", "y");
    expect(jobs(piece)).toEqual([
      { do: "start", folder: "jeffrey-frog-d3b07e" },
      { do: "check" },
      { do: "remove", folder: "jeffrey-frog-d3b07e" },
      { do: "takeOff" },
    ]);
  });

  test("that is written is paused, and stopped after a question", async () => {
    const piece = await shown(states["stick written"]);
    await piece.press("p", "c");
    expect(piece.says()).toContain("stop? what is there is not written again.");
    await piece.press("y");
    expect(piece.told("os:pause")).toHaveLength(1);
    expect(jobs(piece)).toEqual([{ do: "stop" }]);
  });

  test("of another format can be said to be FAT32, and the next one is looked at anew", async () => {
    const piece = await shown(states["stick unusable"]);
    await piece.press("s");
    await piece.press("g", "s");
    expect(jobs(piece)).toEqual([{ do: "put", replace: false }]);
    await piece.state(states["stick looked at"]);
    await piece.state(states["stick unusable"]);
    expect(piece.says()).toContain("it is FAT32, go on");
  });

  test("when done is ejected as this computer does, checked, or seen to", async () => {
    const piece = await visit("os:notepat", { page: { ...pageInfo, system: "mac" } });
    await piece.meet();
    await piece.state(states["stick done"]);
    expect(piece.says()).toContain("in Finder, click the eject sign");
    await piece.press("m");
    expect(piece.says()).toContain("@jeffrey/frog");
    await piece.press("v");
    expect(jobs(piece)).toEqual([{ do: "check" }]);
  });
});

describe("os alone", () => {
  test("offers what was built lately, then pieces of AC's own; arrows and Space choose", async () => {
    const piece = await visit("os", { page: { ...pageInfo, recent: ["drift", "notepat"] } });
    await piece.meet();
    expect(piece.says()).toMatch(/drift built lately \+ notepat built lately \+ prompt \+ line \+ wand/);
    expect(piece.told("os:open")).toEqual([]);
    await piece.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", " ");
    expect(await piecesAfter(piece)).toBe("os:prompt");
  });

  test("a name can be typed, and mended without Backspace, which is AC's", async () => {
    const piece = await visit("os");
    await piece.meet();
    await piece.press("w", "a", "n", "x", "Delete", "d", "y", "ArrowLeft", "Tab");
    expect(await piecesAfter(piece)).toBe("os:wand");
  });

  test("a tap chooses", async () => {
    const piece = await visit("os");
    await piece.meet();
    await piece.tap(rowOf(piece, "line"));
    expect(await piecesAfter(piece)).toBe("os:line");
  });

  test.each([
    [
      "keys",
      async (piece: Visit) =>
        piece.press("ArrowDown", ",", "m", "i", "n", "e", "+", "ArrowDown", " ", " ", "Tab"),
    ],
    [
      "taps",
      async (piece: Visit) => {
        await piece.tap(
          piece.hits().find((hit) => meet(hit, piece.texts().filter(({ text }) => text === "+")[1]!))!,
        );
        await piece.press("m", "i", "n", "e", ",");
        await piece.tap(rowOf(piece, "line"));
        await piece.tap(rowOf(piece, "line"));
        await piece.tap(rowOf(piece, "build 2 pieces"));
      },
    ],
  ])("several are marked by %s, and built together", async (_, mark) => {
    const page = { ...pageInfo, sizes: { prompt: 1_500_000 }, room: 20_971_520 };
    const piece = await visit("os", { page });
    await piece.meet();
    await mark(piece);
    const said = piece.sent.flatMap((each) => (each.type === "signal" ? [JSON.stringify(each.content)] : []));
    expect(said.join("\n")).toContain("mine, 1 of 10, marked.");
    expect(said.join("\n")).toContain("2 pieces marked: 1.5 MB of 21.0 MB, and 1 not known yet.");
    expect(said.join("\n")).toContain("Tab: Build 2 pieces.");
    expect(await piecesAfter(piece)).toBe("os:prompt~mine");
  });

  test("pieces that were asked for together can be changed, also back to the same", async () => {
    const piece = await visit("os notepat line");
    await piece.meet();
    await piece.state(states["several, one unknown"]);
    await piece.press("y");
    expect(piece.says()).toMatch(/2 pieces marked.* \[x\] notepat .*\[x\] line .*\[ \] wand/);
    await piece.state({ ...states["several, one unknown"], fetched: 1 }); // the build behind it goes on
    expect(piece.says()).toMatch(/2 pieces marked/);
    await piece.press("Tab");
    expect(await piecesAfter(piece)).toBe("os:notepat~line");
  });

  test.each(["os:notepat:arm~line", "os:notepat:tiny~line", "os:notepat:tiny:arm~line"])(
    "what stands beside them stays when others are chosen: %s",
    async (slug) => {
      const piece = await visit(slug);
      await piece.meet();
      await piece.state(states["several, one unknown"]);
      await piece.press("y", "Tab");
      expect(await piecesAfter(piece)).toBe(slug);
    },
  );

  test("while none is marked a piece is a key or a tap away, and all that were built together are one", async () => {
    const piece = await visit("os", { page: { ...pageInfo, recent: ["line~notepat~drift"] } });
    await piece.meet();
    expect(piece.says()).toMatch(/line and 2 others built lately/);
    await piece.press(",", ",", " ");
    expect(await piecesAfter(piece)).toBe("os:line~notepat~drift");
  });

  /** The button with this text on it. */
  function rowOf(piece: Visit, label: string): Box {
    const text = piece.texts().find((each) => each.text === label)!;
    return piece.hits().find((hit) => meet(hit, text))!;
  }

  test("on a small canvas fingers reach the later ones too", async () => {
    const piece = await visit("os", { size: "128x128" });
    await piece.meet();
    expect(piece.says()).not.toContain("melody");
    for (let i = 0; i < 4 && !piece.says().includes("melody"); i++) await piece.tap(piece.hits().at(-1)!);
    expect(piece.says()).toContain("melody");
  });
});

test("a page that was planted before the piece came is not believed, and the real one is", async () => {
  const piece = await visit();
  const planted = { ...pageInfo, choose: false, kept: 1e9, recent: ["planted"] };
  await piece.hear({ type: "os:ready", page: planted } as unknown as PageMessage);
  await piece.hear({ type: "os:page", visit: "another", page: planted });
  expect(piece.says()).toContain("loading");
  expect(piece.told("os:open")).toEqual([]);
  await piece.meet();
  expect(piece.told("os:open")).toHaveLength(1);
  await piece.state(states.ready);
  expect(piece.says()).toContain("w choose where");
});

test("what the page wants a key for is asked for again, and what was built is still there", async () => {
  const piece = await shown(states.ready);
  await piece.press("s");
  await piece.unconfirmed();
  await piece.frame();
  const written = piece.sent.flatMap((each) => (each.type === "rendered" ? (each.content.text ?? []) : []));
  expect(written).toContain("press it again");
  expect(piece.says()).toContain("s start");
});

test("os:clear by a link asks first", async () => {
  const piece = await visit("os:clear", { page: { ...pageInfo, kept: 540_016_640 } });
  await piece.meet();
  await piece.unconfirmed();
  expect(piece.says()).toContain("540 MB of base kept here. remove it?");
  await piece.press("y");
  expect(piece.told("os:clear")).toHaveLength(2);
  expect(piece.says()).toContain("clearing...");
  await piece.cleared(540_016_640);
  expect(piece.says()).toContain("540 MB freed.");
});

test("os:clear clears at once, and says how much it was", async () => {
  const piece = await visit("os:clear");
  await piece.meet();
  expect(piece.told("os:clear")).toHaveLength(1);
  expect(piece.says()).toContain("clearing...");
  await piece.cleared(540_016_640);
  expect(piece.says()).toContain("540 MB freed.");
});

test.each([
  ["os:notepat", "aarch64", "aarch64", ["arm"]],
  ["os:notepat", undefined, "x86_64", []],
  ["os:notepat", "aarch64", "x86_64", ["pc"]],
  ["os:notepat:pc", undefined, "x86_64", ["pc"]],
] as const)(
  "a link made at %s, where %s is suggested and %s built, is for that: %j",
  async (slug, suggested, arch, qualifiers) => {
    const page = suggested === undefined ? pageInfo : { ...pageInfo, suggested };
    const piece = await visit(slug, { page });
    await piece.meet();
    await piece.state({ ...states.ready, info: { ...info, base: { ...info.base, arch } } });
    await piece.press("l");
    expect(piece.told("os:link")).toEqual([expect.objectContaining({ qualifiers })]);
  },
);

test("an image for ARM is built anew on the newest base for ARM", async () => {
  const piece = await visit();
  await piece.meet();
  await piece.state(states.ready);
  const { found } = images.damaged;
  const image = { ...images.damaged, found: { ...found, base: { ...found.base, arch: "aarch64" } } };
  await piece.image({ ...image, doing: "check" });
  await piece.image(image);
  expect(piece.says()).toContain("kiosk 2026.11.17 aarch64, and 2026.11.24 is newer");
  await piece.press("a");
  expect(await piecesAfter(piece)).toBe("os:notepat:kiosk:arm");
});

test("on a phone there is a link first, and the build only if wanted", async () => {
  const piece = await screens.phone!({ size: "188x406", dark: true });
  expect(piece.told("os:open")).toEqual([]);
  expect(piece.says()).toContain("cannot write a USB stick");
  expect(piece.says().replaceAll(" ", "")).toContain(link.url);
  await piece.press("b");
  expect(piece.told("os:open")).toHaveLength(1);
});

test("the preview's place is told when it is there, moves with the canvas, and is gone when it starts", async () => {
  const piece = await shown(states.ready);
  const [first] = piece.told("os:preview") as { box?: { x: number; width: number } }[];
  expect(first?.box?.x).toBeGreaterThan(0.5);
  expect((first?.box?.x ?? 1) + (first?.box?.width ?? 1)).toBeLessThanOrEqual(1);
  await piece.resize("188x406"); // there it stands below the text
  expect(piece.told("os:preview").at(-1)).toMatchObject({ box: { x: expect.closeTo(7 / 188) } });
  await piece.resize("128x128"); // and here it has a page of its own
  expect(piece.told("os:preview").at(-1)).not.toHaveProperty("box");
  for (let i = 0; i < 9; i++) await piece.press("ArrowRight");
  expect(piece.told("os:preview").at(-1)).toHaveProperty("box");
  await piece.state(states.starting);
  expect(piece.told("os:preview").at(-1)).not.toHaveProperty("box");
});

test("those who hear the page are told each tenth, each trouble and the outcome, and not each second", async () => {
  const piece = await shown({ ...states.saving, written: 0 });
  for (let i = 0; i <= 200; i++) {
    await piece.state({ ...states.saving, written: (info.size * i) / 200, bytesPerSecond: 1e6 + i });
  }
  await piece.state(states.lost);
  await piece.state({ ...states.lost, trouble: { kind: "lost", tries: 3, again: 4.1e12 } });
  await piece.state(states.done);
  const heard = piece.heard().filter((text) => !text.startsWith("notepat os. Loading"));
  const percents = heard.filter((text) => /^Saving notepat-os.iso, \d+ percent\.$/.test(text));
  expect(percents).toHaveLength(11);
  expect(heard.filter((text) => text.includes("Connection lost, retrying..."))).toHaveLength(1);
  expect(heard.at(-1)).toContain("notepat-os.iso is in your downloads.");
  expect(heard.at(-1)).toContain(sha256);
  expect(heard.at(-1)).toContain("h: Copy sha256.");
});

test.each(["picker", "ready", "saving", "lost", "done", "failed", "link", "cleared"])(
  "%s: paint rests when nothing changes",
  async (name) => {
    vi.useFakeTimers({ toFake: ["Date"], now: 3e12 }); // or the seconds until the next try would be a change
    const piece = await screens[name]!({ size: "476x296", dark: true });
    const before = piece.paints();
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 100; i++) await piece.frame({ updates: 24 });
    expect(piece.paints()).toBe(before);
    vi.useRealTimers();
  },
);

test("the seconds until the next try are counted down, once each", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 3e12 });
  const piece = await shown({ ...states.saving, trouble: { kind: "lost", tries: 1, again: 3e12 + 12_000 } });
  expect(piece.says()).toContain("connection lost, retry in 12s");
  const before = piece.paints();
  for (let i = 1; i <= 12; i++) {
    vi.setSystemTime(3e12 + i * 1000);
    for (let n = 0; n < 5; n++) await piece.frame();
  }
  expect(piece.says()).toContain("connection lost, retrying...");
  expect(piece.paints() - before).toBe(12);
  vi.useRealTimers();
});

test("a page module that does not come is missed, in words", async () => {
  const piece = await visit();
  for (let i = 0; i < 101; i++) await piece.frame({ updates: 24 });
  expect(piece.says()).toContain("did not load. check your connection");
});

test("what is for another visit is not shown", async () => {
  const piece = await shown(states.ready);
  await piece.hear({ type: "os:state", visit: "another", state: states.failed });
  expect(piece.says()).toContain("s start");
});

test("leaving while it saves leaves a note", async () => {
  for (const [state, noted] of [
    [states.saving, true],
    [states.done, false],
  ] as const) {
    const piece = await shown(state);
    await piece.press("Escape");
    await piece.frame();
    const written = piece.sent.flatMap((each) => (each.type === "rendered" ? (each.content.text ?? []) : []));
    expect(written.includes("still saving notepat-os.iso")).toBe(noted);
  }
});
