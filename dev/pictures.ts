import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium, type Browser, type Page } from "playwright";
import { ANSWER, bootImage } from "../base/qemu/boot.ts";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";
import { builtFlavors, serveBase, signingKeys } from "./serve-base.ts";
import { serveOven } from "./serve-oven.ts";
import { serveStage } from "./serve-stage.ts";
import { buildOs } from "./start.ts";

// `npm run pictures`: what the README shows, from a real build of the kiosk, in docs/pictures/.

const USAGE =
  "npm run pictures -- [--flavor kiosk|tiny] [--base FOLDER] [--out FOLDER] [--machine PNG]\n" +
  "  FOLDER of --base is where base images were built, base/out unless said otherwise;\n" +
  "  with a PNG of the computer's screen nothing is started in QEMU.";

/** As many bytes as GitHub shows without anybody waiting. */
const MAX_BYTES = 150_000;

/** In CSS pixels. AC's canvas has half as many, so that at half its size each of its pixels is one of the picture's. */
const LARGE = { width: 960, height: 600 };
const SMALL = { width: 640, height: 400 };

const PIECE = "notepat";

if (process.argv[1] === import.meta.filename) await main();

async function main(): Promise<void> {
  const root = path.resolve(import.meta.dirname, "..");
  const { values } = parseArgs({
    options: {
      flavor: { type: "string", default: "kiosk" },
      base: { type: "string", default: path.join(root, "base/out") },
      out: { type: "string", default: path.join(root, "docs/pictures") },
      machine: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const cdn = path.resolve(values.base, "cdn");
  const flavors = await builtFlavors(cdn).catch((): string[] => []);
  if (!flavors.includes(values.flavor)) {
    console.error(
      `✗ There is no ${values.flavor} in ${cdn}: "npm run base ${values.flavor}" makes it. (--flavor tiny tries this out.)`,
    );
    process.exitCode = 1;
    return;
  }
  await buildOs();
  const base = await serveBase(cdn);
  const oven = await serveOven();
  const stage = await serveStage({
    latest: `${base.url}/latest.json`,
    oven: oven.url,
    flavor: values.flavor,
    keys: await signingKeys(path.resolve(values.base, "keys")),
  });
  const folder = await mkdtemp(path.join(tmpdir(), "pictures-"));
  const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
  try {
    await mkdir(values.out, { recursive: true });
    const keep = async (name: string, png: Buffer) => {
      await writeFile(path.join(values.out, `${name}.png`), png);
      console.log(`${name}.png: ${png.length} bytes`);
      if (png.length > MAX_BYTES) throw new Error(`${name}.png is larger than ${MAX_BYTES} bytes`);
    };
    const large = await build(browser, stage.url, LARGE, path.join(folder, "large.iso"));
    await keep("ready", large.ready);
    await keep("saving", large.saving);
    await keep("done", large.done);
    await keep("steps", large.steps);
    await keep("stick", await stick(browser, stage.url));
    await keep("picker", await picker(browser, stage.url));
    const image = path.join(folder, "small.iso");
    const small = await build(browser, stage.url, SMALL, image);
    const screen = path.join(folder, "machine.png");
    const machine = values.machine ? await readFile(values.machine) : await boot(image, screen);
    await keep("machine", await scaled(browser, machine, 640));
    await keep("journey", await journey(browser, [small.ready, small.saving, machine]));
  } finally {
    await browser.close();
    await Promise.all([stage.close(), oven.close(), base.close()]);
    await rm(folder, { recursive: true });
  }
}

/** Build the piece as a person does, into `image`: the screens on the way. */
async function build(browser: Browser, url: string, viewport: typeof LARGE, image: string) {
  const page = await browser.newPage({ viewport, colorScheme: "dark" });
  const downloading = page.waitForEvent("download", { timeout: 0 });
  await page.goto(`${url}/os:${PIECE}`);
  await page.locator("iframe[title=Preview]").waitFor({ timeout: 60_000 });
  await page.waitForTimeout(3000); // the piece in the preview draws itself
  const ready = await page.screenshot();
  await page.keyboard.press("s");
  const download = await downloading;
  const screens: Buffer[] = [];
  const saving = { ended: false };
  const saved = download.saveAs(image).finally(() => (saving.ended = true));
  while (!saving.ended) screens.push(await page.screenshot());
  await saved;
  const half = screens[Math.floor(screens.length / 2)] ?? ready;
  await page.waitForTimeout(1500); // it is told, and has stopped moving
  const done = await page.screenshot();
  for (const key of ["ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
  await page.waitForTimeout(500);
  const steps = await page.screenshot();
  await page.close();
  return { ready, saving: half, done, steps };
}

/** What is shown when the piece has been put onto a stick, for which a folder of the page's own storage stands. */
async function stick(browser: Browser, url: string): Promise<Buffer> {
  const page = await browser.newPage({ viewport: LARGE, colorScheme: "dark" });
  const content =
    'window.showDirectoryPicker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle("STICK", { create: true })';
  await page.addInitScript({ content });
  await page.goto(`${url}/os:${PIECE}`);
  const says = async (words: string) =>
    await page.waitForFunction(
      `window.stage?.text().join(" ").includes(${JSON.stringify(words)})`,
      undefined,
      {
        timeout: 600_000,
      },
    );
  await says("onto a stick");
  for (const [key, then] of [
    ["u", "it is FAT32, go on"], // it is not, and no computer starts from there
    ["g", `put ${PIECE} on it`],
    ["s", "eject it"],
  ] as const) {
    await page.keyboard.press(key);
    await says(then);
  }
  await page.waitForTimeout(500);
  const png = await page.screenshot();
  await page.close();
  return png;
}

/** What `os` shows without a piece. */
async function picker(browser: Browser, url: string): Promise<Buffer> {
  const page = await browser.newPage({ viewport: LARGE, colorScheme: "dark" });
  await page.goto(`${url}/os`);
  await page.waitForFunction('window.stage?.text().join(" ").includes("notepat")');
  const png = await page.screenshot();
  await page.close();
  return png;
}

/** Start the image, and look at its screen when the piece has been there for some seconds. */
async function boot(image: string, screenshot: string): Promise<Buffer> {
  const { line } = await bootImage({
    image,
    until: ANSWER,
    timeoutSeconds: 1200,
    settleSeconds: 15,
    memory: 3072,
    screenshot,
  });
  if (!line.startsWith(`PIECE ${PIECE} `)) throw new Error(`the machine says: ${line}`);
  return await readFile(screenshot);
}

/** Three screens side by side, small enough to be taken in at a glance. */
async function journey(browser: Browser, screens: readonly Buffer[]): Promise<Buffer> {
  const captions = ["your browser makes it", "and saves it", "a computer starts into it"];
  const figures = screens.map(
    (png, i) => `<figure><img src="${dataUrl(png)}"><figcaption>${captions[i]}</figcaption></figure>`,
  );
  return await render(
    browser,
    `<style>
      main { display: flex; gap: 12px; padding: 12px; background: #fff; width: max-content }
      figure { margin: 0; width: 320px; font: 15px monospace; color: #3d1a54; text-align: center }
      img { width: 320px; height: 200px; object-fit: cover; display: block; margin-bottom: 6px }
    </style><main>${figures.join("")}</main>`,
  );
}

async function scaled(browser: Browser, png: Buffer, width: number): Promise<Buffer> {
  return await render(
    browser,
    `<main style="width: ${width}px"><img style="width: 100%; display: block" src="${dataUrl(png)}"></main>`,
  );
}

/** The `<main>` of a page, as a picture. */
async function render(browser: Browser, html: string): Promise<Buffer> {
  const page: Page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  await page.setContent(`<!doctype html><body style="margin: 0">${html}`);
  await page.waitForFunction("[...document.images].every((image) => image.complete)");
  const png = await page.locator("main").screenshot();
  await page.close();
  return png;
}

function dataUrl(png: Buffer): string {
  return `data:image/png;base64,${png.toString("base64")}`;
}
