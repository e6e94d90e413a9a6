import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { chromium, type BrowserContext, type Download, type Page } from "playwright";
import config from "../e2e/playwright.config.ts";
import { usage } from "./processes.ts";

const out = path.resolve(import.meta.dirname, "out");

/** How long a page is left alone before it is measured, in milliseconds. */
const SETTLING = 2000;

/** How often memory is looked at, in milliseconds. */
const SAMPLING = 200;

/** What one way to save a file cost. */
export interface Cost {
  /** From the key or the click to the whole file. */
  readonly seconds: number;
  /** Of all processes of the browser, meanwhile. */
  readonly cpu: number;
  /** By how many bytes the browser grew at most, from its page at rest. */
  readonly growth: number;
  /** The longest task of the page's thread in milliseconds; 0 when all were below 50. */
  readonly stall: number;
}

/** A way to save a file. */
export interface Contender {
  readonly name: string;
  /** The page that saves. */
  readonly url: string;
  /** Before the page loads. */
  setUp?(page: Page): Promise<void>;
  /** All that a person waits for before they say when to begin. */
  prepare?(page: Page): Promise<void>;
  /** Resolves when the file is whole, to its size in bytes. */
  save(page: Page): Promise<number>;
}

/** A browser with a profile of its own on disk: a private window would keep in memory what it stores. */
export async function launch(profile = path.join(out, "profile")): Promise<BrowserContext> {
  return await chromium.launchPersistentContext(profile, {
    ...config.use?.launchOptions,
    viewport: config.use?.viewport ?? null,
    downloadsPath: path.join(out, "downloads"),
  });
}

/** What `contender` costs in a new browser. Throws unless the file comes to `size` bytes. */
export async function cost(contender: Contender, size: number): Promise<Cost> {
  const context = await launch();
  try {
    return await costIn(context, contender, size);
  } finally {
    await context.close();
    tidy();
  }
}

/** The same in a browser that runs. */
export async function costIn(context: BrowserContext, contender: Contender, size: number): Promise<Cost> {
  const page = await context.newPage();
  await contender.setUp?.(page);
  await page.goto(contender.url);
  await page.evaluate(() => {
    const tasks: number[] = ((window as unknown as { tasks: number[] }).tasks = []);
    const observer = new PerformanceObserver((list) =>
      tasks.push(...list.getEntries().map((entry) => entry.duration)),
    );
    observer.observe({ type: "longtask" });
  });
  execFileSync("sync"); // what the last one wrote is not this one's burden
  await new Promise((later) => setTimeout(later, SETTLING));
  const root = browserProcess();
  const { memory } = usage(root);
  let peak = memory;
  const sampling = setInterval(() => (peak = Math.max(peak, usage(root).memory)), SAMPLING);
  try {
    await contender.prepare?.(page);
    const { cpu } = usage(root);
    const started = performance.now();
    const saved = await contender.save(page);
    const seconds = (performance.now() - started) / 1000;
    if (saved !== size) throw new Error(`${contender.name} saved ${saved} of ${size} bytes`);
    const tasks = await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
    return {
      seconds,
      cpu: usage(root).cpu - cpu,
      growth: peak - memory,
      stall: Math.max(0, ...tasks),
    };
  } finally {
    clearInterval(sampling);
    await page.close();
  }
}

/** The file that `act` makes the browser download, once it is whole. */
export async function downloaded(page: Page, act: () => Promise<unknown>): Promise<string> {
  const downloading = page.waitForEvent("download", { timeout: 0 });
  await act();
  const download: Download = await downloading;
  const failure = await download.failure();
  if (failure) throw new Error(failure);
  return await download.path();
}

/** Remove what browsers have written. */
export function tidy(): void {
  for (const name of ["profile", "downloads"]) rmSync(path.join(out, name), { recursive: true, force: true });
}

/** Chromium's first process: our only child of that name. */
function browserProcess(): number {
  const ids = execFileSync("pgrep", ["-P", String(process.pid), "chrom"], { encoding: "utf8" }).trim();
  return Number(ids.split("\n")[0]);
}
