import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { firstOf } from "./browser.ts";

const xvfb = firstOf("/usr/bin/Xvfb");

export const missingDisplay = xvfb ? undefined : "no Xvfb: install xvfb";

/** A display that nobody sees. */
export interface Display extends AsyncDisposable {
  /** For `DISPLAY`. */
  readonly name: string;
  /** A window, once it shows, by a part of its title; in pixels. */
  find(title: string): Promise<{ x: number; y: number; width: number; height: number }>;
  click(x: number, y: number): Promise<void>;
  /** Put all of it into `file`, a PNG. */
  picture(file: string): Promise<void>;
}

/** How long a window may take to show, in milliseconds. */
const PATIENCE = 20_000;

/** Start one of 1280×900, with a free number. */
export async function openDisplay(): Promise<Display> {
  const server = spawn(xvfb!, ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const [number] = (await once(server.stdio[3]!, "data")) as [Buffer];
  const name = `:${number.toString().trim()}`;
  const xdotool = async (...args: string[]) => {
    const env = { ...process.env, DISPLAY: name };
    return (await promisify(execFile)("xdotool", args, { env, timeout: PATIENCE })).stdout;
  };
  return {
    name,
    async find(title) {
      const search = ["search", "--sync", "--onlyvisible", "--name", title];
      const shell = await xdotool(...search, "getwindowgeometry", "--shell");
      const value = (key: string) => Number(new RegExp(`^${key}=(\\d+)$`, "m").exec(shell)?.[1]);
      return { x: value("X"), y: value("Y"), width: value("WIDTH"), height: value("HEIGHT") };
    },
    async click(x, y) {
      await xdotool("mousemove", String(x), String(y), "click", "1");
    },
    async picture(file) {
      const command = 'xwd -root -silent -display "$0" | xwdtopnm -quiet | pnmtopng -quiet > "$1"';
      await promisify(execFile)("sh", ["-c", command, name, file], { timeout: PATIENCE });
    },
    [Symbol.asyncDispose]: () => end(server),
  };
}

/** End a process, and wait until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, "exit");
  child.kill();
  await over;
}
