import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { firstOf } from "./browser.ts";

const xvfb = firstOf("/usr/bin/Xvfb");

export const missingDisplay = xvfb ? undefined : "no Xvfb: install xvfb";

/** A display that nobody sees. */
export interface Display extends AsyncDisposable {
  /** For `DISPLAY`. */
  readonly name: string;
}

/** Start one of 1280×900, with a free number. */
export async function openDisplay(): Promise<Display> {
  const server = spawn(xvfb!, ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const [number] = (await once(server.stdio[3]!, "data")) as [Buffer];
  return { name: `:${number.toString().trim()}`, [Symbol.asyncDispose]: () => end(server) };
}

/** End a process, and wait until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, "exit");
  child.kill();
  await over;
}
