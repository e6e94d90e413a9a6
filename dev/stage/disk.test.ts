import { beforeEach, expect, test, vi } from "vitest";
import { Disk } from "./disk.ts";
import type { Frame, FromDisk, KeyEvent, PenEvent } from "./messages.ts";
import type { Host, Piece } from "./load.ts";

beforeEach(() => {
  vi.stubGlobal("location", new URL("http://localhost:8888/"));
  vi.stubGlobal("navigator", { userAgent: "Node" });
  vi.spyOn(console, "error").mockImplementation(() => {});
  return () => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  };
});

const header = "// test, 2026\n// A test.\nexport { boot };\n";

/** A disk with `pieces` by name, the first on stage, and what it has sent. */
async function disk(pieces: Record<string, Piece>, slug = Object.keys(pieces)[0] ?? "") {
  const sent: FromDisk[] = [];
  let wanted = "";
  const host: Host = {
    // oxlint-disable-next-line no-unsafe-type-assertion -- only what the disk itself sends is looked at
    send: (message) => void sent.push(message as FromDisk),
    async source(path) {
      wanted = path.split("/").at(-1) ?? "";
      if (!(wanted in pieces)) throw new Error(`There is no piece called ${wanted}`);
      return header;
    },
    run: async () => pieces[wanted] ?? {},
  };
  const one = new Disk(host);
  const frame = (parts: Partial<Frame> = {}) =>
    one.receive({
      type: "frame",
      width: 100,
      height: 50,
      updates: 1,
      pens: [],
      pointers: [],
      keys: [],
      focused: true,
      ...parts,
    });
  /** Frames, and time for what they have begun. */
  const frames = async (count = 1, parts: Partial<Frame> = {}) => {
    for (let i = 0; i < count; i++) {
      await frame(parts);
      await new Promise((next) => setTimeout(next, 0));
    }
  };
  await one.receive({ type: "load", slug, fromHistory: false });
  return { disk: one, frames, sent };
}

test("boots, paints, and only then simulates and acts; the first boot is awaited", async () => {
  const log: string[] = [];
  const { frames } = await disk({
    os: {
      async boot() {
        log.push("boot");
        await new Promise((later) => setTimeout(later, 20));
        log.push("booted");
      },
      paint: () => void log.push("paint"),
      sim: () => void log.push("sim"),
    },
  });
  await frames(2, { updates: 2 });
  expect(log).toEqual(["boot", "booted", "paint", "sim", "sim", "paint"]);
});

test("rests after paint has returned false, until needsPaint", async () => {
  let painted = 0;
  let again: (() => void) | undefined;
  const paint = ({ needsPaint }: Api) => {
    again = needsPaint;
    painted += 1;
    return false;
  };
  const { frames, sent } = await disk({ os: { paint } });
  await frames(3);
  expect(painted).toBe(1);
  again?.();
  await frames(3);
  expect(painted).toBe(2);
  const pictures = sent.filter((message) => message.type === "rendered" && message.content.picture);
  expect(pictures).toHaveLength(2);
});

test("signal is in act and sim only; the rest in every phase", async () => {
  const phases: Record<string, string[]> = {};
  const look = (phase: string) => ($: Api) => {
    phases[phase] ??= Object.keys($);
  };
  const phase = ["boot", "paint", "sim", "act", "leave"] as const;
  const { disk: one, frames } = await disk({
    os: Object.fromEntries(phase.map((name) => [name, look(name)])),
    prompt: {},
  });
  await frames();
  await one.receive({ type: "signal", content: 1 });
  await frames();
  await frames(2, { keys: [key("Escape")] });
  expect(Object.keys(phases)).toEqual(["boot", "paint", "sim", "act", "leave"]);
  const stable = ["needsPaint", "send", "dom", "jump", "notice", "net", "store", "params", "ink", "screen"];
  for (const name of phase) {
    expect(phases[name], name).toEqual(expect.arrayContaining(stable));
    expect(phases[name]?.includes("signal"), name).toBe(name === "sim" || name === "act");
  }
});

test("signals come together, as one array, and wait for a piece that can hear them", async () => {
  const heard: unknown[] = [];
  const arrays: unknown[][] = [];
  const act = ({ event }: Api) => {
    if (!event.is("signal")) return;
    heard.push(...event.signal);
    arrays.push(event.signal);
  };
  const { disk: one, frames } = await disk({ os: { act } });
  await one.receive({ type: "signal", content: "early" });
  await one.receive({ type: "signal", content: { type: "b" } });
  await frames();
  expect(heard).toEqual([]);
  await frames();
  expect(heard).toEqual(["early", { type: "b" }]);
  expect(arrays).toEqual([[]]); // one act, and AC empties the array that it gave
});

