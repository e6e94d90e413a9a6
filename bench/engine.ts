import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { loadavg } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { buildOs, serveOven, serveStage, type Running } from "../dev/start.ts";
import type { Manifest } from "../src/release/manifest.ts";
import { testKey } from "../src/testing/sign.ts";
import { largeBase } from "./base.ts";
import { build, floor, ownDownload, sameBytes, streamSaver } from "./contenders.ts";
import { cost, costIn, downloaded, downloads, launch, tidy, type Contender, type Cost } from "./measure.ts";
import { serveApart, type Limits } from "./server.ts";

// `npm run bench`: what a build costs, in ratios to peers of the same run, since the machine may be busy.
//
//   npm run bench -- [--rounds 3] [--only free,capped,lanes,second] [--quick] [MiB …]     sizes: 1024 and 3072
//
// - free:    as fast as the server can, against the browser's own download of a finished file, against a service
//            worker that passes a fetch through (the floor), and against the npm package StreamSaver
// - capped:  50 MB/s in all · lanes: 20 MB/s for each connection; both at the first size
// - second:  another piece from the base that was kept, its server gone, against `cp` of the finished file, without reflinks,
//            and against a service worker that saves the same few bytes again and again; what is read is in the page
//            cache, and what is written is on the disk (fsync) for `cp` and for us
//
// In turn, a new browser with an empty profile for each, medians of all rounds.

const MIB = 2 ** 20;
const TOTAL = 50e6;
const EACH = 20e6;
const out = path.resolve(import.meta.dirname, "out");

const { values: options, positionals } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "free,capped,lanes,second" },
    quick: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const rounds = Number(options.rounds);
const parts = new Set(options.only.split(","));
const usual = options.quick ? [256] : [1024, 3072];
const sizes = (positionals.length > 0 ? positionals.map(Number) : usual).map((each) => each * MIB);

/** One line of the table of aims. */
interface Aim {
  readonly what: string;
  readonly found: number;
  readonly limit: number;
  /** Whether more is better. */
  readonly atLeast?: boolean;
}
const aims: Aim[] = [];
const growths: number[] = [];

tidy();
await buildOs();
for (const size of sizes) {
  if (parts.has("free")) await withServers(size, {}, free);
}
const [first = 0] = sizes;
if (parts.has("capped")) await withServers(first, { total: TOTAL }, capped);
if (parts.has("lanes")) await withServers(first, { each: EACH }, lanes);
for (const size of sizes) {
  if (parts.has("second")) await withServers(size, {}, second);
}
const [small, large] = growths;
if (small !== undefined && large !== undefined) {
  const what = `os: memory growth, MB, ${label(sizes.at(-1))} more than ${label(first)}`;
  aims.push({ what, found: (large - small) / 1e6, limit: 30 });
}
console.log("\nAims\n");
for (const { what, found, limit, atLeast = false } of aims) {
  const met = atLeast ? found >= limit : found <= limit;
  const sign = atLeast ? "≥" : "≤";
  console.log(`${met ? "✓" : "✗"} ${what.padEnd(64)} ${shown(found).padStart(8)}   ${sign} ${limit}`);
}

/** A base of some size, and what it takes to build on it. */
interface Setting {
  readonly base: Running;
  readonly site: Running;
  /** URL of a finished file: the base itself is as good as any. */
  readonly image: string;
  /** Of the finished file, in bytes. */
  readonly size: number;
}

async function withServers(
  size: number,
  limits: Limits,
  measure: (setting: Setting) => Promise<void>,
): Promise<void> {
  const folder = path.join(out, `base-${size}`);
  await largeBase(folder, size);
  const { image } = JSON.parse(readFileSync(path.join(folder, "manifest.json"), "utf8")) as Manifest;
  execFileSync("cat", [path.join(folder, image.url)], { stdio: "ignore" }); // from now on in the page cache
  const base = await serveApart(folder, limits);
  const oven = await serveOven();
  const keys = [testKey().publicKey];
  const site = await serveStage({ latest: `${base.url}/manifest.json`, oven: oven.url, keys });
  try {
    await measure({ base, site, image: `${base.url}/${image.url}`, size: image.size });
  } finally {
    for (const server of [site, oven, base]) await server.close();
  }
}

async function free({ site, image, size }: Setting): Promise<void> {
  const passed = await floor(image);
  const saver = await streamSaver(image);
  const os = build(site, "os");
  const unkept = build(site, "os, no storage", { storage: false });
  const chosen = build(site, "os, file chosen", { choose: true });
  const own = ownDownload(site, image);
  const all = await inTurn([own, passed, os, unkept, chosen, saver], size);
  await passed.close();
  await saver.close();
  table(`${label(size)}, no limit`, all, [own, passed]);
  const of = (contender: Contender) => all.get(contender) ?? never();
  const [at, ours, theirs] = [label(size), of(os), of(unkept)];
  aims.push(
    { what: `os ÷ floor, time, ${at}`, found: ours.seconds / of(passed).seconds, limit: 1.2 },
    {
      what: `os without storage ÷ floor, time, ${at}`,
      found: theirs.seconds / of(passed).seconds,
      limit: 1.2,
    },
    { what: `os: memory growth, MB, ${at}`, found: ours.growth / 1e6, limit: 150 },
    { what: `os: longest stall of the page's thread, ms, ${at}`, found: ours.stall, limit: 50 },
  );
  growths.push(ours.growth);
}

