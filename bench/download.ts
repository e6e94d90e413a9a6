import { execFileSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import path from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { answerFile } from "../dev/files.ts";
import { listen } from "../dev/server.ts";
import { buildOs, serveBase, serveOven, serveStage } from "../dev/start.ts";
import config from "../e2e/playwright.config.ts";
import { largeBase } from "./base.ts";
import { usage } from "./processes.ts";

// `npm run bench`: a build on a base of 1 GiB (or of as many MiB as the first argument says), against
// Chromium's own download of a finished file of that size, and against the npm package StreamSaver saving
// it, all from the same server, in turn, three times each. Prints medians and ratios to Chromium's own; the
// machine may be busy, so only the ratios mean much.

const size = Number(process.argv[2] ?? 1024) * 1024 * 1024;
const ROUNDS = 3;
const root = path.resolve(import.meta.dirname, "..");
const folder = path.join(root, "bench/out", `base-${size}`);

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
const saver = await serveStreamSaver();

const contenders = [
  { name: "own download", url: site.url, act: ownDownload, runs: [] as Run[] },
  { name: "os build", url: site.url, act: ourBuild, runs: [] as Run[] },
  { name: "StreamSaver", url: saver.url, act: streamSaverDownload, runs: [] as Run[] },
];
for (let round = 0; round < ROUNDS; round++) {
  for (const { url, act, runs } of contenders) runs.push(await measure(url, act));
}
for (const server of [saver, site, oven, base]) await server.close();

console.log(`\n\n${size / 2 ** 20} MiB, medians of ${ROUNDS}, and their ratio to Chromium's own download\n`);
console.log(["".padEnd(24), ...contenders.map(({ name }) => name.padEnd(18))].join(""));
row("seconds", "seconds", 1);
row("CPU seconds", "cpu", 1);
row("memory growth, MB", "growth", 1e6);
row("longest stall, ms", "stall", 1);

async function measure(url: string, act: (page: Page) => Promise<void>): Promise<Run> {
  const downloadsPath = path.join(root, "bench/out/downloads");
  const browser: Browser = await chromium.launch({ ...config.use?.launchOptions, downloadsPath });
  const page = await browser.newPage();
  await page.goto(url);
  await page.evaluate(() => {
    const all = ((window as unknown as { tasks: number[] }).tasks = []) as number[];
    new PerformanceObserver((list) => all.push(...list.getEntries().map((entry) => entry.duration))).observe({
      type: "longtask",
    });
  });
  await new Promise((later) => setTimeout(later, 2000));
  const browserId = browserProcess();
  const before = usage(browserId);
  let peak = before.memory;
  const sampling = setInterval(() => (peak = Math.max(peak, usage(browserId).memory)), 250);
  const started = performance.now();
  const downloading = page.waitForEvent("download", { timeout: 0 });
  await act(page);
  const download = await downloading;
  const failure = await download.failure();
  if (failure) throw new Error(failure);
  const seconds = (performance.now() - started) / 1000;
  clearInterval(sampling);
  const cpu = usage(browserId).cpu - before.cpu;
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

/** As the package's README says: the page reads, and writes into StreamSaver's stream. */
async function streamSaverDownload(page: Page): Promise<void> {
  await page.evaluate((url) => {
    const { streamSaver } = window as unknown as { streamSaver: typeof import("streamsaver") };
    streamSaver.mitm = "/streamsaver/mitm.html";
    const saving = fetch(url).then((response) =>
      response.body?.pipeTo(
        streamSaver.createWriteStream("saver.img", { size: Number(response.headers.get("Content-Length")) }),
      ),
    );
    saving.catch((error: unknown) => console.error(error));
  }, `${base.url}/base.img`);
}

/** The package as it is, on an origin of its own, with the polyfill that it asks for. */
function serveStreamSaver() {
  const scripts = ["web-streams-polyfill/dist/ponyfill.js", "streamsaver/StreamSaver.js"];
  const html = `<!doctype html>${scripts.map((file) => `<script src="/${file}"></script>`).join("")}`;
  return listen("StreamSaver", 0, async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://any");
    if (await answerFile(path.join(root, "node_modules"), pathname, request, response)) return;
    response.setHeader("Content-Type", "text/html");
    response.end(html);
  });
}

/** Chromium's first process: our only child of that name. */
function browserProcess(): number {
  const ids = execFileSync("pgrep", ["-P", String(process.pid), "chrom"], { encoding: "utf8" }).trim();
  return Number(ids.split("\n")[0]);
}

function row(title: string, key: keyof Run, unit: number): void {
  const values = contenders.map(({ runs }) => median(runs.map((run) => run[key])));
  const cells = values.map((value, i) => {
    const ratio = i > 0 && key !== "stall" ? ` (${(value / (values[0] ?? 0)).toFixed(2)})` : "";
    return `${(value / unit).toFixed(1)}${ratio}`.padEnd(18);
  });
  console.log([title.padEnd(24), ...cells].join(""));
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
