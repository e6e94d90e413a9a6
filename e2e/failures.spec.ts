import type { IncomingMessage, RequestListener } from "node:http";
import type { Page } from "playwright/test";
import { WINDOW } from "../src/release/manifest.ts";
import { pattern } from "../src/testing/bytes.ts";
import { testBase } from "../src/testing/test-base.ts";
import { asksFrom, files, holding, serve, type TestServer } from "../src/testing/range-server.ts";
import { cancel, configure, downloads, expect, READY, says, startBuild, test, type } from "./site.ts";

const { manifest, image } = await testBase();
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const good = files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle });

/** Answers of one path, and what the canvas says then. */
const wrongs: [string, string, RequestListener, RegExp][] = [
  [
    "a piece nobody knows",
    "/pack-html",
    json(500, { error: "Piece not found" }),
    /no piece called notepat\. Check/,
  ],
  ["an oven out of order", "/pack-html", json(500, { error: "out of memory" }), /oven.* answered 500/],
  ["an oven that hangs up", "/pack-html", hangUp, /oven.* cannot be reached.* nothing came for/],
  ["an error page", "/pack-html", html("<!doctype html><h1>502</h1>"), /nothing to run in it/],
  ["a bundle too large", "/pack-html", html(`${bundle}${" ".repeat(9_000_000)}`), /larger than the 8388608/],
  ["no manifest", "/manifest.json", json(404, {}), /asked for its manifest, answered 404/],
  ["a manifest of nonsense", "/manifest.json", html("nonsense"), /not a minisign file/],
  ["an unknown format", "/manifest.json", signed({ format: 2 }), /format 2/],
  ["a manifest changed after signing", "/manifest.json", json(200, { ...manifest, name: "x" }), /signature/],
  ["a manifest without signature", "/manifest.json.minisig", json(404, {}), /manifest, answered 404/],
  [
    "a manifest against the partition table",
    "/manifest.json",
    signed({
      piecePartition: { ...manifest.piecePartition, start: 5 * WINDOW, length: WINDOW },
      sha256State: { ...manifest.sha256State, length: 5 * WINDOW },
    }),
    /image and its manifest disagree/,
  ],
  ["no base image", "/base.img", json(404, {}), /base image's server answered 404/],
  ["a base that may not be had", "/base.img", only(3, json(403, {})), /server answered 403/],
  ["a base that hangs up", "/base.img", only(3, hangUp), /was lost: .*nothing came for .*not fetched again/],
  [
    "a base that asks for an hour",
    "/base.img",
    only(3, (_, response) => {
      response
        .writeHead(503, { "Retry-After": "3600", "Access-Control-Expose-Headers": "Retry-After" })
        .end();
    }),
    /asks to be left alone for 60 minutes/,
  ],
  [
    "a base of other bytes",
    "/base.img",
    only(3, (_, response) => response.writeHead(206).end(pattern(WINDOW))),
    /not the one its manifest/,
  ],
  [
    "no permission (CORS)",
    "/base.img",
    (_, response) => response.writeHead(206).end(),
    /does not allow this page/,
  ],
];

for (const [what, path, wrong, sentence] of wrongs) {
  test(`${what} ends in a sentence, and the next attempt works`, async ({ page, site }) => {
    let broken = true;
    await using server = await serve((request, response) => {
      const { pathname } = new URL(request.url ?? "", "http://any");
      const here = pathname === path || pathname === `${path}.minisig`;
      (broken && here ? withCors(wrong, what) : good)(request, response);
    });
    await open(page, site.url, server);
    await expect.poll(() => says(page), { timeout: 40_000 }).toMatch(sentence);
    await expectNoFile(page);

    broken = false;
    const again = page.waitForEvent("download");
    await page.keyboard.press("r");
    await startBuild(page);
    await expectWhole(again);
  });
}

/** What a server may do once or twice without anybody having to lift a finger. */
const passing: [string, number, RequestListener][] = [
  ["hangs up", 2, hangUp],
  ["is busy", 2, json(503, {})],
  ["says to wait", 1, (_, response) => response.writeHead(429, { "Retry-After": "1" }).end()],
  ["refuses once", 1, json(403, {})],
  ["sends another window once", 1, (_, response) => response.writeHead(206).end(pattern(WINDOW))],
  [
    "ends early",
    1,
    (_, response) => response.writeHead(206).end(image.subarray(3 * WINDOW, 3 * WINDOW + 99)),
  ],
  [
    "breaks off in the middle",
    1,
    (request, response) => {
      response.writeHead(206, { "Content-Length": WINDOW });
      response.write(image.subarray(3 * WINDOW, 3.5 * WINDOW), () => request.socket.destroy());
    },
  ],
  ["goes on beyond the end", 9, (_, response) => response.writeHead(206).end(image.subarray(3 * WINDOW))],
];
for (const [what, times, wrong] of passing) {
  test(`a server that ${what} is got over`, async ({ page, site }) => {
    let left = times;
    const listener = only(3, wrong);
    await using server = await serve((request, response) => {
      (asksFrom(request, 3 * WINDOW) && left-- > 0 ? withCors(listener, what) : good)(request, response);
    });
    const downloading = page.waitForEvent("download");
    await open(page, site.url, server, { giveUpAfterSeconds: 60 });
    await expectWhole(downloading);
    expect(left).toBeLessThan(times);
  });
}

test("a server without ranges is read in one stream", async ({ page, site }) => {
  await using server = await serve((request, response) => {
    delete request.headers.range;
    good(request, response);
  });
  const downloading = page.waitForEvent("download");
  await open(page, site.url, server);
  await expectWhole(downloading);
});

const names = ["../x", `it's"`, "<script>alert(1)</script>", "x".repeat(300), "%F0%9F%8E%B9", "-rf"];
for (const name of names) {
  test(`${name.slice(0, 30)} is no piece`, async ({ page, site }) => {
    await using server = await serve(good);
    await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url });
    page.on("dialog", (dialog) => void dialog.dismiss().then(() => expect(dialog.message()).toBe("")));
    await page.goto(site.url);
    await type(page, `os ${name}`);
    await expect.poll(() => says(page)).toMatch(/is not the name of a piece\. Try a name like/);
    expect(server.requests.some((request) => request.includes("pack-html"))).toBe(false);
  });
}

