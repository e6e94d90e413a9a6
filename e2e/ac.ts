import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright";
import { listen } from "../dev/http-server.ts";
import { buildOs } from "../dev/start.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { testBase } from "../src/testing/test-base.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { testKey } from "../src/testing/sign.ts";
import config from "./playwright.config.ts";

// The journey in the real Aesthetic Computer: `npx tsx e2e/ac.ts <checkout of AC>`. Serves the checkout's
// `system/public` with `dist/` over it and a page such as AC's server makes, and lets Chromium go the ways that people
// go. AC's canvas cannot be read as the stage's can: what is on it is taken from what a screen reader is told, and the
// screenshots in `e2e/out/` are there to be looked at. Nothing outside this machine is asked for.

const { positionals } = parseArgs({ allowPositionals: true });
const [checkout] = positionals;
if (checkout === undefined) {
  console.error("usage: npx tsx e2e/ac.ts <checkout of Aesthetic Computer>");
  process.exit(2);
}
const system = path.resolve(checkout, "system");
const dist = path.resolve(import.meta.dirname, "../dist");
const out = path.join(import.meta.dirname, "out");
const TYPES: Record<string, string> = {
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".css": "text/css",
  ".html": "text/html",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
// What AC's own page has that its runtime looks for.
const HTML = `<!doctype html><meta charset="utf-8"><title>AC</title><link rel="icon" href="data:,">
${["description", "og:title", "og:description", "og:image", "twitter:title", "twitter:image"]
  .map((name) => `<meta name="${name}" content="">`)
  .join("")}
<body class="native-cursor"><link rel="stylesheet" href="/aesthetic.computer/style.css">
<script src="/aesthetic.computer/boot.mjs" type="module" defer></script>`;
// AC's boot module imports these by address; only their names are needed here.
const FIREBASE =
  "export const initializeApp = () => ({}), getMessaging = () => ({}), onMessage = () => {}, getToken = async () => ''";
/** As AC sends with everything and with scripts (its `netlify.toml`). */
const HEADERS = { "Cross-Origin-Opener-Policy": "same-origin-allow-popups" };
const SCRIPT_HEADERS = {
  "Content-Security-Policy":
    "script-src 'self' https://www.gstatic.com https://aesthetic.computer blob: 'unsafe-eval';",
  Vary: "*",
};

const { manifest, image } = await testBase();
const bundle = `<!doctype html><body style="margin:0;background:#084"><h1>A piece</h1><script>1</script>`;
const good = files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle });

let release = () => {};
let released = Promise.resolve();
/** Keep the last content of the image back until `release`, so that there is time to look at a build. */
function hold(): void {
  released = new Promise((resolve) => (release = resolve));
}
const held: RequestListener = (request, response) => {
  const last = Number(/-(\d+)$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const isLast = request.url === "/base.img" && last >= 3 * WINDOW && last < 4 * WINDOW;
  void (isLast ? released : Promise.resolve()).then(() => good(request, response));
};

await buildOs();
await mkdir(out, { recursive: true });
const parts = await serve(held);
const settings = JSON.stringify({
  latest: `${parts.url}/manifest.json`,
  oven: parts.url,
  keys: [testKey().publicKey],
});

const ac = await listen("Aesthetic Computer", 0, async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://any");
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (pathname === "/aesthetic.computer/os/config.json") {
    response.end(settings);
    return;
  }
  for (const root of [dist, path.join(system, "public")]) {
    const file = path.join(root, decodeURIComponent(pathname));
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes === undefined) continue;
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    response.setHeader("Content-Type", type);
    if (type === "text/javascript") {
      for (const [name, value] of Object.entries(SCRIPT_HEADERS)) response.setHeader(name, value);
    }
    response.end(bytes);
    return;
  }
  response.setHeader("Content-Type", "text/html");
  response.end(HTML);
});

const journeys: [string, (page: Page) => Promise<void>, { width: number; height: number }?][] = [
  ["/os:notepat, left while it saves, and come back to", linked],
  ["os notepat, typed at the prompt", typed],
  ["os alone, and a piece chosen", picked],
  ["a build stopped half-way", cancelled],
  ["a narrow canvas", narrow, { width: 390, height: 640 }],
];

