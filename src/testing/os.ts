import { spawn, spawnSync } from "node:child_process";
import path from "node:path";

/** What came of running the command line. */
export interface Ran {
  /** Its exit code; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as a process of its own, in a folder. */
export function osIn(folder: string) {
  const main = path.join(import.meta.dirname, "../../bin/os.ts");
  const command = [process.execPath, "--import", import.meta.resolve("tsx"), main];
  const spawned = { cwd: folder, encoding: "utf8" } as const;

  /** Run it, and wait: nothing else of this process goes on, no server either. */
  function os(...args: string[]): Ran {
    const { status, stdout, stderr } = spawnSync(command[0]!, [...command.slice(1), ...args], spawned);
    return { status, stdout, stderr };
  }

  function start(...args: string[]) {
    const child = spawn(command[0]!, [...command.slice(1), ...args], spawned);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => (stdout += String(text)));
    child.stderr.on("data", (text) => (stderr += String(text)));
    const ended = new Promise<Ran>((resolve) => {
      child.on("close", (status) => resolve({ status, stdout, stderr }));
    });
    return { process: child, ended };
  }

  /** Run it beside this process. */
  const osAsync = (...args: string[]): Promise<Ran> => start(...args).ended;
  return { command, os, start, osAsync };
}
