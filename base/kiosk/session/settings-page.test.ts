import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KEYBOARDS } from "../../../src/settings/keyboards.ts";
import { ROTATIONS, SCALES } from "../../../src/settings/settings.ts";
import { chromiumArgs, chromiumPath } from "../../../src/testing/chromium.ts";
import type { ControlCall, ControlChoices, ControlState } from "./control-state.ts";
import { settingsPage, settingsScript } from "./settings-page.ts";

// The page alone, with nobody behind it: what it shows of each state, and what it calls when somebody does something.

/** To be looked at: SETTINGS_SCREENS=folder. */
const SCREENS = process.env["SETTINGS_SCREENS"];
const choices: ControlChoices = { layouts: KEYBOARDS, rotations: ROTATIONS, scales: SCALES };
const usual: ControlState = {
  wifi: {
    hasRadio: true,
    isScanning: false,
    networks: [
      { ssid: "home", isOpen: false, bars: 4, isJoined: false, isKnown: false },
      { ssid: "library", isOpen: true, bars: 2, isJoined: false, isKnown: false },
    ],
  },
  keyboard: { layout: "us" },
  rotation: 0,
  scale: 1,
  volume: 60,
  sinks: [
    { id: 40, name: "alsa_output.pci", description: "Built-in Audio", isChosen: true },
    { id: 41, name: "alsa_output.usb", description: "USB Audio", isChosen: false },
  ],
  brightness: 70,
  battery: { percent: 81, isCharging: true },
  facts: [["Piece", "notepat"], ["Addresses", "192.168.1.20"]], // prettier-ignore
  isChanged: false,
  canKeep: true,
  said: { words: "", times: 0 },
};
/** A machine that has nothing of what not all have. */
const {
  wifi: _wifi,
  volume: _volume,
  sinks: _sinks,
  brightness: _brightness,
  battery: _battery,
  ...least
} = usual;

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
}, 60_000);
afterAll(async () => await browser.close());

async function open(size = { width: 800, height: 480 }, hasTouch = false) {
  const page = await browser.newPage({ viewport: size, hasTouch });
  const calls: ControlCall[] = [];
  await page.exposeFunction("kioskControl", (words: string) => calls.push(JSON.parse(words) as ControlCall));
  await page.setContent(settingsPage());
  await page.evaluate(await settingsScript());
  await page.evaluate(`kioskStart(${JSON.stringify(choices)})`);
  const show = async (state: ControlState) => await page.evaluate(`kioskShow(${JSON.stringify(state)})`);
  await show(usual);
  const focused = async () => await page.evaluate(() => document.activeElement?.textContent);
  const called = async (call: ControlCall) => await expect.poll(() => calls).toContainEqual(call);
  return { page, calls, show, focused, called };
}

