import { execFileSync, spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inUse, type Sense } from "./in-use.ts";
import { keepLight, lightText, prepareLight } from "./light.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "light-")));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A /proc with a sound card whose devices are in that state. */
function proc(states: Readonly<Record<string, string>>): string {
  for (const [device, state] of Object.entries(states)) {
    const stream = join(folder, "asound/card0", device, "sub0");
    mkdirSync(stream, { recursive: true });
    writeFileSync(join(stream, "status"), state);
  }
  return folder;
}

// What the kernel writes there: sound/core/pcm.c, snd_pcm_substream_proc_status_read
const RUNNING = "state: RUNNING\nowner_pid   : 1234\ntrigger_time: 1.2\ntstamp      : 3.4\n";
const PREPARED = "state: PREPARED\nowner_pid   : 1234\n";

test.each<[string, Record<string, string>, Sense[]]>([
  ["nothing", {}, []],
  ["a microphone that is closed", { pcm0c: "closed\n" }, []],
  ["one that is only open", { pcm0c: PREPARED }, []],
  ["one that records", { pcm0c: RUNNING }, ["microphone"]],
  ["the second of two", { pcm0c: "closed\n", pcm2c: RUNNING }, ["microphone"]],
  ["a loudspeaker that plays", { pcm0p: RUNNING, pcm0c: "closed\n" }, []],
])("in use: %s", (_, states, senses) => {
  expect(inUse(proc(states))).toEqual(senses);
});

test("in use: a camera that a program has open, and no longer when it has ended", async () => {
  mkdirSync(join(folder, "1234/fd"), { recursive: true });
  symlinkSync("/dev/video0", join(folder, "1234/fd/7"));
  expect(inUse(proc({ pcm0c: RUNNING }))).toEqual(["camera", "microphone"]);
  symlinkSync("/dev/video0x", join(folder, "1234/fd/8"));
  rmSync(join(folder, "1234/fd/7"));
  expect(inUse(folder)).toEqual(["microphone"]);
});

test("the real /proc is read, and says nothing on a machine that has neither", () => {
  expect(inUse()).toEqual([]);
  const open = spawn("sleep", ["100"]);
  try {
    expect(execFileSync("ls", [`/proc/${open.pid}/fd`], { encoding: "utf8" })).toContain("0");
    expect(inUse()).toEqual([]);
  } finally {
    open.kill();
  }
});

test("the light says in words what is on, and is there only then", async () => {
  const file = join(folder, "light");
  await prepareLight(file);
  let on: Sense[] = ["microphone"];
  const shown: boolean[] = [];
  const over = new AbortController();
  const keeping = keepLight({
    file,
    show: async (visible) => void shown.push(visible),
    signal: over.signal,
    look: () => on,
  });
  const last = () => readFileSync(file, "utf8").trimEnd().split("\n").at(-1);
  await expect.poll(last).toContain(" microphone on ");
  on = ["camera", "microphone"];
  await expect.poll(last).toContain(" camera and microphone on ");
  on = [];
  await expect.poll(() => shown).toEqual([true, true, false]);
  expect(readFileSync(file, "utf8").endsWith("\n\n")).toBe(true);
  over.abort();
  await keeping;
});

test("a light that cannot be shown ends the session", async () => {
  const file = join(folder, "light");
  await prepareLight(file);
  const refused = keepLight({
    file,
    show: () => Promise.reject(new Error("sway: no")),
    signal: new AbortController().signal,
    look: () => ["camera"],
  });
  await expect(refused).rejects.toThrow("sway: no");
});

test("it has a ground of its own, whatever the piece paints under it", () => {
  expect(lightText(["camera"])).toMatch(/^<span background="#000000" foreground="#ffffff">.*<\/span>$/);
  expect(lightText([])).toBe("");
});
