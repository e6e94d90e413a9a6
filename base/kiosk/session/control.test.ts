import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect, test, vi } from "vitest";
import type { Settings } from "../../../src/settings/settings.ts";
import { startKioskBrowser } from "../../../src/testing/kiosk-browser.ts";
import type { Answer, Request } from "../control/request.ts";
import { outputOf } from "../settings/sound.ts";
import { Control, isAsked } from "./control.ts";
import { followHolds, RootClient } from "./control-client.ts";
import { battery, brightness, isWritable, setBrightness } from "./control-machine.ts";
import { sinksIn, volumeIn } from "./control-sound.ts";
import type { ControlCall } from "./control-state.ts";

// Node warns of what a page that stays open for long keeps more and more of
const warnings: string[] = [];
process.on("warning", ({ message }) => warnings.push(message));
afterAll(() => expect(warnings).toEqual([]));

/** Counts as long as it lives, says so when it is asked, and does not answer any more once it has heard "h". */
const PIECE = `<!doctype html><p>a piece</p><script>
  let count = 0;
  setInterval(() => count++, 10);
  onkeydown = ({ key }) => { if (key === "h") for (;;); };
</script>`;

/** The kiosk's browser with that piece, a compositor that only notes what it is told, and root, who does everything. */
async function stage({ networks = Promise.resolve<Answer>({ ok: true }) } = {}) {
  const kiosk = await startKioskBrowser(PIECE);
  await kiosk.browser.shown;
  const done: string[] = [];
  const compositor = {
    makeRoom: async () => void done.push("room"),
    showRoom: async () => {
      done.push("shown");
      return async () => void done.push("back");
    },
    picture: async () => ({ rotation: 0, scale: 1 }),
    apply: async ({ keyboard, rotation }: Settings) =>
      void done.push(`apply ${keyboard?.layout} ${rotation}`),
  };
  const asked: Request[] = [];
  const control = new Control(
    { wifi: [], timeZone: "Europe/Berlin" },
    {
      ask: async (request) => {
        if (request.ask === "networks") return await networks;
        asked.push(request);
        return { ok: true };
      },
      rest: () => void done.push("rest"),
      piece: "/",
      save: async ({ keyboard, timeZone }) => void done.push(`save ${keyboard?.layout} ${timeZone}`),
    },
  );
  const restart = (why: string) => void done.push(why);
  control.attach({ compositor: compositor as never, window: kiosk.browser.window, piece: "counts", restart });
  const page = await kiosk.page();
  /** The settings page, once it is there. */
  const settings = async () => {
    const isOurs = async () => {
      for (const each of page.context().pages())
        if (each !== page && (await each.title()) === "Settings") return each;
      return undefined;
    };
    for (;;) {
      const found = await isOurs();
      if (found) return found;
      await delay(50);
    }
  };
  return {
    kiosk,
    control,
    page,
    settings,
    done,
    asked,
    [Symbol.asyncDispose]: async () => await kiosk[Symbol.asyncDispose](),
  };
}

test("the page opens above the piece, does what it is told, and leaves the piece as it was", async () => {
  await using on = await stage();
  const { control, page, done, asked } = on;
  await page.evaluate("kept = count = 1000000");
  await control.onHold("corner 0"); // not that one
  expect(control.isOpen).toBe(false);
  await control.onHold("key");
  const settings = await on.settings();
  await settings.waitForSelector("text=What runs here");
  expect(await settings.evaluate(() => [location.href, innerWidth > 0])).toEqual(["about:blank", true]);
  expect(await page.evaluate("typeof kioskControl")).toBe("undefined");
  const call = async (message: ControlCall) =>
    await settings.evaluate(
      (words) => Reflect.get(globalThis, "kioskControl")(words),
      JSON.stringify(message),
    );
  await call({ do: "set", key: "keyboard", value: { layout: "de" } });
  await expect.poll(() => done).toContain("save de Europe/Berlin");
  await call({ do: "set", key: "keyboard", value: { layout: "de; exec id" } }); // which it does not
  await call({ do: "set", key: "rotation", value: 90 });
  await settings.click("text=Keep this on the stick");
  await expect
    .poll(() => asked)
    .toEqual([
      {
        ask: "keep",
        settings: expect.objectContaining({
          keyboard: { layout: "de", variant: undefined },
          rotation: 90,
        }) as unknown,
      },
    ]);
  await expect.poll(async () => await settings.textContent("#said")).toBe("Kept on the stick.");
  await settings.evaluate(() => Reflect.get(globalThis, "kioskControl")("no JSON"));
  await settings.keyboard.press("Escape").catch(() => {}); // it is gone before the key is let go
  await control.closed();
  expect(done.filter((what) => /room|shown|back|rest|apply/.test(what))).toEqual(["room", "shown", "apply de undefined", "apply undefined 90", "back", "rest"]); // prettier-ignore
  await expect.poll(() => page.context().pages().length).toBe(1);
  expect(await page.evaluate("count >= 1000000 && kept")).toBe(1_000_000);
  await control.onHold("pad");
  await on.settings();
  await control.onHold("pad"); // held again it goes, also when it is only coming
  await control.closed();
  expect(done.slice(-2)).toEqual([expect.stringMatching(/room|back/), "rest"]); // and the piece stays
}, 120_000);

test("a piece that hangs cannot keep it away, and no page of a piece's stays because of it", async () => {
  await using on = await stage();
  const { control, page } = on;
  void page.keyboard.press("h").catch(() => {});
  await delay(500); // it hangs
  await control.onHold("key");
  const settings = await on.settings();
  await settings.waitForSelector("text=Switch off");
  await settings.click("text=Start the piece again");
  await settings.click(".row >> text=Start it again");
  await expect.poll(() => on.done).toContain("somebody wants the piece to start again");
  await control.closed();
}, 120_000);

