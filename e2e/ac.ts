import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright";
import { listen } from "../dev/server.ts";
import { buildOs } from "../dev/start.ts";
import { testBase } from "../src/testing/base.ts";
import { files, serve } from "../src/testing/server.ts";
import config from "./playwright.config.ts";

// The journey in the real Aesthetic Computer: `npx tsx e2e/ac.ts <checkout of AC>`. Serves the checkout's
// `system/public` with `dist/` over it and a page such as AC's server makes, and lets Chromium open /os:notepat and, from the prompt, `os notepat`. Nothing outside this machine is asked for.

const { positionals } = parseArgs({ allowPositionals: true });
const [checkout] = positionals;
if (checkout === undefined) {
  console.error("usage: npx tsx e2e/ac.ts <checkout of Aesthetic Computer>");
  process.exit(2);
}
const system = path.resolve(checkout, "system");
const dist = path.resolve(import.meta.dirname, "../dist");
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

await buildOs();
const { manifest, image } = await testBase();
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const parts = await serve(files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle }));
const settings = JSON.stringify({ latest: `${parts.url}/manifest.json`, oven: parts.url });

const ac = await listen("Aesthetic Computer", 0, async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://any");
  response.setHeader("Cross-Origin-Opener-Policy", "same-origin-allow-popups"); // as AC sends
  if (pathname === "/aesthetic.computer/os/config.json") {
    response.end(settings);
    return;
  }
  for (const root of [dist, path.join(system, "public")]) {
    const file = path.join(root, decodeURIComponent(pathname));
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes === undefined) continue;
    response.setHeader("Content-Type", TYPES[path.extname(file)] ?? "application/octet-stream");
    response.end(bytes);
    return;
  }
  response.setHeader("Content-Type", "text/html");
  response.end(HTML);
});

const browser = await chromium.launch(config.use?.launchOptions);
let failed = false;
for (const [name, enter] of [
  ["/os:notepat", visit],
  ["os notepat, typed at the prompt", typed],
] as const) {
  const page = await browser.newPage({ viewport: { width: 960, height: 600 } });
  await page.route(/^https:/, (route) =>
    route.request().url().includes("firebase")
      ? route.fulfill({ contentType: "text/javascript", body: FIREBASE })
      : route.abort(),
  );
  try {
    const downloading = page.waitForEvent("download", { timeout: 60_000 });
    downloading.catch(() => {}); // awaited below, unless entering fails first
    await enter(page);
    const download = await downloading;
    const failure = await download.failure();
    const { length } = await readFile(await download.path());
    const whole =
      failure === null && length === image.length && download.suggestedFilename() === "notepat-os.iso";
    if (!whole) throw new Error(`${download.suggestedFilename()}: ${length} bytes, ${failure}`);
    await page.waitForTimeout(1000); // the last state is on its way to the canvas
    const shot = path.join(import.meta.dirname, "out", `ac-${enter.name}.png`);
    await page.screenshot({ path: shot });
    console.log(`✓ ${name}: ${length} bytes, ${shot}`);
  } catch (error) {
    failed = true;
    console.error(`✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  await page.close();
}
await browser.close();
await ac.close();
await parts[Symbol.asyncDispose]();
process.exit(failed ? 1 : 0);

async function visit(page: Page): Promise<void> {
  await page.goto(`${ac.url}/os:notepat`);
}

async function typed(page: Page): Promise<void> {
  await page.goto(`${ac.url}/prompt`);
  await page.waitForTimeout(4000); // the prompt has no sign of being ready that a page could see
  await page.keyboard.type("os notepat", { delay: 60 });
  await page.keyboard.press("Enter");
}
