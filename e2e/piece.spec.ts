import path from "node:path";
import type { Page } from "playwright/test";
import type { BuildState, ImageFileState, PieceMessage } from "../src/messages.ts";
import { acBundle } from "../src/testing/ac-bundle.ts";
import { announcement, screenOf } from "../src/piece/screens.ts";
import { models } from "../src/testing/models.ts";
import { images, pageInfo, states } from "../src/testing/states.ts";
import { linkTo } from "../src/ui/link.ts";
import { expect, says, test, type } from "./site.ts";

// The piece in a browser, with a page module that says what the test wants, and does with previews, links
// and what is to be heard as the real one does.

const out = path.join(import.meta.dirname, "out");

const MODULE = `
import { showPreview, hidePreview } from "/src/ui/preview.ts";
import { announce } from "/src/ui/screen-reader.ts";
import { linkTo } from "/src/ui/link.ts";
window.told ??= [];
for (const type of "hello open start pause resume cancel keep clear copy checksum preview link say".split(" ")) {
  when("os:" + type, (content) => {
    told.push({ type: "os:" + type, ...content });
    window.visit = content.visit;
    if (type === "hello") signal({ type: "os:page", visit, page: ${JSON.stringify(pageInfo)} });
    if (type === "say") announce(content.text);
    if (type === "link") signal({ type: "os:link", visit, ...linkTo({ pieces: [content.piece, ...(content.others ?? [])], qualifiers: [] }, "https://aesthetic.computer") });
    if (type === "preview" && content.box) showPreview(window.bundle ??= new Blob([BUNDLE]), content.box, content.piece);
    else if (type === "preview") hidePreview();
  });
}
acCONTENT_EVENTS.push(() => { hidePreview(); announce(""); });
window.show = (state) => signal({ type: "os:state", visit, state });
signal({ type: "os:ready" });
`;

/** A bundle that tries what it should not, and says on its canvas what came of it. */
const BUNDLE = `<!doctype html><title>trial</title><body style="margin:0;background:#0a0"><input autofocus><script>
  const tried = {};
  const attempt = (name, run) => { try { tried[name] = String(run()); } catch (error) { tried[name] = error.name; } };
  attempt("storage", () => localStorage.length);
  attempt("parent", () => parent.document.title);
  attempt("top", () => { top.location = "about:blank"; return "left"; });
  attempt("alert", () => alert("boo"));
  attempt("origin", () => origin);
  attempt("referrer", () => document.referrer || "none");
  document.querySelector("input").focus();
  document.body.dataset.tried = JSON.stringify(tried);
</script>`;

/** Visit the piece, with our page module in place of the real one. */
async function open(page: Page, url: string, slug = "os:notepat", bundle = BUNDLE): Promise<void> {
  await page.route("**/aesthetic.computer/os/page.js*", (route) =>
    route.fulfill({
      contentType: "text/javascript",
      body: MODULE.replace("BUNDLE", () => JSON.stringify(bundle).replaceAll("</", "<\\/")),
    }),
  );
  await page.goto(`${url}/${slug}`);
}

/** Let the page module say `state`. */
async function show(page: Page, state: BuildState): Promise<void> {
  await page.waitForFunction("window.visit !== undefined");
  await page.evaluate((shown) => {
    (window as unknown as { show(state: unknown): void }).show(shown);
  }, state);
}

/** Let the page module say that an image on disk is open, which is shown as soon as anything is done with it. */
async function showImage(page: Page, image: ImageFileState): Promise<void> {
  await page.evaluate(
    (all) => {
      const { signal, visit } = window as unknown as { signal(message: object): void; visit: string };
      for (const each of all) signal({ type: "os:image", visit, image: each });
    },
    [{ name: image.name, size: 0, inPlace: false, doing: "look" } as ImageFileState, image],
  );
}

/** What the piece has asked the page module for. */
async function told(page: Page): Promise<(PieceMessage & { type: string })[]> {
  return page.evaluate(() => (window as unknown as { told: [] }).told);
}

const canvases = [
  [256, 256, 2],
  [390, 844, 2],
  [960, 600, 2],
  [1920, 1080, 2],
  [3840, 2160, 2],
] as const;

