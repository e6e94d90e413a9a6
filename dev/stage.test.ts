import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";
import { colorNames } from "./stage/names.ts";
import type { Running } from "./http-server.ts";
import { serveStage } from "./serve-stage.ts";

// The stage in a real browser, with pieces made for this.

const ROOM = 20_000; // for what the stage has to say, in milliseconds; the machine may be busy

let folder = "";
let site: Running;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stage-"));
  await mkdir(join(folder, "aesthetic.computer/disks"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, "aesthetic.computer", name), text);
  }
  site = await serveStage({ latest: "http://localhost:1/", oven: "http://localhost:2", directory: folder });
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 960, height: 600 }, colorScheme: "dark" });
});

afterEach(async () => {
  await page.close();
});

test("a line typed at the prompt loads a piece, from a blob, with its parameters", async () => {
  await page.goto(site.url);
  await says("Type a piece");
  await page.keyboard.type("zoo notepat");
  await page.keyboard.press("Enter");
  await says('params ["notepat"] colon [] 476x296');
  await says("from blob:");
  expect(new URL(page.url()).pathname).toBe("/zoo~notepat");
  expect(await page.title()).toBe("zoo");
  expect(await errors()).toEqual([]);
});

test.each([
  ["/zoo:notepat", 'params [] colon ["notepat"]'],
  ["/zoo:$cow", 'params [] colon ["$cow"]'],
  ["/zoo:%24cow", 'params [] colon ["$cow"]'],
  ["/zoo:@jeffrey/frog", 'params [] colon ["@jeffrey/frog"]'],
  ["/zoo~notepat", 'params ["notepat"] colon []'],
  ["/zoo:notepat?density=4", 'params [] colon ["notepat"] 238x148'],
])("%s opens straight to the piece", async (path, text) => {
  await page.goto(site.url + path);
  await says(text);
  expect(new URL(page.url()).search).toBe("");
});

test("back and forward follow the pieces, Escape and the label go to the prompt", async () => {
  await page.goto(`${site.url}/zoo:a`);
  await says('colon ["a"]');
  await page.keyboard.press("Escape");
  await says("Type a piece");
  expect(new URL(page.url()).pathname).toBe("/prompt");
  await page.goBack();
  await says('colon ["a"]');
  await page.goForward();
  await says("Type a piece");
  await page.goBack();
  await says('colon ["a"]');
  await page.keyboard.press("Backspace");
  await says("zoo:a");
  await page.keyboard.type("b");
  await page.keyboard.press("Enter");
  await says('colon ["ab"]');
  await page.mouse.click(24, 24);
  await says("Type a piece");
});

test("an unknown piece is said to be unknown, and the next line works", async () => {
  await page.goto(`${site.url}/nope:x`);
  await says("There is no piece called nope");
  for (const _ of "nope:x") await page.keyboard.press("Backspace");
  await page.keyboard.type("../../etc/passwd <script>");
  await page.keyboard.press("Enter");
  await says("There is no piece called ../../etc/passwd");
  await page.keyboard.press("Escape");
  await page.keyboard.type("zoo");
  await page.keyboard.press("Enter");
  await says("params []");
});

test("dom.html covers the canvas, runs the first script alone, and signals go both ways", async () => {
  await page.goto(`${site.url}/zoo:dom`);
  await says("page said hello from a module"); // page → piece
  await expect.poll(() => page.evaluate("heard"), { timeout: ROOM }).toEqual(["from act: ping"]); // piece → page
  expect(await page.evaluate("visits")).toBe(1);
  expect(await page.evaluate("loadedFrom")).toMatch(/\/main\.mjs#nonce#\d+$/);
  const over = await page.evaluate(() => {
    const content = document.querySelector("#content");
    const { zIndex, pointerEvents } = getComputedStyle(content ?? document.body);
    return { zIndex, pointerEvents, text: content?.querySelector("p")?.textContent };
  });
  expect(over).toEqual({ zIndex: "4", pointerEvents: "all", text: "over" });
  await page.mouse.click(480, 300); // pens reach the piece through it
  await says("touched 238,148");
});

test("leaving a piece runs acCONTENT_EVENTS, forgets whens, keeps undelivered signals", async () => {
  await page.goto(`${site.url}/zoo:dom`);
  await says("page said hello");
  await page.evaluate('acCONTENT_EVENTS.push(() => signal("for the next"))');
  await page.evaluate('acSEND({ type: "jump", content: { piece: "zoo:again" } })');
  await says('colon ["again"]');
  await says("page said for the next");
  expect(await page.evaluate("left")).toBe(1);
  expect(await page.locator("#content").count()).toBe(0);
  await page.keyboard.press("s"); // signals to a listener of the visit before
  await says("keyboard:down:s");
  expect(await page.evaluate("heard")).toEqual(["from act: ping"]);
});

test("the wheel and the person's taste are told", async () => {
  await page.goto(`${site.url}/zoo:events`);
  await says("dark-mode");
  await page.mouse.wheel(0, 40);
  await says("scroll 20");
  await page.emulateMedia({ colorScheme: "light" });
  await says("light-mode");
});

test("a tap at the prompt opens a phone's keyboard, and what it puts in is typed", async () => {
  const phone = await browser.newContext({
    viewport: { width: 390, height: 700 },
    hasTouch: true,
    isMobile: true,
  });
  page = await phone.newPage();
  await page.goto(site.url);
  await says("Type a piece");
  await page.touchscreen.tap(100, 300);
  await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("INPUT");
  await page.keyboard.insertText("zoo x"); // without keydown, as phones do
  await page.keyboard.press("Backspace");
  await page.keyboard.type("y");
  await says("zoo y");
  await page.keyboard.press("Enter");
  await says('params ["y"]');
  expect(await page.evaluate("document.activeElement.tagName")).toBe("BODY");
});

test("a new window size is told as reframed", async () => {
  await page.goto(`${site.url}/zoo`);
  await says("476x296");
  await page.setViewportSize({ width: 500, height: 400 });
  await says("246x196 reframed");
});

test("what fails in a piece is on the canvas and in stage.errors", async () => {
  await page.goto(`${site.url}/bad`);
  await expect.poll(errors, { timeout: ROOM }).toEqual(["bad: paint: nothing here"]);
});

test("a piece whose boot does not end is halted, and any key goes to the prompt", async () => {
  await page.goto(`${site.url}/slow`);
  await says("slow made no frame for 8 seconds and was halted.");
  await page.keyboard.press("a");
  await says("Type a piece");
});

test("store keeps what is persisted", async () => {
  await page.goto(`${site.url}/zoo:store`);
  await says("stored null");
  await page.reload();
  await says('stored {"a":1}');
});

test("pixels are crisp", async () => {
  await page.goto(`${site.url}/zoo`);
  await says("params");
  const colors = await page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    const data = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const seen = new Set<number>();
    for (let i = 0; i < data.length; i += 4)
      seen.add(((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0));
    return [...seen].map((color) => color.toString(16).padStart(6, "0"));
  });
  expect(new Set(colors)).toEqual(new Set(["000000", "ffffff", "ffc8f0"])); // the piece's two, and its label's
});

