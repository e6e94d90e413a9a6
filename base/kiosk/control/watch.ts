import { spawn } from "node:child_process";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Device,
  EVENT_BYTES,
  eventsIn,
  type Hold,
  HOLD_MS,
  HoldDetector,
  kindOf,
  rangesIn,
} from "./hold.ts";

/** Where input devices are, and who asks for the ranges of one. */
export interface WatchOptions {
  /** As `/dev/input`. */
  readonly devices: string;
  /** As `/sys/class/input`. */
  readonly classes: string;
  /** A program like evtest(1), to which a device's path is given. */
  readonly evtest: string;
  readonly onHold: (hold: Hold) => void;
  readonly signal: AbortSignal;
}

/** How often it is looked for devices that have been plugged in. */
const LOOK_MS = 1000;
/** After what has been read, this long passes until more is: gamepads have news a thousand times a second. */
const PAUSE_MS = 10;
/** As many as libuv has threads for (UV_THREADPOOL_SIZE of the unit), less some: each is kept by a read that waits. */
const MOST_DEVICES = 24;
/** For evtest to say what a device has. */
const RANGES_MS = 5000;

/** Watch all input devices that there are and come to be, until `signal`; rejects when there is no folder of them. */
export async function watchHolds(options: WatchOptions): Promise<void> {
  const { devices, signal } = options;
  const watched = new Set<string>();
  while (!signal.aborted) {
    const names = await readdir(devices);
    const seen = names.filter((name) => /^event\d+$/.test(name));
    for (const name of seen) {
      if (watched.has(name) || watched.size >= MOST_DEVICES) continue;
      watched.add(name);
      // Until it is unplugged; one that cannot be opened yet, since udev has not seen to it, is tried again
      void watchDevice(name, options)
        .catch(() => "again" as const)
        .then((what) => (what === "again" ? watched.delete(name) : undefined));
    }
    // What is not of use is looked at once, and forgotten when it goes: another one may get its name
    for (const name of watched) if (!seen.includes(name)) watched.delete(name);
    await delay(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

/** Watch a device until it is gone; resolves at once, with "unused", when nothing on it counts. */
async function watchDevice(name: string, options: WatchOptions): Promise<"again" | "unused"> {
  const path = join(options.devices, name);
  const device = await deviceAt(path, join(options.classes, name, "device"), options.evtest);
  if (!device) return "unused";
  const detector = new HoldDetector(device);
  const file = await open(path, "r");
  const timer = setInterval(() => {
    const hold = detector.due(performance.now());
    if (hold !== undefined) options.onHold(hold);
  }, HOLD_MS / 20);
  try {
    const buffer = new Uint8Array(64 * EVENT_BYTES);
    while (!options.signal.aborted) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const now = performance.now();
      for (const event of eventsIn(buffer.subarray(0, bytesRead))) detector.take(event, now);
      await delay(PAUSE_MS);
    }
  } finally {
    clearInterval(timer);
    await file.close();
  }
  return "again";
}

async function deviceAt(path: string, folder: string, evtest: string): Promise<Device | undefined> {
  const text = async (name: string) => await readFile(join(folder, name), "utf8");
  const kind = kindOf({
    properties: await text("properties"),
    key: await text("capabilities/key"),
    abs: await text("capabilities/abs"),
  });
  if (kind !== "touch") return kind && { kind };
  const ranges = await askRanges(path, evtest);
  return ranges && { kind, ...ranges };
}

/** What evtest says of the axes of a touch screen; undefined when it does not. */
async function askRanges(path: string, program: string): Promise<ReturnType<typeof rangesIn>> {
  const evtest = spawn(program, [path], { stdio: ["ignore", "pipe", "ignore"], timeout: RANGES_MS });
  let text = "";
  try {
    evtest.on("error", () => {}); // then it writes nothing
    for await (const chunk of evtest.stdout.setEncoding("utf8")) {
      text += String(chunk);
      const ranges = rangesIn(text);
      if (ranges) return ranges;
    }
    return undefined;
  } finally {
    evtest.kill("SIGKILL");
  }
}