const browser = await chromium.launch(config.use?.launchOptions);
let failed = false;
for (const [name, journey, viewport = { width: 960, height: 600 }] of journeys) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.route(/^https:/, (route) =>
    route.request().url().includes("firebase")
      ? route.fulfill({ contentType: "text/javascript", body: FIREBASE })
      : route.abort(),
  );
  try {
    await journey(page);
    console.log(`✓ ${name}`);
  } catch (error) {
    failed = true;
    console.error(`✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
    console.error(`  heard last: ${await heard(page).catch(() => "nothing")}`);
    await shoot(page, `failed-${journey.name}`).catch(() => {}); // the page is gone
  }
  release();
  await context.close();
}
await browser.close();
await ac.close();
await parts[Symbol.asyncDispose]();
process.exit(failed ? 1 : 0);

async function linked(page: Page): Promise<void> {
  hold();
  await page.goto(`${ac.url}/os:notepat`);
  await hears(page, /Download: .*SHA-256: [0-9a-f]{64}/s);
  const promised = /SHA-256: ([0-9a-f]{64})/.exec(await heard(page))?.[1];
  await page.locator("#content iframe[title=Preview]").waitFor({ timeout: 30_000 });
  await shoot(page, "ready");

  const downloading = page.waitForEvent("download", { timeout: 60_000 });
  downloading.catch(() => {}); // awaited below, unless something fails first
  await page.keyboard.press("s");
  const download = await downloading;
  await hears(page, /Saving notepat-os\.iso/);
  await page.keyboard.press("p");
  await hears(page, /Paused/);
  await shoot(page, "paused");
  await page.keyboard.press("p");
  await hears(page, /Saving notepat-os\.iso, \d+ percent\.\s*$/);
  await shoot(page, "saving");

  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("[role=status]")?.textContent);
  await shoot(page, "left");
  await atPrompt(page, "os notepat");
  await hears(page, /Saving notepat-os\.iso/);
  await shoot(page, "back");

  release();
  await hears(page, /notepat-os\.iso is in your downloads/);
  await shoot(page, "done");
  for (const step of ["flash", "format", "boot", "reset"]) {
    await page.keyboard.press("ArrowRight");
    await shoot(page, `step-${step}`);
  }
  const failure = await download.failure();
  const bytes = await readFile(await download.path());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (failure !== null || download.suggestedFilename() !== "notepat-os.iso" || sha256 !== promised) {
    const what = `${download.suggestedFilename()}, ${bytes.length} bytes, SHA-256 ${sha256}`;
    throw new Error(`${what}, not ${promised}; ${failure ?? "no failure"}`);
  }
}

async function typed(page: Page): Promise<void> {
  await page.goto(`${ac.url}/prompt`);
  await atPrompt(page, "os notepat");
  await hears(page, /SHA-256/);
  const downloading = page.waitForEvent("download", { timeout: 60_000 });
  downloading.catch(() => {});
  await page.keyboard.press("s");
  const { length } = await readFile(await (await downloading).path());
  if (length !== image.length) throw new Error(`${length} bytes, not ${image.length}`);
  await hears(page, /is in your downloads/);
}

async function picked(page: Page): Promise<void> {
  await page.goto(`${ac.url}/os`);
  await hears(page, /notepat, 1 of \d+/);
  await shoot(page, "picker");
  await page.keyboard.press("ArrowDown");
  await hears(page, /prompt, 2 of \d+/);
  await page.keyboard.type("star", { delay: 60 });
  await page.keyboard.press("ArrowDown");
  await hears(page, /starfield, 2 of 2/);
  await shoot(page, "picker-typed");
  await page.keyboard.press("Space");
  await hears(page, /starfield-os\.iso/);
  if (!page.url().endsWith("/os:starfield")) throw new Error(`the address is ${page.url()}`);
}

async function cancelled(page: Page): Promise<void> {
  hold();
  await page.goto(`${ac.url}/os:notepat`);
  await hears(page, /SHA-256/);
  const downloading = page.waitForEvent("download", { timeout: 60_000 });
  downloading.catch(() => {});
  await page.keyboard.press("s");
  const download = await downloading;
  await hears(page, /Saving notepat-os\.iso/);
  await page.keyboard.press("c");
  await hears(page, /Stop and throw away/);
  await shoot(page, "asked");
  await page.keyboard.press("y");
  await hears(page, /The build was cancelled/);
  await shoot(page, "cancelled");
  if ((await download.failure()) === null) throw new Error("the download is not over as failed");
}

async function narrow(page: Page): Promise<void> {
  await page.goto(`${ac.url}/os:notepat`);
  await hears(page, /SHA-256/);
  await shoot(page, "narrow");
  await page.keyboard.press("l");
  await hears(page, /os:notepat/);
  await shoot(page, "narrow-link");
}

async function atPrompt(page: Page, line: string): Promise<void> {
  await page.waitForTimeout(4000); // the prompt has no sign of being ready that a page could see
  await page.keyboard.type(line, { delay: 60 });
  await page.keyboard.press("Enter");
}

/** What a screen reader was told last. */
async function heard(page: Page): Promise<string> {
  return (await page.locator("body > [role=status]").textContent({ timeout: 1000 })) ?? "";
}

/** Wait until a screen reader is told something of this. */
async function hears(page: Page, words: RegExp): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    const text = await heard(page).catch(() => ""); // not there yet
    if (words.test(text)) return;
    if (Date.now() > end) throw new Error(`nothing is heard of ${String(words)}`);
    await page.waitForTimeout(200);
  }
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(1000); // what was said is on its way to the canvas
  await page.screenshot({ path: path.join(out, `ac-${name}.png`) });
}