async function capped({ site, image, size }: Setting): Promise<void> {
  const own = ownDownload(site, image);
  const os = build(site, "os");
  const all = await inTurn([own, os], size);
  table(`${label(size)}, ${TOTAL / 1e6} MB/s in all`, all, [own]);
  const found = (all.get(os) ?? never()).seconds / (all.get(own) ?? never()).seconds;
  aims.push({ what: `os ÷ own download, time, ${TOTAL / 1e6} MB/s in all`, found, limit: 1.03 });
}

async function lanes({ site, image, size }: Setting): Promise<void> {
  const own = ownDownload(site, image);
  const os = build(site, "os");
  const all = await inTurn([own, os], size);
  table(`${label(size)}, ${EACH / 1e6} MB/s for each connection`, all, [own]);
  const found = (all.get(own) ?? never()).seconds / (all.get(os) ?? never()).seconds;
  aims.push({
    what: `own download ÷ os, time, ${EACH / 1e6} MB/s a connection`,
    found,
    limit: 2.5,
    atLeast: true,
  });
}

async function second({ site, base, size }: Setting): Promise<void> {
  const browser = await launch();
  const [finished, copy] = [path.join(out, "finished.img"), path.join(out, "copy.img")];
  const os = build(site, "os, base kept", { piece: "drift", synced: true });
  const same = await sameBytes(size);
  const [costs, least]: [Cost[], Cost[]] = [[], []];
  const copies: number[] = [];
  try {
    const page = await browser.newPage();
    await page.goto(site.url);
    const earlier = build(site, "os", { keep: true });
    await earlier.prepare?.(page);
    renameSync(await downloaded(page, () => page.keyboard.press("s")), finished);
    await new Promise((later) => setTimeout(later, 1000)); // until the page has closed what it keeps
    await page.close();
    await base.close();
    for (let round = 0; round < rounds; round++) {
      execFileSync("sh", ["-c", `find ${out}/profile -size +1M -exec cat {} + >/dev/null`]);
      // What each of them wrote is removed again: memory that was just freed is the quickest to fill.
      costs.push(await costIn(browser, os, size));
      rmSync(downloads, { recursive: true });
      least.push(await costIn(browser, same, size));
      rmSync(downloads, { recursive: true });
      execFileSync("cat", [finished], { stdio: "ignore" });
      execFileSync("sync");
      const started = performance.now();
      execFileSync("cp", ["--reflink=never", finished, copy]);
      execFileSync("sync", [copy]);
      copies.push((performance.now() - started) / 1000);
      if (statSync(copy).size !== size) throw new Error("the copy is short");
      rmSync(copy);
      process.stdout.write(".");
    }
  } finally {
    await browser.close();
    await same.close();
    for (const file of [finished, copy]) rmSync(file, { force: true });
    tidy();
  }
  const [ours, cp] = [medians(costs), { seconds: median(copies), cpu: 0, peak: 0, growth: 0, stall: 0 }];
  const copying: Contender = { name: "cp, fsync", url: "", save: never };
  table(
    `${label(size)}, second piece, base kept, its server gone; page cache warm and file synced for both`,
    new Map([
      [copying, cp],
      [same, medians(least)],
      [os, ours],
    ]),
    [copying, same],
  );
  aims.push({
    what: `second piece ÷ cp and fsync, time, ${label(size)}`,
    found: ours.seconds / cp.seconds,
    limit: 2,
  });
}

/** Medians of what each contender costs, one after the other, in every round. */
async function inTurn(contenders: Contender[], size: number): Promise<Map<Contender, Cost>> {
  const all = new Map<Contender, Cost[]>(contenders.map((each) => [each, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [contender, costs] of all) {
      costs.push(await cost(contender, size));
      process.stdout.write(".");
    }
  }
  return new Map([...all].map(([contender, costs]) => [contender, medians(costs)]));
}

function medians(costs: Cost[]): Cost {
  return {
    seconds: median(costs.map(({ seconds }) => seconds)),
    cpu: median(costs.map(({ cpu }) => cpu)),
    peak: median(costs.map(({ peak }) => peak)),
    growth: median(costs.map(({ growth }) => growth)),
    stall: Math.max(...costs.map(({ stall }) => stall)), // the worst, not the usual one
  };
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function table(title: string, all: Map<Contender, Cost>, peers: Contender[]): void {
  const load = loadavg().map((each) => each.toFixed(1));
  console.log(`\n\n${title}; medians of ${rounds}; load ${load.join(" ")}\n`);
  const ratios = peers.map(({ name }) => `÷ ${name}`);
  line(["", "seconds", ...ratios, "CPU s", "peak, MB", "growth, MB", "stall, ms"]);
  for (const [{ name }, { seconds, cpu, peak, growth, stall }] of all) {
    const cells = peers.map((peer) => (seconds / (all.get(peer)?.seconds ?? 0)).toFixed(2));
    const worst = stall > 0 ? stall.toFixed(0) : "< 50";
    const memory = [peak, growth].map((bytes) => (bytes / 1e6).toFixed(0));
    line([name, seconds.toFixed(1), ...cells, cpu.toFixed(1), ...memory, worst]);
  }
}

function line([name = "", ...cells]: string[]): void {
  console.log(name.padEnd(18) + cells.map((cell) => cell.padStart(15)).join(""));
}

function label(bytes = 0): string {
  const mebibytes = Math.round(bytes / MIB);
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes} MiB`;
}

function shown(value: number): string {
  return value >= 10 || value <= 0 ? value.toFixed(0) : value.toFixed(2);
}

function never(): never {
  throw new Error("nothing was measured");
}