test("os alone offers pieces, and builds the one that is typed", async ({ page, site }) => {
  await using server = await serve(good);
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url });
  await page.goto(site.url);
  await type(page, "os");
  await expect.poll(() => says(page)).toContain("choose a piece");
  await page.keyboard.type("prompt");
  await page.keyboard.press("Space");
  const downloading = page.waitForEvent("download");
  await startBuild(page);
  const download = await expectWhole(downloading);
  expect(download.suggestedFilename()).toBe("prompt-os.iso");
});

test("offline, it waits, and goes on by itself when online again", async ({ page, site, context }) => {
  await using server = await serve(good);
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url, giveUpAfterSeconds: 2 });
  await page.goto(site.url);
  await type(page, "os notepat");
  await expect.poll(() => says(page)).toMatch(READY);
  await page.waitForTimeout(1_000); // what saves the file is loaded too
  await context.setOffline(true);
  const downloading = page.waitForEvent("download");
  await page.keyboard.press("s");
  await expect.poll(() => says(page)).toContain("this computer is offline, retry");
  await page.waitForTimeout(5_000); // longer than it goes on without progress
  await context.setOffline(false);
  await expectWhole(downloading);
});

for (const moment of ["while preparing", "while saving"]) {
  test(`cancel ${moment}, and start again`, async ({ page, site }) => {
    let slow = true;
    const stuck = moment === "while preparing" ? "/pack-html" : "/base.img";
    await using server = await serve((request, response) => {
      const { pathname } = new URL(request.url ?? "", "http://any");
      const later = asksFrom(request, 3 * WINDOW);
      if (slow && pathname === stuck && (pathname === "/pack-html" || later)) return; // no answer
      good(request, response);
    });
    await open(page, site.url, server);
    await expect.poll(() => says(page)).toMatch(moment === "while saving" ? /48%/ : /asking for/);
    await cancel(page);
    await expect.poll(() => says(page)).toContain("The build was cancelled.");
    await expectNoFile(page);
    slow = false;
    const again = page.waitForEvent("download");
    await page.keyboard.press("r");
    await startBuild(page);
    await expectWhole(again);
  });
}

test("leaving the piece and coming back finds the build where it is", async ({ page, site }) => {
  const { listener, release } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toContain("48%");
  await page.keyboard.press("Escape");
  await expect.poll(() => says(page)).not.toContain("48%");
  await type(page, "os notepat");
  await expect.poll(() => says(page)).toContain("48%");
  expect(server.requests.filter((request) => request.includes("pack-html"))).toHaveLength(1);
  release();
  await expect.poll(() => says(page)).toContain("in your downloads");
  await expectFile(page);
});

const ends: [string, (page: Page) => Promise<void>, RegExp][] = [
  [
    "cancelling in the browser",
    async (page) => await seen.get(page)?.[0]?.cancel(),
    /The browser ended the download/,
  ],
  [
    "a service worker that is stopped",
    async (page) => {
      const protocol = await page.context().newCDPSession(page);
      await protocol.send("ServiceWorker.enable");
      await protocol.send("ServiceWorker.stopAllWorkers");
    },
    /The browser stopped the part of this page that saves/,
  ],
];
for (const [what, end, sentence] of ends) {
  test(`${what} is told, and the next attempt works`, async ({ page, site }) => {
    let slow = true;
    await using server = await serve((request, response) => {
      if (!slow || !asksFrom(request, 3 * WINDOW)) good(request, response);
    });
    await open(page, site.url, server);
    await expect.poll(() => says(page)).toContain("48%");
    await end(page);
    await expect.poll(() => says(page), { timeout: 20_000 }).toMatch(sentence);
    await expectNoFile(page);
    slow = false;
    const again = page.waitForEvent("download");
    await page.keyboard.press("r");
    await startBuild(page);
    await expectWhole(again);
  });
}

