import { type ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

/** Resolves when a program has ended, with how it ended in words; never rejects. */
export function endOf(name: string, child: ChildProcess): Promise<string> {
  return new Promise((ended) => {
    child.once("error", (error) => ended(`${name} did not start: ${error.message}`));
    child.once("exit", (code, signal) => ended(`${name} ended with ${signal ?? `exit code ${code}`}`));
  });
}

/** End a program: by SIGTERM, after five seconds by SIGKILL, and then what is left in its process group. */
export async function end(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill("SIGTERM");
  const over = new AbortController();
  const late = delay(5000, "late", { signal: over.signal }).catch(() => "");
  if ((await Promise.race([ended, late])) === "late") child.kill("SIGKILL");
  over.abort();
  await ended;
  if (child.pid !== undefined) endGroup(child.pid);
}

/** End what is left of the process group of a program that was started `detached`. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // There is no such group, or none of ours in it: it has ended already, or was never one.
  }
}
