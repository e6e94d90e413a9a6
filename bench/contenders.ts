import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import path from "node:path";
import type { Page } from "puppeteer-core";
import { answerFile } from "../dev/serve-file.ts";
import { listen, type Running } from "../dev/http-server.ts";
import type { BuildState, PageMessage } from "../src/messages.ts";
import { downloaded, type Contender } from "./measure.ts";

// The ways to save a file that are measured against each other. `image` is the URL of a finished file.

/** Too little for a single window of a base image, and enough for the rest, in bytes. */
const LITTLE_STORAGE = 1024 * 1024;

/** As much as a build hands over at a time, in bytes. */
const CHUNK = 4 * 1024 * 1024;

/** The browser's own download, from a page that does nothing else. */
export function ownDownload(site: Running, image: string): Contender {
  return {
    name: "own download",
    url: site.url,
    save: (page) =>
      sizeOf(
        downloaded(page, () =>
          page.evaluate((url) => {
            const link = document.createElement("a");
            link.href = url;
            link.click();
          }, image),
        ),
      ),
  };
}

/** A service worker that does nothing but pass a fetch on: what any download through one costs. */
export function floor(image: string): Promise<Contender & Running> {
  return throughServiceWorker(
    "floor",
    `const { body, headers } = await fetch(${JSON.stringify(image)}, { cache: "no-store" });
     const size = headers.get("Content-Length");`,
  );
}

/** A service worker that gives the same few bytes again and again: what saving costs when nothing is read. */
export function sameBytes(size: number): Promise<Contender & Running> {
  return throughServiceWorker(
    "same bytes",
    `const size = ${size};
     const chunk = new Uint8Array(${CHUNK});
     let left = size;
     const body = new ReadableStream({
       pull(controller) {
         if (left === 0) return controller.close();
         const part = chunk.subarray(0, left);
         left -= part.length;
         controller.enqueue(part);
       },
     });`,
  );
}

/** A page whose service worker answers a download with the `body` of `size` bytes that `source` declares. */
async function throughServiceWorker(name: string, source: string): Promise<Contender & Running> {
  const worker = `
    addEventListener("activate", (event) => event.waitUntil(clients.claim()));
    addEventListener("fetch", (event) => {
      if (new URL(event.request.url).pathname === "/download") event.respondWith(answer());
    });
    async function answer() {
      ${source}
      return new Response(body, { headers: {
        "Content-Type": "application/octet-stream",
        "Content-Length": size,
        "Content-Disposition": "attachment; filename=image.img",
      }});
    }`;
  const html = `<!doctype html><script>navigator.serviceWorker.register("/sw.js")</script>`;
  const server = await listen(name, 0, async ({ url }, response) => {
    response.setHeader("Content-Type", url === "/sw.js" ? "text/javascript" : "text/html");
    response.end(url === "/sw.js" ? worker : html);
  });
  return {
    ...server,
    name,
    async prepare(page) {
      await page.evaluate(async () => {
        await navigator.serviceWorker.ready;
        while (!navigator.serviceWorker.controller) await new Promise((later) => setTimeout(later, 50));
      });
    },
    save: (page) =>
      sizeOf(
        downloaded(page, () =>
          page.evaluate(() => {
            const frame = document.createElement("iframe");
            frame.src = "/download";
            document.body.append(frame);
          }),
        ),
      ),
  };
}