test("CSS knows colours by the same names", async () => {
  const known = await page.evaluate(
    (names) => {
      const context = document.createElement("canvas").getContext("2d");
      return names.map((name) => {
        if (context) context.fillStyle = name;
        return context?.fillStyle;
      });
    },
    [...colorNames.keys()],
  );
  const hex = [...colorNames.values()].map(
    (rgb) => `#${rgb.map((v) => v.toString(16).padStart(2, "0")).join("")}`,
  );
  expect(known).toEqual(hex);
});

async function says(text: string): Promise<void> {
  await expect.poll(() => page.evaluate("stage.text().join(' ')"), { timeout: ROOM }).toContain(text);
}

function errors(): Promise<unknown> {
  return page.evaluate("stage.errors");
}

const files = {
  "disks/zoo.mjs": `// zoo, 2026.11.23
// Shows what it is told.
let said = [], place = "", store = "", size = "";
function boot({ dom, colon, store: kept }) {
  if (colon[0] === "dom") {
    dom.html\`<p>over</p><script src="/aesthetic.computer/main.mjs#nonce"></script>\`;
    dom.html\`<script>visits = 99</script>\`;
  }
  if (colon[0] === "store") kept.retrieve("zoo").then((value) => {
    store = "stored " + JSON.stringify(value);
    kept["zoo"] = { a: 1 };
    kept.persist("zoo");
  });
}
function paint({ wipe, ink, params, colon, screen }) {
  wipe("black");
  const line = "params " + JSON.stringify(params) + " colon " + JSON.stringify(colon);
  ink("white").write(line + " " + screen.width + "x" + screen.height + " " + size, { x: 6, y: 22 });
  ink("white").write("from " + import.meta.url, { x: 6, y: 33 });
  ink("white").write(said.join(", "), { x: 6, y: 44 }).write(place, { x: 6, y: 55 }).write(store, { x: 6, y: 66 });
}
function act({ event: e, signal }) {
  for (const name of ["dark-mode", "light-mode"]) if (e.is(name)) said.push(name);
  if (e.is("scroll")) said.push("scroll " + e.delta.y);
  if (e.is("reframed")) size = "reframed";
  if (e.is("touch")) place = "touched " + e.x + "," + e.y;
  if (e.is("keyboard:down")) said.push(e.name);
  if (e.is("keyboard:down:s")) signal({ type: "ping", content: "again" });
  if (e.is("signal")) for (const message of e.signal) {
    said.push("page said " + message);
    if (message.startsWith("hello")) signal({ type: "ping", content: "ping" });
  }
}
export { boot, paint, act };
`,
  "disks/bad.mjs": `// bad, 2026.11.23
// Fails.
function paint() {
  throw new Error("nothing here");
}
export { paint };
`,
  "disks/slow.mjs": `// slow, 2026.11.23
// Boots for ever.
const boot = () => new Promise(() => {});
export { boot };
`,
  "main.mjs": `
window.visits = (window.visits ?? 0) + 1;
window.heard ??= [];
window.left ??= 0;
window.loadedFrom = import.meta.url;
when("ping", (content) => heard.push("from act: " + content));
acCONTENT_EVENTS.push(() => window.left++);
signal("hello from a module");
`,
};
