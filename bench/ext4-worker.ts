import path from "node:path";
import { chromium } from "playwright";
import config from "../e2e/playwright.config.ts";
import { build } from "vite";
import type { FilesystemOptions } from "../src/ext4/filesystem.ts";
import { usage } from "./processes.ts";

/** What the worker is asked. */
export interface Job {
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly length: number }[];
  readonly rounds: number;
  readonly options: FilesystemOptions;
}

export interface Times {
  /** Seconds of the fastest run. */
  readonly ours: number;
  readonly plain: number;
  /** Seconds of the very first run of ours. */
  readonly first: number;
}

/** Run the job in a worker of a fresh Chromium; seconds of wall and processor, and growth of memory. */
export async function inChromium(job: Job) {
  const code = await bundle("ext4-inside.ts", false);
  const server = await chromium.launchServer(config.use?.launchOptions);
  const root = server.process().pid!;
  const browser = await chromium.connect(server.wsEndpoint());
  try {
    const page = await browser.newPage();
    const measure = async (how: "ours" | "plain" | "both") => {
      const before = usage(root);
      let peak = before.memory;
      const sampling = setInterval(() => (peak = Math.max(peak, usage(root).memory)), 100);
      const times = await page.evaluate(
        ({ code: text, job: what, how: which }) =>
          new Promise<Times>((resolve, reject) => {
            const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
            const worker = new Worker(url);
            worker.addEventListener("error", (event) => reject(new Error(event.message)));
            worker.addEventListener("message", (event) => {
              worker.terminate();
              resolve(event.data as Times);
            });
            worker.postMessage({ job: what, how: which });
          }),
        { code, job, how },
      );
      clearInterval(sampling);
      return { times, cpu: usage(root).cpu - before.cpu, memory: peak - before.memory };
    };
    const { times } = await measure("both"); // wall: alternating in one worker
    const once = { ours: await measure("ours"), plain: await measure("plain") };
    const cost = (which: "ours" | "plain") => ({
      wall: times[which],
      cpu: once[which].cpu / job.rounds,
      memory: once[which].memory,
    });
    return { ours: cost("ours"), plain: cost("plain"), first: times.first };
  } finally {
    await browser.close();
    await server.close();
  }
}

/** A script of this folder in one piece, for Node or for a worker. */
export async function bundle(name: string, forNode: boolean): Promise<string> {
  const entry = path.join(import.meta.dirname, name);
  const lib = forNode
    ? ({ entry, formats: ["es"], fileName: "inside" } as const)
    : ({ entry, formats: ["iife"], name: "inside", fileName: "inside" } as const);
  const built = await build({
    configFile: false,
    logLevel: "error",
    ...(forNode ? { ssr: { noExternal: true } } : {}),
    build: {
      write: false,
      lib: { ...lib, formats: [...lib.formats] },
      ssr: forNode,
      minify: false,
      target: "es2022",
    },
  });
  for (const output of [built].flat()) {
    if ("output" in output) return output.output[0].code;
  }
  throw new Error("nothing was built");
}
