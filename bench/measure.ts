import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";
import { usage } from "./processes.ts";

const out = path.resolve(import.meta.dirname, "out");

/** Where browsers save. */
export const downloads = path.join(out, "downloads");

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
  /** How many bytes all processes of the browser had at most, from the page at rest to the whole file. */
  readonly peak: number;
  /** By how many bytes it grew while the file was saved: from when all was ready, and at rest. */
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

/**
 * A browser with a profile of its own on disk: a private window would keep in memory what it stores.
 *
 * Nobody listens to its network: for a debugger that does, Chromium keeps another copy of every answer below some
 * 20 MB, in new memory. It took 3.5 times the CPU of reading the same bytes in ranges of 16 MiB, and next to nothing
 * in ranges of 64 MiB. Playwright always listens.
 */
export async function launch(profile = path.join(out, "profile")): Promise<Browser> {
  return await puppeteer.launch({
    executablePath: chromiumPath,
    args: chromiumArgs,
    // Frames in a sandbox, as the preview is one, have processes of their own, as people's browsers give them.
    ignoreDefaultArgs: puppeteer.defaultArgs().filter((arg) => arg.startsWith("--disable-features=")),
    userDataDir: profile,
    defaultViewport: { width: 960, height: 600 },
    networkEnabled: false,
    protocolTimeout: 0,
  });
}

/** What `contender` costs in a new browser. Throws unless the file comes to `size` bytes. */
export async function cost(contender: Contender, size: number): Promise<Cost> {
  const browser = await launch();
  try {
    return await costIn(browser, contender, size);
  } finally {
    await browser.close();
    tidy();
  }
}

/** The same in a browser that runs. */
export async function costIn(browser: Browser, contender: Contender, size: number): Promise<Cost> {
  const page = await browser.newPage();
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
  const root = browser.process()?.pid ?? 0;
  let peak = 0;
  let growth = 0;
  let before = Infinity; // not ready yet
  const sampling = setInterval(() => {
    const { memory } = usage(root);
    peak = Math.max(peak, memory);
    growth = Math.max(growth, memory - before);
  }, SAMPLING);
  try {
    await contender.prepare?.(page);
    await new Promise((later) => setTimeout(later, SETTLING));
    const { cpu, memory } = usage(root);
    before = memory;
    const started = performance.now();
    const saved = await contender.save(page);
    const seconds = (performance.now() - started) / 1000;
    if (saved !== size) throw new Error(`${contender.name} saved ${saved} of ${size} bytes`);
    const tasks = await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
    return {
      seconds,
      cpu: usage(root).cpu - cpu,
      peak,
      growth,
      stall: Math.max(0, ...tasks),
    };
  } finally {
    clearInterval(sampling);
    await page.close();
  }
}

/** The file that `act` makes the browser download, once it is whole. */
export async function downloaded(page: Page, act: () => Promise<unknown>): Promise<string> {
  mkdirSync(downloads, { recursive: true });
  const session = await page.browser().target().createCDPSession();
  try {
    const behavior = { behavior: "allowAndName", downloadPath: downloads, eventsEnabled: true } as const;
    await session.send("Browser.setDownloadBehavior", behavior);
    const ended = new Promise<string>((resolve, reject) => {
      session.on("Browser.downloadProgress", ({ guid, state }) => {
        if (state === "completed") resolve(path.join(downloads, guid));
        else if (state === "canceled") reject(new Error("the download was cancelled"));
      });
    });
    await Promise.all([ended, act()]);
    return await ended;
  } finally {
    await session.detach();
  }
}

/** Remove what browsers have written. */
export function tidy(): void {
  for (const name of ["profile", "downloads"]) rmSync(path.join(out, name), { recursive: true, force: true });
}
