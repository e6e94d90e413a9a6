import { type Browser, type Page, chromium } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AC_PIECES, acBundle, type AcBundleOptions, type StandIn } from "./ac-bundle.ts";
import { chromiumArgs, chromiumPath } from "./chromium.ts";
import { serve } from "./range-server.ts";

// The stand-in for AC's runtime does in a real browser what it says: other tests lean on that.

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
}, 60_000);
afterAll(() => browser.close());

const FORMS = ["plain", "gzip"] as const;
const patient = { timeout: 30_000 };

async function run(options: AcBundleOptions, query: string, check: (page: Page) => Promise<void>) {
  await using server = await serve((request, response) => {
    if (request.url?.startsWith("/piece.html")) {
      response.writeHead(200, { "Content-Type": "text/html" }).end(acBundle(options));
    } else response.writeHead(404).end();
  });
  const page = await browser.newPage({ viewport: { width: 640, height: 480 } });
  try {
    await page.goto(`${server.url}/piece.html${query}`);
    await check(page);
  } finally {
    await page.close();
  }
}

const standIn = (page: Page) =>
  page.evaluate(() => (window as unknown as { standIn?: StandIn }).standIn ?? undefined);
const preloaded = (page: Page) =>
  page.evaluate(() => (window as unknown as { preloaded?: boolean }).preloaded);

test.each(FORMS)("a piece loads and animates (%s)", { timeout: 60_000 }, async (form) => {
  await run({ piece: "frog", form }, "", async (page) => {
    await expect.poll(async () => (await standIn(page))?.frames, patient).toBeGreaterThan(3);
    expect(await preloaded(page)).toBe(true);
    expect(await standIn(page)).toMatchObject({ piece: "frog", loads: 1, density: 2, gap: 8, width: 312 });
    await page.keyboard.press("Escape");
    await expect.poll(async () => (await standIn(page))?.piece, patient).toBe("prompt");
    const before = (await standIn(page))?.noise ?? 0;
    await expect.poll(async () => (await standIn(page))?.noise, patient).toBeGreaterThan(before);
  });
});

test("density, gap and log-in are the address's to say", { timeout: 60_000 }, async () => {
  await run({ density: 3 }, "?density=8&nogap=true&noauth=true", async (page) => {
    await expect.poll(async () => (await standIn(page))?.frames, patient).toBeGreaterThan(0);
    expect(await standIn(page)).toMatchObject({ density: 8, gap: 0, noauth: true, width: 80, height: 60 });
  });
});

test.each(["hangs", "broken", "missing"] as const)(
  "%s: noise, and no piece",
  { timeout: 60_000 },
  async (name) => {
    const source = name === "missing" ? undefined : AC_PIECES[name];
    await run({ source }, "", async (page) => {
      await expect.poll(async () => (await standIn(page))?.noise, patient).toBeGreaterThan(5);
      expect(await standIn(page)).toMatchObject({ loads: 0, frames: 0 });
      expect(await preloaded(page)).toBe(false);
    });
  },
);

test.each([
  ["jumps", "prompt", true],
  ["jumpsAway", "frog", false],
] as const)("%s", { timeout: 60_000 }, async (name, piece, loaded) => {
  await run({ source: AC_PIECES[name] }, "", async (page) => {
    await expect.poll(async () => (await standIn(page))?.frames, patient).toBeGreaterThan(20);
    const painted = (await standIn(page))?.noise ?? 0;
    await expect.poll(async () => (await standIn(page))?.noise, patient).toBeGreaterThan(painted + 5);
    expect((await standIn(page))?.piece).toBe(piece);
    expect(await preloaded(page)).toBe(loaded);
  });
});

test.each(["crashes", "halts"] as const)("%s: nothing moves any more", { timeout: 60_000 }, async (name) => {
  await run({ source: AC_PIECES[name] }, "", async (page) => {
    await expect.poll(async () => (await standIn(page))?.frames, patient).toBe(31);
    if (name === "halts") expect(await page.textContent("body")).toBe("HALT");
    // Three frames of the page's own later the runtime has had its turn, and painted nothing.
    await page.evaluate(async () => {
      for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    });
    expect((await standIn(page))?.frames).toBe(31);
  });
});

test("a piece that holds all keys", { timeout: 60_000 }, async () => {
  await run({ source: AC_PIECES.holdsKeys }, "", async (page) => {
    await expect.poll(async () => (await standIn(page))?.frames, patient).toBeGreaterThan(0);
    await page.keyboard.press("Escape");
    await page.keyboard.press("a");
    expect(await standIn(page)).toMatchObject({ piece: "frog" });
  });
});

test.each(FORMS)("KidLisp, with its telemetry (%s)", { timeout: 60_000 }, async (form) => {
  await run({ piece: "$cow", kidlisp: "purple, ink, line", form }, "", async (page) => {
    await expect.poll(async () => (await standIn(page))?.frames, patient).toBeGreaterThan(0);
    expect(await standIn(page)).toMatchObject({ piece: "$cow" });
    expect(await page.evaluate(() => document.documentElement.innerHTML)).toContain("bundle-telemetry");
  });
});

test("the same, unless it was packed at another time", () => {
  const at = (seconds: number) => acBundle({ packed: new Date(seconds * 1000) });
  expect(at(1)).toBe(at(1));
  expect(at(1)).not.toBe(at(2));
});