test("an extension that takes the download over is told, with the way out", async ({ page, site }) => {
  const { listener } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  page.on("download", (download) => void download.cancel()); // as such extensions do
  await open(page, site.url, server);
  await expect
    .poll(() => says(page), { timeout: 20_000 })
    .toMatch(/as soon as it began.*extension.*"choose where"/);
  expect(await says(page)).not.toContain("Delete");
});

test("cookies that are blocked are told, with the way out", async ({ page, site, context }) => {
  await using server = await serve(good);
  await context.addInitScript(() => {
    // What Chromium does where they are, which no protocol can tell it to do.
    const why = "Failed to register a ServiceWorker: The user denied permission to use Service Worker.";
    ServiceWorkerContainer.prototype.register = () =>
      Promise.reject(new DOMException(why, "NotSupportedError"));
  });
  await open(page, site.url, server);
  await expect
    .poll(() => says(page), { timeout: 20_000 })
    .toMatch(/allow cookies for this site.*"choose where"/);
});

test("what was built meanwhile is shown, not built again", async ({ page, site }) => {
  const { listener, release } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toContain("48%");
  await page.keyboard.press("Escape");
  await expect.poll(() => says(page)).toContain("Type a piece");
  release();
  await expectFile(page);
  await type(page, "os notepat");
  await expect.poll(() => says(page)).toContain("in your downloads");
  await expectFile(page);
});

test("a window of any size", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toContain("in your downloads");
  const size = () =>
    page.evaluate("(({ width, height }) => `${width} x ${height}`)(document.querySelector('canvas'))");
  for (const [width, height] of [
    [2, 2],
    [32, 32],
    [30, 300],
    [3000, 40],
    [960, 600],
  ] as const) {
    const before = await size();
    await page.setViewportSize({ width, height });
    await expect.poll(size).not.toBe(before); // painted anew
  }
  await expect.poll(() => says(page)).toContain("in your downloads");
});

test("closing the tab ends the download", async ({ page, site, context }) => {
  await using server = await serve((request, response) => {
    if (!asksFrom(request, 3 * WINDOW)) good(request, response);
  });
  const tab = await context.newPage();
  const downloading = tab.waitForEvent("download");
  await open(tab, site.url, server);
  const download = await downloading;
  await expect.poll(() => says(tab)).toContain("48%");
  await tab.close();
  expect(await download.failure()).not.toBeNull();
  await page.goto(site.url); // and the next tab is none the worse for it
  const again = page.waitForEvent("download");
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url });
  await type(page, "os drift");
  await startBuild(page);
  expect((await again).suggestedFilename()).toBe("drift-os.iso");
});

test("two tabs build at once, and both files are whole", async ({ page, site, context }) => {
  await using server = await serve(good);
  const other = await context.newPage();
  const both = [page, other].map((each) => each.waitForEvent("download"));
  await Promise.all([page, other].map((each) => open(each, site.url, server)));
  await Promise.all(both.map(expectWhole));
});

/** `os notepat`, with all parts from `server`, started when it is ready. */
async function open(
  page: Page,
  url: string,
  server: TestServer,
  { giveUpAfterSeconds = 3 } = {},
): Promise<void> {
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url, giveUpAfterSeconds });
  seen.set(page, downloads(page));
  await page.goto(url);
  await type(page, "os notepat");
  void startBuild(page).catch(() => {}); // not everything gets so far
}

const seen = new WeakMap<Page, ReturnType<typeof downloads>>();

/** Whatever the browser had begun to save has failed: nothing is passed off as whole. */
async function expectNoFile(page: Page): Promise<void> {
  for (const download of seen.get(page) ?? []) expect(await download.failure()).not.toBeNull();
}

async function expectFile(page: Page): Promise<void> {
  const all = seen.get(page) ?? [];
  expect(all).toHaveLength(1);
  for (const download of all) expect(await download.failure()).toBeNull();
}

async function expectWhole(downloading: Promise<import("playwright/test").Download>) {
  const download = await downloading;
  expect(await download.failure()).toBeNull();
  const { size } = await import("node:fs").then(async (fs) => fs.statSync(await download.path()));
  expect(size).toBe(manifest.image.size);
  return download;
}

function hangUp(request: IncomingMessage): void {
  request.socket.destroy();
}

/** A manifest changed before it was signed. */
function signed(change: object): RequestListener {
  return files({ "/manifest.json": { ...manifest, ...change } });
}

function json(status: number, body: object): RequestListener {
  return (_, response) => response.writeHead(status).end(JSON.stringify(body));
}

function html(body: string): RequestListener {
  return (_, response) => response.end(body);
}

/** Wrong for a request that starts at `window`, right for all others. */
function only(window: number, wrong: RequestListener): RequestListener {
  return (request, response) => (asksFrom(request, window * WINDOW) ? wrong : good)(request, response);
}

function withCors(listener: RequestListener, what: string): RequestListener {
  return (request, response) => {
    if (!what.includes("CORS")) response.setHeader("Access-Control-Allow-Origin", "*");
    listener(request, response);
  };
}
