import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import puppeteer, { type Page } from "puppeteer-core";
import { listen, type Answer } from "../dev/http-server.ts";
import { addressOnScreen, densityOf, type Screen } from "../src/bundle/density.ts";
import { acBundle, type StandIn } from "../src/testing/ac-bundle.ts";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";

// `npm run bench:frames`: how many frames a second a bundle of AC's shape shows on a screen of 720p, 1080p and 4K, opened as
// a plain `/piece.html`, which is AC's own default (a density of 2 and a border of 8 pixels), and as the kiosk opens it.
//
//   npm run bench:frames -- [--rounds 3] [--seconds 3] [--slower 1,4] [--ac CHECKOUT]
//
// What is drawn is drawn as AC draws: into an array of bytes, pixel by pixel, by the page's own thread, which hands all of it
// to a canvas with `putImageData` in each frame.
//
// - wipes:   every pixel is set, then 64 squares are drawn, as most pieces begin
// - blends:  every pixel is set, then all are mixed with a translucent colour, as those do that let things fade
// - AC …:    the same drawn by AC's rasteriser, `lib/graph.mjs` of the checkout named
//
// Debian's Chromium, filling the screen as in the kiosk, and drawing all of it by the processor: a machine whose graphics
// driver is used has more. No more than 60 frames a second are shown, so the page's thread is also tried slowed down
// (`--slower`), as it is on older computers. In turn, in a new browser each, medians of all rounds.

const SCREENS: Readonly<Record<string, Screen>> = {
  "720p": { width: 1280, height: 720 },
  "1080p": { width: 1920, height: 1080 },
  "4K": { width: 3840, height: 2160 },
};
const SQUARES = 64;
const VEIL = 32; // its opacity, of 255

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    slower: { type: "string", default: "1,4" },
    ac: { type: "string" },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const slowdowns = options.slower.split(",").map(Number);
if (!(rounds >= 1 && seconds > 0 && slowdowns.every((each) => each >= 1)))
  throw new RangeError("--rounds and --slower take numbers from 1 on, --seconds one above 0");

/** What a piece begins with: the buffer that it draws into, and how it gets to the canvas. */
const START = `let pixels, context;
const show = ({ width, height }) => context.putImageData(new ImageData(pixels, width, height), 0, 0);
export function boot({ screen: { width, height } }) {
  pixels = new Uint8ClampedArray(width * height * 4);
  context = document.querySelector("canvas").getContext("2d");
}
const square = (i, n, { width, height }) => [(i * 97 + n * 3) % width, (i * 61 + n) % height];
`;

/** Our own rasteriser, which does for each pixel what AC's does. */
const OURS = `
let c = [0, 0, 0, 255];
const wipe = (...colour) => {
  c = [...colour, 255];
  for (let i = 0; i < pixels.length; i += 4) {
    pixels[i] = c[0];
    pixels[i + 1] = c[1];
    pixels[i + 2] = c[2];
    pixels[i + 3] = c[3];
  }
};
const blend = (i) => {
  const alpha = c[3] + 1;
  for (let part = 0; part < 3; part++) pixels[i + part] = (alpha * c[part] + (256 - alpha) * pixels[i + part]) >> 8;
  pixels[i + 3] += alpha;
};
const box = (colour, x, y, w, h, { width, height }) => {
  c = colour;
  for (let row = y; row < Math.min(y + h, height); row++) {
    const end = (Math.min(x + w, width) + row * width) * 4;
    for (let i = (x + row * width) * 4; i < end; i += 4) {
      if (c[3] === 255) pixels.set(c, i);
      else blend(i);
    }
  }
};
`;

/** AC's, from the checkout that this page's server has. */
const ACS = `
const graph = await import(location.origin + "/aesthetic.computer/lib/graph.mjs");
const wipe = (...colour) => {
  graph.color(...colour, 255);
  graph.clear();
};
const box = (colour, x, y, w, h, { width, height }) => {
  graph.setBuffer({ width, height, pixels });
  graph.color(...colour);
  graph.box(x, y, w, h);
};
`;

const wipes = (rasteriser: string) => `// wipes, 2026
// Squares on a ground.
${START}${rasteriser}
export function paint({ screen, paintCount }) {
  ${rasteriser === ACS ? "graph.setBuffer({ ...screen, pixels });" : ""}
  wipe(0, 64, 0);
  for (let i = 0; i < ${SQUARES}; i++) box([255, i * 4, 0, 255], ...square(i, paintCount, screen), 8, 8, screen);
  show(screen);
}
`;
const blends = (rasteriser: string) => `// blends, 2026
// A veil over all.
${START}${rasteriser}
export function paint({ screen, paintCount }) {
  ${rasteriser === ACS ? "graph.setBuffer({ ...screen, pixels });" : ""}
  wipe(0, 64, paintCount % 256);
  box([255, 0, 255, ${VEIL}], 0, 0, screen.width, screen.height, screen);
  show(screen);
}
`;

