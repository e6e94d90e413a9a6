import { resolve } from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";

// Our pieces in a real browser, as a kiosk shows them: full size, and nobody to ask.

let browser: Browser;

beforeAll(async () => {
  const args = [...chromiumArgs, "--autoplay-policy=no-user-gesture-required"];
  browser = await chromium.launch({ executablePath: chromiumPath, args });
});

afterAll(() => browser?.close());

test.each(["notepat", "prompt", "drift"])("%s paints, asks for nothing, fails at nothing", async (name) => {
  const { page, troubles } = await open(name);
  await page.mouse.move(100, 500);
  await page.mouse.down();
  await page.mouse.move(600, 500, { steps: 8 });
  await page.mouse.up();
  await page.keyboard.type("hello 1;'");
  await page.keyboard.press("Enter");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => colors(page), { timeout: 10_000 }).toBeGreaterThan(2);
  expect(troubles).toEqual([]);
  await page.close();
});

test("notepat sounds while a key is down, in tune, and falls silent", async () => {
  const { page } = await open("notepat");
  await page.keyboard.down("h"); // A4, 440 Hz
  await expect.poll(() => level(page), { timeout: 10_000 }).toBeGreaterThan(0.05);
  expect(await page.evaluate("Math.round(audio.voices.get(69).oscillators[0].frequency.value)")).toBe(440);
  await page.keyboard.down("j");
  expect(await page.evaluate("[...audio.voices.keys()]")).toEqual([69, 71]);
  await page.keyboard.up("h");
  await page.keyboard.up("j");
  expect(await page.evaluate("audio.voices.size")).toBe(0);
  await expect.poll(() => level(page), { timeout: 10_000 }).toBeLessThan(0.002);
  await page.keyboard.press("x");
  await page.keyboard.down("a");
  expect(await page.evaluate("[...audio.voices.keys()]")).toEqual([72]); // an octave up
  await page.close();
});

test("notepat plays with several fingers, and sliding goes from key to key", async () => {
  const { page } = await open("notepat");
  const point = (type: string, pointerId: number, clientX: number) =>
    page.evaluate(
      ([kind, init]) => void window.dispatchEvent(new PointerEvent(kind, { ...init, pointerType: "touch" })),
      [type, { pointerId, clientX, clientY: 700 }] as const,
    );
  const playing = () => page.evaluate("[...new Set(held.values())].length");
  await point("pointerdown", 1, 100);
  await point("pointerdown", 2, 700);
  expect(await playing()).toBe(2);
  const before = await page.evaluate("held.get(1)");
  await point("pointermove", 1, 300);
  expect(await page.evaluate("held.get(1)")).toBeGreaterThan(Number(before));
  await point("pointerup", 1, 300);
  await point("pointercancel", 2, 700);
  expect(await playing()).toBe(0);
  await page.close();
});

async function open(name: string): Promise<{ page: Page; troubles: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  const troubles: string[] = [];
  const url = `file://${resolve(import.meta.dirname, "pieces", `${name}.html`)}`;
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) troubles.push(request.url());
  });
  await page.goto(url);
  return { page, troubles };
}

/** How many colours the canvas shows. */
function colors(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    const data = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(data?.buffer ?? new ArrayBuffer())).size;
  });
}

/** The loudest of what is heard now. */
function level(page: Page): Promise<number> {
  return page.evaluate(
    "audio.scope.getFloatTimeDomainData(audio.samples), Math.max(...audio.samples.map(Math.abs))",
  );
}
