import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import puppeteer, { type Page } from "puppeteer-core";
import { soundFlags } from "../base/kiosk/session/browser.ts";
import { listen } from "../dev/http-server.ts";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";

// `npm run bench:sound`: how long it takes from a key to the first sample of the sound that it makes, with Chromium as it comes,
// and as the kiosk starts it (`soundFlags`).
//
//   npm run bench:sound -- [--rounds 3] [--keys 40] [--frames 256]
//
// The page does what Aesthetic Computer's does: a context with the latency hint "interactive" at 48 kHz, and an AudioWorklet that
// is told of each key by the page's thread. Chromium plays through PipeWire's PulseAudio server to a sink that is nowhere, whose
// monitor is recorded; keys come by the DevTools protocol. So the way from the keyboard and to the loudspeaker is not in it: a card
// has a buffer of its own, of a quantum or more. A gap is where the tone that the page holds is interrupted.
//
// It takes Debian 13's pipewire, pipewire-pulse, wireplumber, dbus-daemon and Chromium: install them, or run it in the files of a
// kiosk (unsquashfs of its second partition, chroot, without its policies for Chromium). As root, or with the kiosk's limits
// (user@.service.d/sound.conf), PipeWire's threads have the priority that they have there. Where it sees that it runs in a virtual
// machine it takes no quantum below 1024, and there is nothing to compare; in a chroot without /sys it does not see it.

const RATE = 48_000;
/** What the page holds, and what a key adds to it for a moment. */
const [TONE, CLICK] = [0.1, 0.8];
/** Processors of the machine whose flags are measured: one that has enough of them. */
const PROCESSORS = 4;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    keys: { type: "string", default: "40" },
    frames: { type: "string" },
  },
});
const [rounds, keys] = [Number(options.rounds), Number(options.keys)];
if (!(rounds >= 1 && keys >= 1)) throw new RangeError("--rounds and --keys take numbers from 1 on");

const WORKLET = `registerProcessor("clicks", class extends AudioWorkletProcessor {
  left = 0;
  constructor() { super(); this.port.onmessage = () => { this.left = 32; }; }
  process(_inputs, [channels]) {
    for (let i = 0; i < channels[0].length; i++, this.left--)
      for (const channel of channels) channel[i] = this.left > 0 ? ${TONE + CLICK} : ${TONE};
    return true;
  }
});`;
const PAGE = `<!doctype html><title>clicks</title><script type="module">
const context = new AudioContext({ latencyHint: "interactive", sampleRate: ${RATE} });
await context.audioWorklet.addModule("/worklet.js");
const clicks = new AudioWorkletNode(context, "clicks", { outputChannelCount: [2] });
clicks.connect(context.destination);
addEventListener("keydown", () => clicks.port.postMessage("click"));
await context.resume();
globalThis.context = context;
</script>`;

/** A sink that plays nowhere, by its own clock, and is the only one. */
const SINK = `context.objects = [ { factory = adapter args = {
  factory.name = support.null-audio-sink node.name = nowhere media.class = Audio/Sink
  audio.position = [ FL FR ] monitor.passthrough = true priority.session = 9000 } } ]\n`;

const SETUPS: Readonly<Record<"before" | "after", readonly string[]>> = {
  before: [],
  after: options.frames === undefined ? soundFlags(PROCESSORS) : [`--audio-buffer-size=${options.frames}`],
};
const NAMES = ["before", "after"] as const;

/** What one run has heard. */
interface Heard {
  /** From each key to its first sample, in milliseconds. */
  readonly delaysMs: readonly number[];
  /** Keys whose sound fell into a gap. */
  readonly lost: number;
  readonly gaps: number;
  readonly seconds: number;
  /** Frames that the sink asks for at a time. */
  readonly quantum: number;
}

const server = await listen("sound", 0, async (request, response) => {
  const isWorklet = request.url === "/worklet.js";
  response.setHeader("Content-Type", isWorklet ? "text/javascript" : "text/html; charset=utf-8");
  response.end(isWorklet ? WORKLET : PAGE);
});
try {
  const found: Record<(typeof NAMES)[number], Heard[]> = { before: [], after: [] };
  console.log("setup\tquantum\tmedian ms\t95 % ms\tlost\tgaps\tseconds");
  for (let round = 0; round < rounds; round++) {
    for (const name of NAMES) {
      const heard = await hear(SETUPS[name]);
      found[name].push(heard);
      console.log(row(name, [heard]));
    }
  }
  if (rounds > 1) for (const name of NAMES) console.log(row(`${name}, all`, found[name]));
  const [before, after] = NAMES.map((name) => median(found[name].flatMap(({ delaysMs }) => delaysMs)));
  console.log(`after/before\t${(after! / before!).toFixed(2)}`);
} finally {
  await server.close();
}