/** The npm package as it is, on an origin of its own, with the polyfill that it asks for. */
export async function streamSaver(image: string): Promise<Contender & Running> {
  const modules = path.resolve(import.meta.dirname, "../node_modules");
  const scripts = ["web-streams-polyfill/dist/ponyfill.js", "streamsaver/StreamSaver.js"];
  const html = `<!doctype html>${scripts.map((file) => `<script src="/${file}"></script>`).join("")}`;
  const server = await listen("StreamSaver", 0, async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://any");
    if (await answerFile(modules, pathname, request, response)) return;
    response.setHeader("Content-Type", "text/html");
    response.end(html);
  });
  // As the package's README says: the page reads, and writes into StreamSaver's stream.
  const act = (page: Page) =>
    page.evaluate((url) => {
      const { streamSaver: saver } = window as unknown as { streamSaver: typeof import("streamsaver") };
      saver.mitm = "/streamsaver/mitm.html";
      const saving = fetch(url).then((response) =>
        response.body?.pipeTo(
          saver.createWriteStream("saver.img", { size: Number(response.headers.get("Content-Length")) }),
        ),
      );
      saving.catch((error: unknown) => console.error(error));
    }, image);
  return { ...server, name: "StreamSaver", save: (page) => sizeOf(downloaded(page, () => act(page))) };
}

/** How a build is to go. */
export interface Ways {
  readonly piece?: string;
  /** The browser has room for what the build would keep while it is made. */
  readonly storage?: boolean;
  /** The base image stays for the next piece. */
  readonly keep?: boolean;
  /** Into a file chosen by `showSaveFilePicker` instead of the downloads. */
  readonly choose?: boolean;
  /** Wait until the file is on the disk. */
  readonly synced?: boolean;
}

/** A build by `os`, from the key that starts it. */
export function build(site: Running, name: string, ways: Ways = {}): Contender {
  const { piece = "notepat", storage = true, keep = false, choose = false, synced = false } = ways;
  return {
    name,
    url: site.url,
    async setUp(page) {
      if (choose) await page.evaluateOnNewDocument(CHOOSE_HERE);
    },
    async prepare(page) {
      await page.evaluate(overhear);
      if (!storage) {
        const session = await page.createCDPSession(); // lasts as long as it does
        await session.send("Storage.overrideQuotaForOrigin", { origin: site.url, quotaSize: LITTLE_STORAGE });
      }
      await page.waitForFunction(() => {
        const { stage } = window as unknown as { stage?: { text(): string[] } };
        return stage?.text().join(" ").includes("Type a piece");
      });
      await page.keyboard.type(`os ${piece}`);
      await page.keyboard.press("Enter");
      const { keep: kept } = await reached(page, "ready");
      if (kept.bytes > 0 !== storage) throw new Error(`${name}: ${kept.bytes} bytes kept`);
      if (keep && !kept.wanted) await page.keyboard.press("k");
    },
    async save(page) {
      if (!choose) {
        const file = await downloaded(page, () => page.keyboard.press("s"));
        if (synced) execFileSync("sync", [file]);
        return statSync(file).size;
      }
      await page.keyboard.press("w");
      return (await reached(page, "done")).written;
    },
  };
}

interface Overheard {
  state?: BuildState;
  signal(message: PageMessage): void;
}

/** Note what the page module tells the piece. */
function overhear(): void {
  const ac = window as unknown as Overheard;
  const inner = ac.signal;
  ac.signal = (message) => {
    if (message.type === "os:state") ac.state = message.state;
    inner(message);
  };
}

/**
 * A dialog cannot be answered without a screen; a file of the origin's own takes the place of the one chosen. (A text,
 * since a function would come with the compiler's helpers.)
 */
const CHOOSE_HERE = `window.showSaveFilePicker = async () =>
  (await navigator.storage.getDirectory()).getFileHandle("chosen.iso", { create: true })`;

/** The state once the build has come to `stage`. Throws when it ends otherwise. */
async function reached(page: Page, stage: BuildState["stage"]): Promise<BuildState> {
  const handle = await page.waitForFunction(
    (wanted) => {
      const { state } = window as unknown as Overheard;
      return state && [wanted, "failed", "cancelled"].includes(state.stage) ? state : undefined;
    },
    { polling: 50, timeout: 0 },
    stage,
  );
  const state = (await handle.jsonValue()) as BuildState;
  if (state.stage !== stage) throw new Error(state.message);
  return state;
}

async function sizeOf(file: Promise<string>): Promise<number> {
  return statSync(await file).size;
}
