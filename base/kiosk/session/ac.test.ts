import type { Page } from "playwright";
import { expect, test } from "vitest";
import { AC_PIECES, acBundle, type StandIn } from "../../../src/testing/ac-bundle.ts";
import { type KioskBrowser, startKioskBrowser } from "../../../src/testing/kiosk-browser.ts";

// Bundles of AC's shape in the kiosk's own browser, without a screen.
const MS = 240_000;
const patient = { timeout: 60_000, interval: 50 };
const FORMS = ["plain", "gzip"] as const;

/** A screen's size is the kiosk's to say: here the page has 800 by 600. */
const flags = ["--window-size=800,600"];

const standIn = (page: Page) =>
  page
    .evaluate(() => (window as unknown as { standIn?: StandIn }).standIn ?? undefined)
    .catch(() => undefined);
const frames = async (page: Page) => (await standIn(page))?.frames ?? 0;

/** Wait until a page that was opened anew runs its piece. */
async function isBack(page: Page): Promise<void> {
  await expect.poll(async () => (await standIn(page))?.piece, patient).toBe("frog");
  await expect.poll(async () => (await standIn(page))?.lastFrameMs ?? 0, patient).toBeGreaterThan(0);
}

/** Mark the document, so that its successor can be told from it. */
const mark = (page: Page) => page.evaluate(() => void Object.assign(window, { marked: true }));
const isMarked = (page: Page) => page.evaluate(() => "marked" in window).catch(() => true);

async function start(options: Parameters<typeof acBundle>[0], seconds?: number): Promise<KioskBrowser> {
  return await startKioskBrowser(acBundle(options), {
    flags,
    ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
    screen: { width: 3840, height: 2160 },
  });
}

test.each(FORMS)(
  "a bundle is shown when its piece runs, at the screen's density (%s)",
  { timeout: MS },
  async (form) => {
    await using kiosk = await start({ source: AC_PIECES.slow, form });
    expect(await kiosk.browser.shown).toBeUndefined();
    const page = await kiosk.page();
    expect(await standIn(page)).toMatchObject({ piece: "frog", loads: 1, density: 8, gap: 0, noauth: true });
    expect(await frames(page)).toBeGreaterThan(0);
  },
);

test.each([
  ["hangs", /^It has not come to its first picture in time\.$/],
  ["broken", /is-not-there/],
  ["missing", /disks\/frog\.mjs: 404/],
] as const)("a piece that %s gets another page, with the reason", { timeout: MS }, async (name, reason) => {
  const source = name === "missing" ? undefined : AC_PIECES[name];
  await using kiosk = await start({ source }, 20);
  expect(await kiosk.browser.shown).toMatch(reason);
  const page = await kiosk.page();
  expect(await page.textContent("p")).toMatch(reason);
  // Escape tries again
  await page.keyboard.press("Escape");
  await expect.poll(async () => (await standIn(page))?.noise ?? 0, patient).toBeGreaterThan(0);
});

test("a runtime that does not come up gets another page too", { timeout: MS }, async () => {
  await using kiosk = await start({ files: { "boot.mjs": "throw new Error('no boot');" } });
  expect(await kiosk.browser.shown).toBe("Boot failed: no boot");
});

test.each(
  (["animates", "holdsKeys", "crashes", "halts"] as const).flatMap((name) =>
    FORMS.map((form) => [name, form] as const),
  ),
)("Escape, backtick and Backspace bring back a piece that %s (%s)", { timeout: MS }, async (name, form) => {
  await using kiosk = await start({ source: AC_PIECES[name], form });
  let lost = "";
  void kiosk.browser.lost.then((how) => (lost = how));
  await kiosk.browser.shown;
  const page = await kiosk.page();
  const stops = name === "crashes" || name === "halts";
  for (const key of ["Escape", "`", "Backspace", "Escape"]) {
    await expect.poll(() => frames(page), patient).toBeGreaterThan(stops ? 30 : 0);
    if (key === "Backspace") {
      await page.reload();
      await expect.poll(() => frames(page), patient).toBeGreaterThan(stops ? 30 : 0);
    }
    await mark(page);
    await page.keyboard.press(key);
    await expect.poll(async () => lost || (await isMarked(page)), patient).toBe(false);
    await isBack(page);
    expect(await standIn(page)).toMatchObject({ piece: "frog", loads: 1 });
  }
});