for (const [width, height, density] of canvases) {
  test(`every state, ${width} by ${height}`, async ({ page, site }) => {
    await page.setViewportSize({ width: width + 16, height: height + 16 });
    await page.emulateMedia({ colorScheme: width === 390 || width === 1920 ? "light" : "dark" });
    await open(page, site.url, `os:notepat?density=${density}`);
    const { ready, saving, done } = states;
    const shown = width > 3000 ? { ready, saving, done } : states; // large pictures take long
    for (const [name, state] of Object.entries(shown)) {
      await show(page, state);
      const sign = {
        preparing: /asking/,
        baking: /oven bakes/,
        starting: /your browser/,
        ready: /s start/,
        normalised: /s start/,
        signed: /s start/,
        asks: /it asks|> 1\/\d/,
      }; // or on a later page
      const later = {
        unfinished: /s start/,
        done: /downloads/,
        handed: /handed to/,
        failed: /404/,
        cancelled: /was cancelled/,
        paused: /resume/,
        "piece alone": /the piece alone/,
        "piece alone, saved": /notepat-piece\.img is in/,
        "several alone": /the pieces alone/,
        "several alone, saved": /notepat\+2-piece\.img is in/,
      };
      const several = name.startsWith("several") ? /of 3: |s start|s go on|downloads/ : undefined;
      const usual = name.startsWith("stick") ? /stick/i : (several ?? /pause/);
      const expected = { ...sign, ...later }[name] ?? usual;
      await expect.poll(() => says(page)).toMatch(expected);
      await page.screenshot({ path: path.join(out, `piece-${width}-${name}.png`) });
    }
    if (width <= 3000) {
      for (const [name, image] of Object.entries(images)) {
        const model = models[`image ${name}`]!;
        await show(page, model.build!);
        await showImage(page, image);
        await expect(page.getByRole("status")).toHaveText(announcement(screenOf(model)));
        await page.screenshot({ path: path.join(out, `piece-${width}-image ${name}.png`) });
      }
    }
    expect(await page.evaluate("stage.errors")).toEqual([]);
  });
}

test("the preview's screen is one that a kiosk has, and a bundle of AC's is told so", async ({
  page,
  site,
}) => {
  await open(page, site.url, "os:notepat", acBundle());
  await show(page, states.ready);
  const running = "globalThis.standIn?.frames > 0 && innerWidth === 1280";
  const find = async () => {
    for (const frame of page.frames()) if (await frame.evaluate(running).catch(() => false)) return frame;
    return undefined;
  };
  await expect.poll(find).toBeTruthy();
  expect(
    await (await find())!.evaluate("[standIn.density, standIn.gap, standIn.width, document.compatMode]"),
  ).toEqual([3, 0, Math.floor(1280 / 3), "CSS1Compat"]);
});

test("the preview runs the bundle, alone, and leaves taps and keys to the piece", async ({ page, site }) => {
  await open(page, site.url);
  await show(page, states.ready);
  const holder = page.locator("#content iframe");
  await expect(holder).toHaveCount(1);
  expect(await holder.getAttribute("sandbox")).toBe("allow-scripts");
  const outer = (await (await holder.elementHandle())?.contentFrame())!;
  await expect.poll(() => outer.childFrames().length).toBe(1);
  const [frame] = outer.childFrames() as [import("playwright/test").Frame];
  await frame.waitForFunction("document.body.dataset.tried && innerWidth === 1280");
  const tried = await frame.evaluate("document.body.dataset.tried");
  expect(JSON.parse(String(tried))).toEqual({
    storage: "SecurityError",
    parent: "SecurityError",
    top: "SecurityError",
    alert: "undefined",
    origin: "null",
    referrer: "none",
  });

  const seen = await holder.boundingBox();
  const [{ box } = {}] = (await told(page)).filter(({ type: each }) => each === "os:preview");
  const canvas = (await page.locator("canvas").boundingBox())!;
  expect(seen?.x).toBeCloseTo(canvas.x + (box?.x ?? 0) * canvas.width, 0);
  expect(seen?.width).toBeCloseTo((box?.width ?? 0) * canvas.width, 0);

  await expect.poll(() => page.evaluate("document.activeElement === document.body")).toBe(true);
  await page.keyboard.press("k");
  await expect.poll(async () => (await told(page)).map((each) => each.type)).toContain("os:keep");
  await page.mouse.click(seen!.x + 20, seen!.y + 20);
  await page.keyboard.press("s");
  await expect.poll(async () => (await told(page)).map((each) => each.type)).toContain("os:start");

  await show(page, states.saving);
  await expect(holder).toHaveCount(0);
  await show(page, states.ready);
  await expect(holder).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect.poll(() => says(page)).toContain("Type a piece");
  await expect(holder).toHaveCount(0);
});

