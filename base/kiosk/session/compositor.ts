import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Screen } from "../../../src/bundle/density.ts";
import { end, endOf } from "./processes.ts";
import type { Settings } from "../../../src/settings/settings.ts";
import { settingsCommands } from "./settings.ts";
import { command, followBindings, focusedWorkspace, outputs } from "./sway.ts";

/** A running Wayland compositor. */
export interface Compositor {
  /** What a program needs in its environment to show itself there. */
  readonly environment: NodeJS.ProcessEnv;
  /** The screen's size in its own pixels. */
  readonly screen: Screen;
  /** How it ended, when it does; never throws. */
  readonly ended: Promise<string>;
  /** Call `onKey` for each of the keys that lead out of a piece of AC's: its configuration has them. */
  followKeys(onKey: () => void): void;
  /** Show the bar of that name above all windows, or take it away. Throws `Error` when sway refuses. */
  showBar(id: string, visible: boolean): Promise<void>;
  /** Put windows on the screen, where they stay: until then there is the splash alone. Throws `Error` when sway refuses. */
  reveal(): Promise<void>;
  /** From now on have windows come where nobody sees them; also one that the screen waits for. Throws as `reveal`. */
  makeRoom(): Promise<void>;
  /** Show those; what is on the screen stays as it is, behind. Resolves with what brings that back. Throws as `reveal`. */
  showRoom(): Promise<() => Promise<void>>;
  /** How the picture is now: turned by so many degrees, and so much larger. */
  picture(): Promise<{ readonly rotation: number; readonly scale: number }>;
  /** Have keyboards and picture be as `settings` says, at once. Throws `Error` when sway refuses. */
  apply(settings: Settings): Promise<void>;
  /** End it. */
  stop(): Promise<void>;
}

/** How a compositor is started. */
interface CompositorOptions {
  /** A file for sway(5). */
  readonly config: string;
  /** Whether graphics drivers are used. */
  readonly accelerated: boolean;
  /** How long it may take to start. */
  readonly timeoutSeconds: number;
}

/** The command of those keys, which does nothing. */
const LEAVE = "nop leave";

/** There is no compositor, and so nothing on the screen. */
export class CompositorError extends Error {
  override readonly name = "CompositorError";
}

/**
 * Start sway, with the splash as its background. Until `reveal`, windows are drawn on a virtual output of the screen's
 * size, so that nobody watches a browser start. (A fullscreen window cannot be made transparent in sway, and one that is
 * not drawn does not paint.) Throws `CompositorError` when sway ends or has not started within `timeoutSeconds`.
 */
export async function startCompositor(options: CompositorOptions): Promise<Compositor> {
  const runtime = process.env.XDG_RUNTIME_DIR ?? "/run/user/1000";
  const socket = join(runtime, "kiosk.sway");
  const ready = join(runtime, "kiosk.display"); // its configuration has sway write its display's name there
  for (const stale of [socket, ready]) await rm(stale, { force: true }); // sway would choose another socket
  const environment: NodeJS.ProcessEnv = { ...process.env, SWAYSOCK: socket, KIOSK_READY: ready };
  if (!options.accelerated) environment.WLR_RENDERER = "pixman";
  const sway = spawn("sway", ["--unsupported-gpu", "--config", options.config], {
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = endOf("sway", sway);
  const stop = () => end(sway, ended);
  let reason: string | undefined;
  void ended.then((words) => (reason = words));
  const startedAt = performance.now();
  for (;;) {
    const display = existsSync(ready) ? readFileSync(ready, "utf8") : ""; // the cheapest of ways to ask often
    if (display.endsWith("\n")) {
      environment.WAYLAND_DISPLAY = display.trim();
      break;
    }
    if (reason !== undefined) throw new CompositorError(reason);
    if (performance.now() - startedAt > options.timeoutSeconds * 1000) {
      await stop();
      throw new CompositorError(`sway has not started within ${options.timeoutSeconds} s`);
    }
    await delay(50);
  }
  try {
    const { screen, reveal } = await hide(socket);
    const showBar = (id: string, visible: boolean) =>
      command(socket, `bar ${id} mode ${visible ? "overlay" : "invisible"}`);
    const followKeys = (onKey: () => void) => {
      const follow = (words: string) => {
        if (words === LEAVE) onKey();
      };
      followBindings(socket, follow).catch(() => {}); // sway has ended
    };
    return { environment, screen, ended, followKeys, showBar, reveal, ...whileRunning(socket, reveal), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The workspace of windows of ours: what fills the screen on another one goes on filling that. */
const OURS = "settings";

/** What can be asked of sway as long as it runs. */
function whileRunning(
  socket: string,
  reveal: () => Promise<void>,
): Pick<Compositor, "makeRoom" | "showRoom" | "picture" | "apply"> {
  const firstOutput = async () => (await outputs(socket)).find(({ active }) => active);
  return {
    makeRoom: async () => {
      await reveal(); // of a piece that has not come yet
      await command(socket, `assign [all] workspace ${OURS}`);
    },
    showRoom: async () => {
      const before = await focusedWorkspace(socket);
      await command(socket, `workspace ${OURS}`);
      const isName = before !== undefined && before !== OURS && /^\w+$/.test(before);
      return async () => await command(socket, `workspace ${isName ? before : "back_and_forth"}`);
    },
    picture: async () => {
      const output = await firstOutput();
      return { rotation: Number.parseInt(output?.transform ?? "") || 0, scale: output?.scale ?? 1 };
    },
    apply: async (settings) => {
      // Each command is carried out at once, and a variant is of its own layout alone
      if (settings.keyboard) await command(socket, 'input type:keyboard xkb_variant ""');
      for (const words of settingsCommands(settings)) await command(socket, words);
      const output = await firstOutput();
      if (settings.rotation !== undefined && output) await turnTouch(socket, output.name);
    },
  };
}

/** Of touch screens and tablets sway turns only what is built in along with the picture. */
async function turnTouch(socket: string, output: string): Promise<void> {
  for (const type of ["touch", "tablet_tool"]) {
    await command(socket, `input type:${type} map_to_output "${output}"`);
  }
}

/** Have windows drawn on a virtual output, of the screen's size; `reveal` moves them to the screen. */
async function hide(socket: string): Promise<{ screen: Screen; reveal(): Promise<void> }> {
  const before = await outputs(socket);
  const screen = before.find(({ active }) => active);
  await command(socket, "create_output");
  const hidden = (await outputs(socket)).find(({ name }) => before.every((output) => output.name !== name));
  if (!hidden) throw new CompositorError("sway has made no output to start on");
  const { width, height } = screen?.current_mode ?? { width: 1280, height: 720 };
  const like = `mode --custom ${width}x${height} scale ${screen?.scale ?? 1} transform ${screen?.transform ?? "normal"}`;
  await command(socket, `output ${hidden.name} ${like} position 30000 30000`); // out of the pointer's reach
  await command(socket, `assign [all] output ${hidden.name}`);
  if (screen && screen.transform !== "normal") await turnTouch(socket, screen.name);
  let isRevealed = false;
  const reveal = async () => {
    if (isRevealed) return;
    isRevealed = true;
    const first = (await outputs(socket)).find(({ name, active }) => active && name !== hidden.name);
    if (first) await command(socket, `[all] move container to output ${first.name}, focus`);
    await command(socket, `output ${hidden.name} unplug`); // what is still on it goes to another one
  };
  return { screen: { width, height }, reveal };
}