test("leaves a piece at the end of the frame of a jump; the next knows its parameters", async () => {
  const log: unknown[] = [];
  const boot = ({ params, colon, slug, query }: Api) => {
    log.push({ params, colon, slug, query });
  };
  const act = ({ event, jump }: Api) => {
    if (event.is("keyboard:down:j")) jump("next:a~b?c=d");
  };
  const { frames, sent } = await disk({ os: { act, leave: () => log.push("leave") }, next: { boot } });
  await frames(2);
  await frames(2, { keys: [key("j")] });
  expect(log).toEqual(["leave", { params: ["b"], colon: ["a"], slug: "next:a~b", query: { c: "d" } }]);
  expect(sent.filter((message) => message.type === "disk-loaded").at(-1)?.content).toMatchObject({
    slug: "next:a~b",
    first: false,
    title: "test",
    desc: "A test.",
  });
});

test("a piece that cannot be loaded leaves the one there, which is told", async () => {
  const told: string[] = [];
  const act = ({ event, jump }: Api) => {
    if (event.is("load-error")) told.push(event.error.message);
    if (event.is("keyboard:down")) jump("nope");
  };
  const { frames, sent } = await disk({ os: { act } });
  await frames();
  await frames(1, { keys: [key("x")] });
  await frames(2);
  expect(told).toEqual(["There is no piece called nope"]);
  expect(sent.find((message) => message.type === "trouble")?.content).toBe(
    "nope: There is no piece called nope",
  );
});

test("at the start, the prompt is told, with what was asked for", async () => {
  const boot = vi.fn(($: Api) => expect($).toMatchObject({ params: ["nope:a"] }));
  const told: string[] = [];
  const act = ({ event }: Api) => {
    if (event.is("load-error")) told.push(event.error.message);
  };
  const { frames } = await disk({ prompt: { boot, act } }, "nope:a");
  await frames(2);
  expect(boot).toHaveBeenCalledOnce();
  expect(told).toEqual(["There is no piece called nope"]);
});

test.each(["`", "Enter", "Escape"])("%s goes to the prompt", async (name) => {
  const { frames, sent } = await disk({ os: {}, prompt: {} });
  await frames(2);
  await frames(2, { keys: [key(name)] });
  expect(sent.filter((message) => message.type === "disk-loaded").at(-1)?.content).toMatchObject({
    slug: "prompt",
  });
});

test("Backspace takes the piece's name along", async () => {
  const { frames, sent } = await disk({ os: {}, prompt: {} }, "os:notepat");
  await frames(2);
  await frames(2, { keys: [key("Backspace")] });
  expect(sent.filter((message) => message.type === "disk-loaded").at(-1)?.content).toMatchObject({
    slug: "prompt~os:notepat",
  });
});

test("the corner label is a button to the prompt, and the piece does not hear of its taps", async () => {
  const heard: string[] = [];
  const act = ({ event }: Api) => {
    heard.push(event.name);
  };
  const { frames, sent } = await disk({ os: { act }, prompt: {} });
  await frames(2);
  await frames(1, { pens: [pen("touch", 50, 40), pen("lift", 50, 40)] });
  await frames(2, { pens: [pen("touch", 8, 8), pen("lift", 8, 8)] });
  expect(heard).toEqual(["touch", "lift"]);
  expect(sent.filter((message) => message.type === "disk-loaded").at(-1)?.content).toMatchObject({
    slug: "prompt",
  });
});

test("what fails in a piece is told once, and the piece goes on", async () => {
  let sims = 0;
  const { frames, sent } = await disk({
    os: {
      paint() {
        throw new Error("no paint");
      },
      sim: () => void sims++,
    },
  });
  await frames(5);
  expect(sims).toBe(4);
  const troubles = sent.flatMap((message) => (message.type === "trouble" ? [message.content] : []));
  expect(troubles).toEqual(["os: paint: no paint"]);
});

test("writes are told with the frame that shows them", async () => {
  const paint = ({ ink }: Api) => {
    ink("red").write("hello", { x: 1, y: 1 });
    return false;
  };
  const { frames, sent } = await disk({ os: { paint } });
  await frames();
  const rendered = sent.flatMap((message) => (message.type === "rendered" ? [message.content] : []));
  expect(rendered).toMatchObject([{ text: ["hello"], picture: { width: 100, height: 50 } }]);
});

function key(name: string): KeyEvent {
  const lower = name.toLowerCase();
  return { name: `keyboard:down:${lower}`, key: name, repeat: false, shift: false, alt: false, ctrl: false };
}

function pen(name: PenEvent["name"], x: number, y: number): PenEvent {
  const delta = { x: 0, y: 0 };
  const still = { px: x, py: y, delta, pressure: 1, button: 0, drawing: name === "touch" };
  return { name, x, y, ...still, id: 1, pointer: 1, isPrimary: true, device: "mouse" };
}