const RELOADS = `// reloads, 2026
// Itself, once, as soon as it is there.
export function boot() {
  if (localStorage.getItem("reloaded")) return;
  localStorage.setItem("reloaded", "once");
  setTimeout(() => location.reload());
}
export const paint = ({ wipe }) => wipe(9, 9, 9);
`;

test("a page that is opened anew while the session looks at it is waited for", { timeout: MS }, async () => {
  await using kiosk = await start({ source: RELOADS }, 30);
  let lost = "";
  void kiosk.browser.lost.then((how) => (lost = how));
  await kiosk.browser.shown;
  const page = await kiosk.page();
  await expect.poll(() => frames(page), patient).toBeGreaterThan(0);
  await mark(page);
  await page.keyboard.press("Escape");
  await expect.poll(() => isMarked(page), { ...patient, timeout: 20_000 }).toBe(false);
  expect(lost).toBe("");
});

const HANGS = `// hangs, 2026
// At a key, once.
const hung = localStorage.getItem("hung");
fetch("/heard?" + (hung ?? "never"));
export function paint({ wipe }) {
  wipe(9, 9, 9);
}
export function act({ event }) {
  if (hung || !event.is("keyboard:down:h")) return;
  localStorage.setItem("hung", "once");
  for (;;);
}
`;

test("a page that hangs is opened anew when the compositor tells of a key", { timeout: MS }, async () => {
  await using kiosk = await start({ source: HANGS }, 30);
  let lost = "";
  void kiosk.browser.lost.then((how) => (lost = how));
  await kiosk.browser.shown;
  expect(await kiosk.heard()).toBe("never");
  const page = await kiosk.page();
  void page.keyboard.press("h").catch(() => {}); // which nobody answers
  let again = "";
  void kiosk.heard().then((words) => (again = words));
  const press = async () => {
    await kiosk.browser.leave(); // does nothing while the page answers
    return again;
  };
  await expect.poll(press, patient).toBe("once");
  await expect.poll(() => frames(page), patient).toBeGreaterThan(30);
  expect(lost).toBe("");
});

test.each(["jumps", "jumpsAway"] as const)(
  "a piece that %s to one that is not there is brought back, and not for ever",
  { timeout: MS },
  async (name) => {
    const counts = acBundle({ source: AC_PIECES[name] }).replace(
      "<head>",
      `<head><script>fetch("/heard?")</script>`,
    );
    await using kiosk = await startKioskBrowser(counts, { flags });
    expect(await kiosk.browser.shown).toBeUndefined();
    for (let times = 0; times < 5; times++) await kiosk.heard();
    const page = await kiosk.page();
    const words = () => page.textContent("p", { timeout: 1000 }).catch(() => "");
    await expect.poll(words, patient).toMatch(/goes to another piece/);
    await page.keyboard.press("Escape");
    await kiosk.heard();
  },
);

test(
  "what edits text keeps Backspace and backtick, and other pages their keys",
  { timeout: MS },
  async () => {
    await using kiosk = await startKioskBrowser(`<!doctype html><p>words<input autofocus>`);
    await kiosk.browser.shown;
    const page = await kiosk.page();
    await mark(page);
    for (const key of ["a", "`", "Backspace", "b", "Escape"]) await page.keyboard.press(key);
    expect(await page.inputValue("input")).toBe("ab");
    await page.evaluate(() => fetch("/heard?still")); // a round trip after the last key
    expect(await kiosk.heard()).toBe("still");
    expect(await isMarked(page)).toBe(true);
  },
);

test("nothing is sent to AC", { timeout: MS }, async () => {
  const sends = acBundle({ piece: "$cow", kidlisp: "purple, ink, line" });
  const heard = `addEventListener("load", () => fetch("/heard?" + (window.sent ?? "nothing")));`;
  const spy = `<script>navigator.sendBeacon = (url) => { window.sent = url; return true; }; ${heard}</script>`;
  await using kiosk = await startKioskBrowser(sends.replace("<head>", `<head>${spy}`));
  await kiosk.browser.shown;
  expect(await kiosk.heard()).toBe("nothing");
});