/** Start everything anew, Chromium with `flags`, press the keys, and end it. Throws `Error` when a program does not start. */
async function hear(flags: readonly string[]): Promise<Heard> {
  const folder = mkdtempSync(path.join(tmpdir(), "sound-"));
  const started: ChildProcess[] = [];
  const config = path.join(folder, "config/pipewire");
  mkdirSync(path.join(config, "pipewire.conf.d"), { recursive: true });
  writeFileSync(path.join(config, "pipewire.conf.d/90-nowhere.conf"), SINK);
  const env = {
    ...process.env,
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: path.join(folder, "config"),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${folder}/bus`,
  };
  const start: Start = (program, ...args) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "ignore"] });
    child.on("error", (error) => console.error(error.message));
    started.push(child);
    return child;
  };
  const ask = (program: string, ...args: readonly string[]) =>
    execFileSync(program, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    start("dbus-daemon", "--session", `--address=unix:path=${folder}/bus`, "--nofork", "--nopidfile");
    start("pipewire").stdout.resume();
    await until(() => ask("pw-cli", "info", "nowhere").includes("nowhere"), "PipeWire");
    start("wireplumber").stdout.resume();
    start("pipewire-pulse").stdout.resume();
    await until(() => /nowhere/.test(ask("wpctl", "inspect", "@DEFAULT_AUDIO_SINK@")), "WirePlumber");
    const browser = await puppeteer.launch({
      executablePath: chromiumPath,
      env,
      args: [...chromiumArgs, "--autoplay-policy=no-user-gesture-required", "--disable-gpu", ...flags],
      ignoreDefaultArgs: ["--mute-audio"],
    });
    try {
      const [page = await browser.newPage()] = await browser.pages();
      await page.goto(server.url);
      await page.waitForFunction(() => "context" in globalThis);
      const recorder = record(start);
      await until(() => recorder.hears(), "the recording");
      const pressed = await press(page);
      return recorder.result(pressed);
    } finally {
      await browser.close();
    }
  } finally {
    for (const child of started.toReversed()) await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Press all keys, never in step with anything; the times, in milliseconds. */
async function press(page: Page): Promise<number[]> {
  const client = await page.createCDPSession();
  const times: number[] = [];
  const key = { key: "a", code: "KeyA", windowsVirtualKeyCode: 65 };
  for (let i = 0; i < keys; i++) {
    await delay(300 + Math.random() * 100);
    times.push(performance.now());
    await client.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...key });
    await client.send("Input.dispatchKeyEvent", { type: "keyUp", ...key });
  }
  await delay(500);
  return times;
}

/** Start one of the programs that are measured. */
type Start = (program: string, ...args: readonly string[]) => ChildProcess & { readonly stdout: Readable };

/** Record the sink's monitor. */
function record(start: Start) {
  const properties = "{ stream.capture.sink = true node.target = nowhere target.object = nowhere }";
  const format = ["--format", "f32", "--rate", `${RATE}`, "--channels", "1", "--raw"];
  // Each quantum is passed on as it comes
  const child = start("stdbuf", "-o0", "pw-record", "-P", properties, ...format, "-");
  const chunks: Buffer[] = [];
  let bytes = 0;
  /** Where each chunk ended, in samples, and when it came. */
  const arrivals: { readonly end: number; readonly ms: number }[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    arrivals.push({ end: bytes / 4, ms: performance.now() });
  });
  const samples = () => {
    const all = Buffer.concat(chunks);
    return Array.from({ length: Math.floor(all.length / 4) }, (_, i) => all.readFloatLE(i * 4));
  };
  return {
    hears: () => samples().some((sample) => sample > TONE / 2),
    result(pressed: readonly number[]): Heard {
      const all = samples();
      const first = all.findIndex((sample) => sample > TONE / 2);
      const timeMs = (i: number) => {
        const at = arrivals.findIndex(({ end }) => end > i);
        return arrivals[at]!.ms + ((i - (arrivals[at - 1]?.end ?? 0)) / RATE) * 1000;
      };
      const clicks: number[] = [];
      let gaps = 0;
      for (let i = first + 1; i < all.length; i++) {
        const [was, is] = [all[i - 1]!, all[i]!];
        if (is > TONE + CLICK / 2 && was <= TONE + CLICK / 2) clicks.push(timeMs(i));
        if (is < TONE / 2 && was >= TONE / 2) gaps++;
      }
      // Each key's click is the first one after it; one that fell into a gap is not heard
      const delaysMs = pressed.flatMap((at, i) => {
        const click = clicks.find((time) => time > at);
        return click === undefined || click > (pressed[i + 1] ?? Infinity) ? [] : [click - at];
      });
      const quantum = median(arrivals.map(({ end }, i) => end - (arrivals[i - 1]?.end ?? 0)));
      const lost = pressed.length - delaysMs.length;
      return { delaysMs, lost, gaps, seconds: (all.length - first) / RATE, quantum };
    },
  };
}

/** Wait until `test` holds, and does not throw; throws `Error` when that takes 30 s. */
async function until(test: () => boolean, what: string): Promise<void> {
  const holds = () => {
    try {
      return test();
    } catch {
      return false; // not there yet
    }
  };
  for (const since = performance.now(); !holds(); await delay(100))
    if (performance.now() - since > 30_000) throw new Error(`${what} has not started within 30 s`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}

function row(name: string, all: readonly Heard[]): string {
  const delaysMs = all.flatMap((heard) => heard.delaysMs);
  const sum = (of: (heard: Heard) => number) => all.reduce((total, heard) => total + of(heard), 0);
  const quanta = [...new Set(all.map(({ quantum }) => quantum))].join(", ");
  const [half, most] = [0.5, 0.95].map((part) => quantile(delaysMs, part).toFixed(1));
  const [lost, gaps] = [sum((heard) => heard.lost), sum((heard) => heard.gaps)];
  return [name, quanta, half, most, lost, gaps, sum((heard) => heard.seconds).toFixed(0)].join("\t");
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? NaN;
}