test("a bundle that will not leave the focus alone is shown no more", async ({ page, site }) => {
  const greedy = `${BUNDLE}<script>setInterval(() => document.querySelector("input").focus(), 20)</script>`;
  await open(page, site.url, "os:notepat", greedy);
  await show(page, states.ready);
  await expect(page.locator("#content iframe")).toHaveCount(1);
  await expect(page.locator("#content iframe")).toHaveCount(0);
  await page.keyboard.press("s");
  await expect.poll(async () => (await told(page)).map((each) => each.type)).toContain("os:start");
});

test("what is to be heard stands in a live region, and goes with the piece", async ({ page, site }) => {
  await open(page, site.url);
  await show(page, states.ready);
  const region = page.getByRole("status");
  await expect(region).toContainText("SHA-256: 451f2180");
  await expect(region).toContainText("s: Start.");
  await show(page, states.lost);
  await expect(region).toHaveText("Saving notepat-os.iso, 40 percent. Connection lost, retrying...");
  expect(await region.getAttribute("aria-live")).toBe("polite");
  expect((await region.boundingBox())?.width).toBeLessThanOrEqual(1);
  await page.keyboard.press("Escape");
  await expect.poll(() => says(page)).toContain("Type a piece");
  await expect(region).toHaveText("");
});

test("from a list of pieces to a build, by keys alone", async ({ page, site }) => {
  await open(page, site.url, "");
  await type(page, "os");
  await expect.poll(() => says(page)).toContain("notepat + prompt + line");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.screenshot({ path: path.join(out, "piece-picker.png") });
  await page.keyboard.press("Space");
  await expect.poll(() => page.evaluate("stage.piece")).toBe("os:line");
  expect(new URL(page.url()).pathname).toBe("/os:line");
  await expect.poll(async () => (await told(page)).map((each) => each.type)).toContain("os:open");
});

test("a phone gets a link and a code", async ({ browser, site }) => {
  const agent = "Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile";
  const page = await browser.newPage({
    userAgent: agent,
    viewport: { width: 390, height: 844 },
    hasTouch: true,
  });
  await open(page, site.url);
  await expect.poll(() => says(page)).toContain("cannot write a USB stick");
  const { url } = linkTo({ pieces: ["notepat"], qualifiers: [] }, "https://aesthetic.computer");
  await expect.poll(async () => (await says(page)).replaceAll(" ", "")).toContain(url);
  await page.screenshot({ path: path.join(out, "piece-phone.png") });
  await page.touchscreen.tap(50, 810);
  await expect.poll(async () => (await told(page)).map((each) => each.type)).toContain("os:open");
  await page.close();
});

test("the frames rest when nothing changes", async ({ page, site }) => {
  await open(page, site.url);
  await show(page, states.done);
  await expect.poll(() => says(page)).toContain("in your downloads");
  const drawn = () =>
    page.evaluate(async () => {
      const context = document.querySelector("canvas")!.getContext("2d")!;
      let count = 0;
      const put = context.putImageData.bind(context);
      context.putImageData = (image: ImageData, x: number, y: number) => {
        count += 1;
        put(image, x, y);
      };
      for (let i = 0; i < 60; i++) await new Promise(requestAnimationFrame);
      return count;
    });
  expect(await drawn()).toBeLessThanOrEqual(1);
});
