import { execFileSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import path from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import config from "../e2e/playwright.config.ts";
import { buildOs, serveBase, serveOven, serveStage } from "../dev/start.ts";

import { largeBase } from "./base.ts";
import { usage } from "./processes.ts";

// `npm run bench`: a build on a base of 1 GiB (or of as many MiB as the first argument says), against
// Chromium's own download of a finished file of that size from the same server, alternating, three times
// each. Prints medians and ratios; the machine may be busy, so only the ratios mean much.

const size = Number(process.argv[2] ?? 1024) * 1024 * 1024;
const ROUNDS = 3;
const folder = path.join(import.meta.dirname, "out", `base-${size}`);

interface Run {
  seconds: number;
  cpu: number;
  growth: number;
  stall: number;
}

await largeBase(folder, size);
await buildOs();
const base = await serveBase(folder);
const oven = await serveOven();
const site = await serveStage({ latest: `${base.url}/manifest.json`, oven: oven.url });
const runs: { ours: Run[]; own: Run[] } = { ours: [], own: [] };
for (let round = 0; round < ROUNDS; round++) {
  runs.own.push(await measure(ownDownload));
  runs.ours.push(await measure(ourBuild));
}
for (const server of [site, oven, base]) await server.close();

console.log(`\n${(size / 2 ** 20).toFixed(0)} MiB, medians of ${ROUNDS}     own download   os build   ratio`);
row("seconds", "seconds", 1);
row("CPU seconds", "cpu", 1);
row("memory growth, MB", "growth", 1e6);
console.log(
  `longest stall of the page's thread: ${Math.max(...runs.ours.map((run) => run.stall)).toFixed(0)} ms`,
);

async function measure(what: (page: Page) => Promise<void>): Promise<Run> {
  const downloadsPath = path.join(import.meta.dirname, "out", "downloads");
  const browser: Browser = await chromium.launch({ ...config.use?.launchOptions, downloadsPath });
  const page = await browser.newPage();
  await page.goto(site.url);
  await page.evaluate(() => {
    const all = ((window as unknown as { tasks: number[] }).tasks = []) as number[];
    new PerformanceObserver((list) => all.push(...list.getEntries().map((entry) => entry.duration))).observe({
      type: "longtask",
    });
  });
  await new Promise((later) => setTimeout(later, 2000));
  const root = browserProcess();
  const before = usage(root);
  let peak = before.memory;
  const sampling = setInterval(() => (peak = Math.max(peak, usage(root).memory)), 250);
  const started = performance.now();
  const downloading = page.waitForEvent("download", { timeout: 0 });
  await what(page);
  const download = await downloading;
  const failure = await download.failure();
  if (failure) throw new Error(failure);
  const seconds = (performance.now() - started) / 1000;
  clearInterval(sampling);
  const cpu = usage(root).cpu - before.cpu;
  const saved = statSync(await download.path()).size;
  if (Math.abs(saved - size) > 8 * 2 ** 20) throw new Error(`${saved} bytes saved`);
  const tasks = await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
  await browser.close();
  rmSync(downloadsPath, { recursive: true, force: true });
  process.stdout.write(".");
  return { seconds, cpu, growth: peak - before.memory, stall: Math.max(0, ...tasks) };
}

async function ownDownload(page: Page): Promise<void> {
  await page.evaluate((url) => {
    const link = document.createElement("a");
    link.href = url;
    link.download = "own.img";
    link.click();
  }, `${base.url}/base.img?download`);
}

async function ourBuild(page: Page): Promise<void> {
  await page.keyboard.type("os notepat");
  await page.keyboard.press("Enter");
}

/** Chromium's first process: our only child of that name. */
function browserProcess(): number {
  const ids = execFileSync("pgrep", ["-P", String(process.pid), "chrom"], { encoding: "utf8" }).trim();
  return Number(ids.split("\n")[0]);
}

function row(name: string, key: "seconds" | "cpu" | "growth", unit: number): void {
  const [own, ours] = [runs.own, runs.ours].map((all) => median(all.map((run) => run[key])));
  const cell = (value: number) => (value / unit).toFixed(1).padStart(12);
  console.log(
    `${name.padEnd(24)}${cell(own ?? 0)}${cell(ours ?? 0)}${((ours ?? 0) / (own ?? 0)).toFixed(2).padStart(9)}`,
  );
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
