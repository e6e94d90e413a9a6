import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { rm } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { ControlWindow } from "./control-window.ts";
import { openPage, type Page, type PageOptions } from "./page.ts";
import { end, endOf } from "./processes.ts";
import { type Event, Protocol } from "./protocol.ts";

/** How a browser is started. */
interface BrowserOptions extends Omit<PageOptions, "isOurs"> {
  /** The path of Chromium. */
  readonly program: string;
  /** A directory for its profile, emptied first. */
  readonly profile: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Whether graphics drivers are used. */
  readonly accelerated: boolean;
  /** Chromium's command line beside what it is always given. */
  readonly flags: readonly string[];
}

/** A browser with one page; `lost` also says when the browser itself has ended. */
export interface Browser extends Page {
  /** For the settings page, above the piece. */
  readonly window: ControlWindow;
  /** End the browser and its helpers. */
  stop(): Promise<void>;
}

/** What Chromium is told wherever it runs. The rest is in kiosk/rootfs/etc/chromium/policies, and what a page may use in permissions.ts. */
const FLAGS = [
  "--remote-debugging-pipe",
  "--autoplay-policy=no-user-gesture-required",
  "--force-dark-mode", // what comes before a page is dark then, too
  "--no-first-run",
  "--no-default-browser-check",
  "--noerrdialogs",
  "--hide-crash-restore-bubble",
  "--password-store=basic",
  "--overscroll-history-navigation=0",
  "--disable-background-networking",
  "--disable-background-timer-throttling",
  // Its handler runs all the same: without the program Chromium 156 ends at once, and with --disable-crashpad-for-testing
  // every helper does, which is handed a descriptor that it does not expect
  "--disable-breakpad",
  "--disable-component-extensions-with-background-pages",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-hang-monitor", // it would ask the person; we decide
  "--disable-pinch",
  "--disable-quic",
  "--disable-sync",
  // SpareRendererForSitePerProcess: one more process that starts while the piece does
  // WebUIOmniboxPopup, WebUIOmniboxAimPopup: two pages of Chromium's own, with a process, for an address bar that is not there
  // BlockMidiByDefault: with it Chromium takes all of MIDI for system exclusive messages, and one cannot be had without the
  // other; without it, too, nothing is granted but by permissions.ts
  "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,BlockMidiByDefault,SpareRendererForSitePerProcess,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
  "--enable-unsafe-swiftshader", // WebGL also where there is no graphics driver
  // A helper process that has not been connected to by then ends, and the page stays white. The usual 15 s are too
  // short on a slow machine.
  "--ipc-connection-timeout=300",
];

/** No D-Bus: nothing there is for a page, and services that Chromium asks for (UPower, NetworkManager) do not run here. */
const WITHOUT_BUS = { DBUS_SESSION_BUS_ADDRESS: "disabled:", DBUS_SYSTEM_BUS_ADDRESS: "disabled:" };

/**
 * How Chromium is told to play on a machine with that many processors. It asks for three buffers of sound ahead, of 512 frames
 * each, and PipeWire's quantum follows: half of that, and half of the time from a key to its sound (docs/measurements.md). On
 * fewer processors the page, what draws it and the sound wait for each other, and a late sound is better than a torn one.
 */
export function soundFlags(processors: number): readonly string[] {
  return processors < 4 ? [] : ["--audio-buffer-size=256"];
}

/** As a kiosk on a Wayland compositor. */
export const KIOSK_FLAGS = ["--kiosk", "--ozone-platform=wayland"];

/**
 * Start Chromium and open `url` in it. Throws `Error` when it ends, refuses a command, or has not opened the page within
 * `timeoutSeconds`.
 */
export async function startBrowser(options: BrowserOptions): Promise<Browser> {
  await rm(options.profile, { recursive: true, force: true, maxRetries: 5 }); // one may be ending there
  const software = options.accelerated ? [] : ["--disable-gpu"];
  const flags = [...FLAGS, ...software, ...options.flags, `--user-data-dir=${options.profile}`];
  const chromium = spawn(options.program, [...flags, "about:blank"], {
    env: { ...options.environment, ...WITHOUT_BUS },
    detached: true, // its helpers outlive it for a moment, and write into the profile: `end` finds them in its group
    stdio: ["ignore", "inherit", "inherit", "pipe", "pipe"], // it reads requests from 3 and answers on 4
  });
  const exited = endOf("the browser", chromium);
  const stop = () => end(chromium, exited);
  const events = new EventEmitter<{ event: [Event] }>();
  const [, , , requests, answers] = chromium.stdio;
  const protocol = new Protocol(answers as Readable, requests as Writable, (event) =>
    events.emit("event", event),
  );
  const window = new ControlWindow(protocol, events);
  void exited.then(async () => await window.close());
  const isOurs = async (targetId: string) => await window.owns(targetId);
  try {
    const page = await Promise.race([
      openPage(protocol, events, { ...options, isOurs }),
      startTimeout(options.timeoutSeconds),
    ]);
    return { ...page, window, lost: Promise.race([page.lost, exited]), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startTimeout(seconds: number): Promise<never> {
  return await new Promise((_, fail) => {
    const error = new Error(`the browser has not started within ${Math.round(seconds)} s`);
    setTimeout(() => fail(error), seconds * 1000).unref();
  });
}
