import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { acBundle } from "../src/testing/ac-bundle.ts";
import { startKioskBrowser } from "../src/testing/kiosk-browser.ts";
import { usage } from "./processes.ts";

// `npm run test:day`: whether a kiosk that nobody touches for a day needs more and more. The kiosk's own browser, without a
// screen, with an animated bundle of AC's shape, watched over as the session does, for hours:
//
//   npm run test:day -- [--hours 24] [--every 60] [--most 16]
//
// Every so many seconds a line: the browser's and the session's memory, the page's heap, open files, and what lies in the
// profile. It fails when the browser or the session is lost, when frames no longer come, and when over the second half of
// the time anything grows by more than `--most` (MiB an hour, of memory and of the profile; files: `FILES_AN_HOUR`). Growth is the
// median slope between all pairs of lines (Theil-Sen), which a single line out of line does not move.

const { values: options } = parseArgs({
  options: {
    hours: { type: "string", default: "24" },
    every: { type: "string", default: "60" },
    most: { type: "string", default: "16" },
  },
});
const [hours, everySeconds, most] = [options.hours, options.every, options.most].map(Number) as [
  number,
  number,
  number,
];
if (!(hours > 0 && everySeconds >= 1 && most > 0 && (hours * 3600) / everySeconds >= 8))
  throw new RangeError("--hours and --most take numbers above 0, --every seconds, for at least eight lines");

const MIB = 1024 * 1024;
const FILES_AN_HOUR = 8;

/** Draws, plays, writes to its console and keeps a little, as pieces do, and tells how much heap it has. */
const PIECE = `// day, 2026
// Does a little of everything, for a day.
let sound, drops = [];
function boot() {
  sound = new AudioContext();
  const tell = () =>
    fetch(\`/heard?\${performance.memory.usedJSHeapSize} \${standIn.frames}\`).finally(() => setTimeout(tell, ${everySeconds * 1000}));
  setTimeout(tell, ${everySeconds * 1000});
}
function paint({ wipe, ink, box, paintCount, screen }) {
  wipe(0, 0, 64);
  drops.push({ x: (paintCount * 37) % screen.width, y: 0, trail: new Array(64).fill(paintCount) });
  drops = drops.filter((drop) => (drop.y += 2) < screen.height);
  for (const { x, y } of drops) ink(255, 255, y % 256), box(x, y, 4, 4);
  if (paintCount % 60 === 0) {
    console.log("a minute of frames", paintCount, { drops: drops.length });
    console.error(new Error("nobody to log in with " + paintCount));
    localStorage.setItem("painted", paintCount);
    const tone = new OscillatorNode(sound, { frequency: 220 + (paintCount % 440) });
    tone.connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.1);
  }
}
export { boot, paint };
`;

/** What is looked at, and how much more of it an hour is too much. */
const KINDS = {
  browser: most * MIB,
  session: most * MIB,
  heap: most * MIB,
  profile: most * MIB,
  files: FILES_AN_HOUR,
} as const;
type Kind = keyof typeof KINDS;
interface Sample extends Record<Kind, number> {
  readonly hour: number;
  readonly frames: number;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const samples: Sample[] = [];
await using kiosk = await startKioskBrowser(acBundle({ piece: "day", source: PIECE }), {
  timeoutSeconds: 300,
  flags: ["--enable-precise-memory-info"],
});
await kiosk.browser.shown;
let why: string | undefined;
void kiosk.browser.lost.then((reason) => (why = reason));
const startedAt = performance.now();
const leader = Number(readlinkSync(join(kiosk.profile, "SingletonLock")).split("-").at(-1)); // host-process
while (performance.now() - startedAt < hours * 3_600_000) {
  const [heap = 0, frames = 0] = (await heard()).split(" ").map(Number);
  const { memory, files } = usage(leader);
  const sample = {
    hour: (performance.now() - startedAt) / 3_600_000,
    browser: memory,
    session: sessionMemory(),
    heap,
    profile: bytesIn(kiosk.profile),
    files,
    frames,
  };
  if (frames <= (samples.at(-1)?.frames ?? 0)) throw new Error(`no frame since the last line: ${frames}`);
  samples.push(sample);
  console.log(words(sample));
}

const half = samples.slice(Math.floor(samples.length / 2));
console.log("\nGrowth an hour, over the second half:");
for (const kind of Object.keys(KINDS) as Kind[]) {
  const slope = slopeOf(half.map((sample) => [sample.hour, sample[kind]]));
  const isTooMuch = slope > KINDS[kind];
  const amount = kind === "files" ? slope.toFixed(1) : `${(slope / MIB).toFixed(2)} MiB`;
  console.log(`${kind.padEnd(8)} ${amount.padStart(12)}${isTooMuch ? "  TOO MUCH" : ""}`);
  if (isTooMuch) process.exitCode = 1;
}

/** What the page says next. Throws `Error` when it says nothing for much longer than it should. */
async function heard(): Promise<string> {
  const late = new AbortController();
  const limit = delay((everySeconds * 3 + 60) * 1000, undefined, { signal: late.signal }).then(
    (): never => {
      throw new Error(`the page says nothing any more: ${why ?? "nobody knows why"}`);
    },
    () => "",
  );
  try {
    return await Promise.race([kiosk.heard(), limit]);
  } finally {
    late.abort();
  }
}

/** What this process, which is the session, holds on to: what waits to be collected is not counted. */
function sessionMemory(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function words({ hour, browser, session, heap, profile, files, frames }: Sample): string {
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  return `${(hour * 60).toFixed(1)} min: browser ${mib(browser)}, session ${mib(session)}, heap ${mib(heap)}, profile ${mib(profile)}, ${files} files open, ${frames} frames`;
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      bytes += entry.isDirectory() ? bytesIn(path) : lstatSync(path).size;
    } catch {
      // removed meanwhile
    }
  }
  return bytes;
}

/** The median of the slopes between all pairs of points. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const slopes = points.flatMap(([x, y], i) => points.slice(i + 1).map(([u, v]) => (v - y) / (u - x)));
  return slopes.sort((one, other) => one - other)[Math.floor(slopes.length / 2)] ?? 0;
}