const pieces: Record<string, string> = { wipes: wipes(OURS), blends: blends(OURS) };
if (options.ac !== undefined) {
  pieces["AC wipes"] = wipes(ACS);
  pieces["AC blends"] = blends(ACS);
}

/** Bundles by their number, and AC's own modules. */
const answer: Answer = async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://any");
  const index = /^\/(\d+)\/piece\.html$/.exec(pathname)?.[1];
  const source = index === undefined ? undefined : Object.values(pieces)[Number(index)];
  if (source !== undefined) {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(acBundle({ source }));
    return;
  }
  const file = path.join(options.ac ?? "", "system/public", pathname);
  const module =
    options.ac !== undefined && /\.m?js$/.test(pathname) && (await readFile(file).catch(() => undefined));
  if (module) response.setHeader("Content-Type", "text/javascript");
  else response.writeHead(404);
  response.end(module || undefined);
};

/** What one way to open a bundle gives: the canvas in its own pixels, and how often it was drawn. */
interface Found extends Screen {
  readonly framesPerSecond: number;
}

const server = await listen("bundles", 0, answer);
console.log("screen\tpiece\tslower\tbefore: canvas\tframes/s\tafter: density\tcanvas\tframes/s\ttimes");
try {
  for (const [label, screen] of Object.entries(SCREENS)) {
    for (const [index, piece] of Object.keys(pieces).entries()) {
      for (const slower of slowdowns) {
        const cells = await compare(`${server.url}/${index}/piece.html`, screen, slower);
        console.log([label, piece, slower, ...cells].join("\t"));
      }
    }
  }
} finally {
  await server.close();
}

/** A plain address, and the kiosk's for the same, in turn: the row of the table. */
async function compare(url: string, screen: Screen, slower: number): Promise<(string | number)[]> {
  const [before, after]: [Found[], Found[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    before.push(await frames(url, screen, slower));
    after.push(await frames(addressOnScreen(url, screen), screen, slower));
  }
  const [was, is] = [median(before), median(after)];
  const times = (is.framesPerSecond / was.framesPerSecond).toFixed(1);
  return [size(was), rate(was), densityOf(screen), size(is), rate(is), times];
}

/** What the piece at `url` shows in a browser of its own that fills a screen. Throws `Error` when it has none of that size. */
async function frames(url: string, screen: Screen, slower: number): Promise<Found> {
  const browser = await puppeteer.launch({
    executablePath: chromiumPath,
    args: [...chromiumArgs, "--disable-gpu", "--kiosk", `--screen-info={${screen.width}x${screen.height}}`],
    defaultViewport: null, // one that is set has no screen behind it, which Chromium would have to fill
  });
  try {
    const [page = await browser.newPage()] = await browser.pages();
    page.on("pageerror", (error) => console.error(error));
    await page.goto(url);
    await page.emulateCPUThrottling(slower);
    await page.waitForFunction(
      () => ((window as unknown as { standIn?: StandIn }).standIn?.frames ?? 0) >= 5,
    );
    const is = await page.evaluate(() => ({ width: innerWidth, height: innerHeight }));
    if (size(is) !== size(screen)) throw new Error(`a page of ${size(is)} on a screen of ${size(screen)}`);
    return await watch(page);
  } finally {
    await browser.close();
  }
}

async function watch(page: Page): Promise<Found> {
  return await page.evaluate(async (ms) => {
    const state = (window as unknown as { standIn: StandIn }).standIn;
    const [since, begun] = [state.frames, performance.now()];
    await new Promise((later) => setTimeout(later, ms));
    const framesPerSecond = ((state.frames - since) * 1000) / (performance.now() - begun);
    if (framesPerSecond === 0) throw new Error("the piece has stopped");
    return { framesPerSecond, width: state.width, height: state.height };
  }, seconds * 1000);
}

function median(found: readonly Found[]): Found {
  const sorted = found.toSorted((a, b) => a.framesPerSecond - b.framesPerSecond);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function size({ width, height }: Screen): string {
  return `${width}×${height}`;
}

function rate({ framesPerSecond }: Found): string {
  return framesPerSecond.toFixed(framesPerSecond < 10 ? 1 : 0);
}