async function press(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

async function picture(page: Page, name: string): Promise<void> {
  if (SCREENS === undefined) return;
  mkdirSync(SCREENS, { recursive: true });
  await page.screenshot({ path: join(SCREENS, `${name}.png`) });
}

const rows = async (page: Page) => await page.locator("#screen .label, #screen p").allTextContents();

test("it shows what the machine has, and nothing that it has not", async () => {
  const { page, show } = await open();
  await picture(page, "main");
  expect(await rows(page)).toEqual([
    "‹ Back to the piece",
    "Wireless network",
    "Volume",
    "Sound goes to",
    "Brightness",
    "Keyboard",
    "Turn the picture",
    "Larger by",
    "Battery: 81 %, on power",
    "What runs here",
    "Start the piece again",
    "Restart the machine",
    "Switch off",
  ]);
  await show(least);
  expect(await rows(page)).toEqual([
    "‹ Back to the piece",
    "Keyboard",
    "Turn the picture",
    "Larger by",
    "What runs here",
    "Start the piece again",
    "Restart the machine",
    "Switch off",
  ]);
  await show({ ...usual, isChanged: true });
  expect(await rows(page)).toContain("Keep this on the stick");
  await show({ ...usual, isChanged: true, canKeep: false });
  expect(await rows(page)).toContain("What is set lasts until the next start.");
  await page.close();
});

test("by keys alone a network is joined, and the focus stays where it is while news comes", async () => {
  const { page, calls, show, focused, called } = await open();
  expect(await focused()).toContain("Wireless network");
  await press(page, "Enter");
  expect(await page.textContent("h1")).toBe("Wireless network");
  await press(page, "ArrowDown");
  expect(await focused()).toContain("home");
  const [home, library] = usual.wifi?.networks ?? [];
  await show({ ...usual, wifi: { hasRadio: true, isScanning: true, networks: [library!, home!] } });
  expect(await focused()).toContain("home");
  await picture(page, "wifi");
  await press(page, "Enter");
  expect(await page.textContent("h1")).toBe("home");
  expect(await page.locator(".keys").count()).toBe(0); // there is a keyboard
  await page.keyboard.type("short");
  await press(page, "Enter");
  expect(await page.textContent("#said")).toMatch(/^A passphrase has 8 to 63/);
  await show(usual);
  await page.keyboard.type(" of nothing?");
  await picture(page, "passphrase");
  await press(page, "Enter");
  await called({ do: "join", ssid: "home", passphrase: "short of nothing?" });
  expect(await page.textContent("h1")).toBe("Wireless network");
  await show({ ...usual, joining: "home", said: { words: "Joining home …", times: 1 } });
  expect(await page.textContent("#said")).toBe("Joining home …");
  await press(page, "Enter"); // one at a time
  expect(calls.filter((call) => call.do === "join")).toHaveLength(1);
  await press(page, "Escape", "Escape");
  await called({ do: "close" });
  await page.close();
});

test("a volume, a layout with its variant, a turn and the end are set by keys", async () => {
  const { page, calls, focused, called } = await open({ width: 3840, height: 2160 });
  await picture(page, "main-4k");
  await press(page, "ArrowDown", "ArrowRight");
  await called({ do: "set", key: "volume", value: 65 });
  await press(page, "ArrowDown", "ArrowDown", "ArrowLeft");
  await called({ do: "brightness", value: 65 });
  await press(page, "ArrowDown", "Enter");
  expect(await focused()).toContain("English (US)"); // the one that it has
  await press(page, "g", "g");
  expect(await focused()).toContain("German");
  await picture(page, "keyboard-4k");
  await press(page, "Enter", "n");
  expect(await focused()).toContain("nodeadkeys");
  await press(page, "Enter");
  await called({ do: "set", key: "keyboard", value: { layout: "de", variant: "nodeadkeys" } });
  expect(await page.textContent("h1")).toBe("Settings");
  expect(await focused()).toContain("Keyboard");
  await press(page, "ArrowDown", "Enter", "ArrowDown", "Enter");
  await called({ do: "set", key: "rotation", value: 90 });
  await press(page, "s", "s");
  expect(await focused()).toContain("Switch off");
  await press(page, "Enter", "Enter"); // the focus is on the way back
  expect(calls.some((call) => call.do === "switch-off")).toBe(false);
  await press(page, "Enter", "ArrowDown", "Enter");
  await called({ do: "switch-off" });
  await page.close();
});

test("by touch there are keys on the screen, all of them large enough", async () => {
  const { page, called } = await open({ width: 800, height: 480 }, true);
  await page.tap("text=Wireless network");
  await page.tap("text=home");
  for (const key of [
    "c",
    "o",
    "w",
    "s",
    "capital letters",
    "A",
    "signs",
    "?",
    "signs",
    "space",
    "1",
    "2",
    "delete",
  ]) {
    await page.tap(`.keys button[aria-label="${key}"]`);
  }
  await picture(page, "keys");
  const sizes = await page
    .locator("button, input")
    .evaluateAll((all) => all.map((each) => each.getBoundingClientRect()));
  for (const { width, height } of sizes) expect(Math.min(width, height)).toBeGreaterThanOrEqual(38);
  await page.tap("text=Show the passphrase");
  expect(await page.inputValue("input")).toBe("cowsA? 1");
  await page.tap("text=Join");
  await called({ do: "join", ssid: "home", passphrase: "cowsA? 1" });
  await page.close();
});

test("by a gamepad too, also the passphrase", async () => {
  const { page, focused, called } = await open();
  await page.evaluate(() => {
    const buttons = Array.from({ length: 17 }, () => ({ pressed: false }));
    Object.assign(globalThis, { pad: buttons });
    navigator.getGamepads = () => [{ buttons, axes: [0, 0] } as unknown as Gamepad];
  });
  const pad = async (button: number) => {
    const set = async (pressed: boolean) => {
      await page.evaluate(
        ([at, is]) => {
          (globalThis as unknown as { pad: { pressed: boolean }[] }).pad[at]!.pressed = is;
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        },
        [button, pressed] as const,
      );
    };
    await set(true);
    await set(false);
  };
  const [a, b, up, down, right] = [0, 1, 12, 13, 15];
  await pad(a);
  await pad(down);
  expect(await focused()).toContain("home");
  await pad(a);
  await expect.poll(async () => await page.locator(".keys").count()).toBe(1); // nobody has pressed a key
  await pad(down);
  await pad(down);
  const first = await focused();
  await pad(right);
  expect(await focused()).not.toBe(first);
  await pad(a);
  expect(await page.inputValue("input")).toBe(await focused());
  await pad(up);
  await pad(b);
  await pad(b);
  await pad(b);
  await called({ do: "close" });
  await page.close();
});

test("the log and what runs here can be read", async () => {
  const { page, show, called } = await open();
  await page.click("text=What runs here");
  expect(await page.textContent("dl")).toContain("192.168.1.20");
  await picture(page, "about");
  await page.click("text=Log");
  await called({ do: "log" });
  const log = Array.from({ length: 300 }, (_, i) => `[${i}] <b>a line</b> of the journal`).join("\n");
  await show({ ...usual, log });
  expect(await page.textContent("pre")).toBe(log); // text, not HTML
  const before = await page.evaluate(() => scrollY);
  await page.focus("pre");
  await press(page, "ArrowUp");
  expect(await page.evaluate(() => scrollY)).toBeLessThan(before);
  await picture(page, "log");
  await page.close();
});
