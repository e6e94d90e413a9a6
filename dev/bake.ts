import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";

const script = path.resolve(import.meta.dirname, "../base/build/build.sh");
const logs = path.resolve(import.meta.dirname, "../base/out");

/** How a bake ended: the last line of a failed one says why. */
export type Baked =
  | { readonly kind: "built" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly why: string; readonly log: string };

/** A base image that is being made beside everything else. */
export interface Bake {
  /** Never rejects. */
  readonly done: Promise<Baked>;
  /** End it, with every process that it has started. What it has downloaded stays for the next time. */
  stop(): void;
}

interface BakeOptions {
  /** What makes a base image, given the flavor, and says its steps: seconds, `s`, and the step's file. */
  readonly build?: string;
  /** Where the log goes, as `FLAVOR.log`. */
  readonly folder?: string;
  /** Hears of each step as it begins: its name, the how many-th it is, and how many `build` has. */
  readonly onStep?: (step: string, number: number, total: number) => void;
}

/** Bake `flavor`, at low priority; all that it says goes to a log. */
export async function bake(
  flavor: string,
  { build = script, folder = logs, onStep = () => {} }: BakeOptions = {},
): Promise<Bake> {
  await mkdir(folder, { recursive: true });
  const total = (await readFile(build, "utf8")).match(/^step \S/gm)?.length ?? 0;
  let number = 0;
  const log = path.join(folder, `${flavor}.log`);
  const file = createWriteStream(log).on("error", () => {}); // a build goes on without its log
  // In a process group of its own, so that all of it can be ended: a shell does not take its children with it
  const child = spawn("nice", ["bash", build, flavor], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let last = "it could not be started";
  let stopped = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(file, { end: false });
    createInterface({ input: stream }).on("line", (line) => {
      if (line.trim()) last = line.trim();
      const [, step] = /^ *\d+ s {2}(\S+)\.sh$/.exec(line) ?? [];
      if (step !== undefined) onStep(step, ++number, total);
    });
  }
  const done = new Promise<Baked>((resolve) => {
    child.once("error", (error) => resolve({ kind: "failed", why: error.message, log }));
    child.once("close", (code) => {
      file.end();
      resolve(
        stopped ? { kind: "stopped" } : code === 0 ? { kind: "built" } : { kind: "failed", why: last, log },
      );
    });
  });
  return {
    done,
    stop() {
      if (stopped || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      stopped = true;
      process.kill(-child.pid, "SIGTERM");
    },
  };
}