test("rows come when the answers do, and closing waits for none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sound-"));
  const program = (name: string, ...lines: readonly string[]) =>
    writeFileSync(join(folder, name), ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  const dump = ["analog", "usb"].map((name, id) => sinkNamed(id, name));
  program("pw-dump", `echo '${JSON.stringify(dump)}'`);
  // As slow as somebody wants: it answers once the file is there
  program("wpctl", `until [ -e ${folder}/answer ]; do sleep 0.1; done`, "echo 'Volume: 0.40'");
  vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
  try {
    // Root never answers about networks
    await using on = await stage({ networks: new Promise(() => {}) });
    await on.control.onHold("key");
    const settings = await on.settings();
    await settings.waitForSelector("text=Sound goes to");
    expect(await settings.locator("text=Volume").count()).toBe(0);
    await on.control.onHold("key");
    await Promise.race([on.control.closed(), delay(5000).then(() => expect.unreachable("it is not closed"))]);
    await on.control.onHold("key");
    const again = await on.settings();
    await again.waitForSelector("text=Sound goes to");
    writeFileSync(join(folder, "answer"), "");
    await again.waitForSelector("text=Volume");
  } finally {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
}, 120_000);

test("a browser that ends takes the page with it", async () => {
  await using on = await stage();
  await on.control.onHold("key");
  await on.settings();
  await on.kiosk.browser.stop();
  await on.control.closed();
  expect(on.control.isOpen).toBe(false);
}, 120_000);

test.each([[0, 1], [90, 2], [180, 3], [270, 0]])("turned by %i the corner is number %i", (rotation, corner) => {
  const asked = ([0, 1, 2, 3] as const).filter((each) => isAsked(`corner ${each}`, rotation));
  expect(asked).toEqual([corner]);
}); // prettier-ignore

test("root is asked by a socket, and nobody waits for one that is not there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "control-"));
  const path = join(folder, "socket");
  expect(await new RootClient(path).ask({ ask: "log" })).toEqual({ ok: false, why: "failed" });
  const server = createServer((socket) => {
    socket.write('{"ok":true,"lo');
    socket.once("data", () => socket.write('g":"…"}\n'));
    socket.on("error", () => {});
  });
  server.listen(path);
  await once(server, "listening");
  const root = new RootClient(path);
  expect(await root.ask({ ask: "log" })).toEqual({ ok: true, log: "…" });
  const unanswered = root.ask({ ask: "log" });
  root.close();
  expect(await unanswered).toEqual({ ok: false, why: "failed" });
  const held = new Promise((done) => void followHolds(join(folder, "holds"), done));
  const holds = createServer((socket) => void socket.end("key\ncor"));
  holds.listen(join(folder, "holds"));
  expect(await held).toBe("key");
  for (const each of [server, holds]) each.close();
  rmSync(folder, { recursive: true });
}, 20_000);

test("what the kernel says of battery, backlight and disks", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sys-"));
  const put = (path: string, files: Record<string, string>) => {
    mkdirSync(join(folder, path), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, path, name), `${text}\n`);
  };
  const at = (path: string) => join(folder, path);
  expect([await battery(at("power")), await brightness(at("light"))]).toEqual([undefined, undefined]);
  put("power/AC", { type: "Mains", online: "1" });
  put("power/hid-mouse", { type: "Battery", scope: "Device", capacity: "5" });
  expect(await battery(at("power"))).toBeUndefined();
  put("power/BAT0", { type: "Battery", capacity: "80", status: "Discharging" });
  put("power/BAT1", { type: "Battery", capacity: "61", status: "Charging" });
  expect(await battery(at("power"))).toEqual({ percent: 71, isCharging: true });
  put("light/intel_backlight", { brightness: "48000", max_brightness: "96000" });
  expect(await brightness(at("light"))).toBe(50);
  await setBrightness(at("light"), -3);
  expect(await brightness(at("light"))).toBe(1);
  put("block/8:0", { ro: "0" });
  put("block/11:0", { ro: "1" });
  expect([await isWritable(at("block"), 0x800), await isWritable(at("block"), 0xb00), await isWritable(at("block"), 1)]).toEqual([true, false, false]); // prettier-ignore
  rmSync(folder, { recursive: true });
});

test("what the sound server says", () => {
  expect(["Volume: 0.40\n", "Volume: 1.00 [MUTED]\n", "Volume: 1.30\n", "none"].map(volumeIn)).toEqual([
    40,
    0,
    100,
    undefined,
  ]);
  const dump = [
    sinkNamed(40, "alsa_output.pci-0000_00_1f.3.analog-stereo"),
    sinkNamed(41, "alsa_output.usb-x"),
    sinkNamed(42, "mic", "Audio/Source"),
    {
      id: 3,
      type: "x",
      props: { "metadata.name": "default" },
      metadata: [{ key: "default.audio.sink", value: { name: "alsa_output.usb-x" } }],
    },
  ];
  expect(sinksIn(dump).map(({ id, isChosen }) => [id, isChosen])).toEqual([[40, false], [41, true]]); // prettier-ignore
  expect(sinksIn(dump).map(({ name }) => outputOf(name))).toEqual(["analog", "usb"]);
  expect(outputOf("bluez_output.1")).toBeUndefined();
});

/** A node as pw-dump(1) writes it. */
function sinkNamed(id: number, name: string, kind = "Audio/Sink") {
  const props = { "media.class": kind, "node.name": name, "node.description": `${name}!` };
  return { id, type: "PipeWire:Interface:Node", info: { props } };
}
