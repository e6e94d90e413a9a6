import { execFile, spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { end, endOf } from "./processes.ts";

const run = promisify(execFile);

/** A running Wayland compositor. */
export interface Compositor {
  /** What a program needs in its environment to show itself there. */
  readonly environment: NodeJS.ProcessEnv;
  /** How it ended, when it does; never throws. */
  readonly ended: Promise<string>;
  /** Put windows on the screen: until then there is the splash alone. */
  reveal(): Promise<void>;
  stop(): Promise<void>;
}

export interface CompositorOptions {
  /** A file for sway(5). */
  readonly config: string;
  readonly accelerated: boolean;
  /** In seconds: so long it may take to be there. */
  readonly patience: number;
}

/** Why there is no compositor, and so nothing on the screen. */
export class CompositorError extends Error {
  override readonly name = "CompositorError";
}

/** What swaymsg(1) tells of an output. */
interface Output {
  readonly name: string;
  readonly scale: number;
  readonly transform: string;
  readonly current_mode?: { readonly width: number; readonly height: number };
}

/**
 * Start sway, with the splash as its background. Until `reveal`, windows are drawn on an output that is on no
 * screen, of the screen's size: a browser that starts is no sight. (A fullscreen window cannot be made transparent
 * in sway, and one that is not drawn does not paint.) Throws `CompositorError` when sway ends or is not there in time.
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
  let how: string | undefined;
  void ended.then((words) => (how = words));
  const started = performance.now();
  for (;;) {
    const display = await readFile(ready, "utf8").catch(() => "");
    if (display.endsWith("\n")) {
      environment.WAYLAND_DISPLAY = display.trim();
      break;
    }
    if (how !== undefined) throw new CompositorError(how);
    if (performance.now() - started > options.patience * 1000) {
      await stop();
      throw new CompositorError(`sway was not there within ${options.patience} s`);
    }
    await delay(50);
  }
  const swaymsg = (...words: string[]) =>
    run("swaymsg", ["--socket", socket, ...words], { env: environment });
  const outputs = async () =>
    JSON.parse((await swaymsg("--raw", "--type", "get_outputs")).stdout) as Output[];
  const before = await outputs();
  const [screen] = before;
  await swaymsg("create_output");
  const hidden = (await outputs()).find(({ name }) => before.every((output) => output.name !== name));
  if (!hidden) throw new CompositorError("sway has made no output to start on");
  const { width, height } = screen?.current_mode ?? { width: 1280, height: 720 };
  const like = `mode --custom ${width}x${height} scale ${screen?.scale ?? 1} transform ${screen?.transform ?? "normal"}`;
  await swaymsg(`output ${hidden.name} ${like} position 30000 30000`); // out of the pointer's reach
  await swaymsg(`assign [all] output ${hidden.name}`);
  const reveal = async () => {
    const [first] = (await outputs()).filter(({ name }) => name !== hidden.name);
    if (first) await swaymsg(`[all] move container to output ${first.name}, focus`);
    await swaymsg(`output ${hidden.name} unplug`); // what is still on it goes to another one
  };
  return { environment, ended, reveal, stop };
}
