import { execFile, execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ANSWER } from "../base/qemu/boot.ts";
import { makeFatStick } from "../base/qemu/fat-stick.ts";
import { letIn, WIRELESS_PROGRAMS } from "../base/qemu/intruder.ts";
import { withMachine } from "../base/qemu/machine.ts";
import { pageLetters, type Picture, pixelAt, readPicture } from "../base/qemu/picture.ts";
import { vary } from "../base/qemu/variants.ts";
import { signingKeys } from "../dev/serve-base.ts";
import { buildOs, start, type Site } from "../dev/start.ts";
import { acBundle } from "../src/testing/ac-bundle.ts";
import { openDisplay } from "./browsers/display.ts";
import { expect, says, startBuild, test, type } from "./site.ts";

// `npm run test:kiosk`: the real base, which takes too long for every run. A browser builds notepat-os.iso from it, and
// QEMU starts that in every way, and its variants (base/qemu/variants.ts). On two cores that emulate two others each start
// takes three to ten minutes; KIOSK_WAYS and KIOSK_VARIANTS choose some of them.

const WAYS = words("KIOSK_WAYS") ?? ["uefi-usb", "uefi-cdrom", "bios-usb", "bios-cdrom", "secure-usb"];
const VARIANTS = words("KIOSK_VARIANTS") ?? ["empty", "wrong", "missing", "twin", "grown"];
const START_SECONDS = 1800;
const START_MS = (START_SECONDS + 120) * 1000;

const run = promisify(execFile);
const out = path.join(import.meta.dirname, "out/kiosk");
const folder = mkdtempSync(path.join(tmpdir(), "kiosk-e2e-"));
const image = path.join(folder, "notepat-os.iso");
let site: Site & { close(): Promise<void> };

test.describe.configure({ mode: "serial" });
test.skip(!process.env["KIOSK"], "npm run test:kiosk");
test.beforeAll(async () => {
  mkdirSync(out, { recursive: true });
  await buildOs();
  site = await start({ flavor: "kiosk" });
});
test.afterAll(async () => {
  await site?.close();
  rmSync(folder, { recursive: true });
});

test("a browser builds the image", async ({ page }) => {
  test.setTimeout(600_000);
  await page.goto(site.url);
  const downloading = page.waitForEvent("download", { timeout: 0 });
  await type(page, "os notepat");
  await startBuild(page);
  await (await downloading).saveAs(image);
  await expect.poll(() => says(page)).toContain("notepat-os.iso is in your downloads");
});

for (const way of WAYS) {
  test(`it starts into the piece: ${way}`, () => starts("--way", way));
}
for (const variant of VARIANTS) {
  test(`it starts as the variant ${variant}`, () => starts("--way", "uefi-usb", "--variant", variant));
}

test("who has taken the session over gets no further", async () => {
  test.setTimeout(START_MS);
  const copy = path.join(folder, "intruder.iso");
  copyFileSync(image, copy);
  await letIn(copy);
  await withMachine({ image: copy, memory: 3072, network: true }, async (machine) => {
    await machine.line(/^INTRUDER (DONE|\w+: cannot go on)/m, START_SECONDS);
    const said = machine.serial.match(/^INTRUDER .*(?=\r?$)/gm) ?? [];
    expect(said.filter((line) => !/^INTRUDER (DONE|\w+: held)/.test(line))).toEqual([]);
    for (const who of ["session", "manager"]) {
      expect(said.filter((line) => line.startsWith(`INTRUDER ${who}: `)).length).toBeGreaterThan(35);
      for (const what of ["record from pcmC0D0c", "reach a computer", "ask for a name"]) {
        expect(said.join("\n")).toMatch(new RegExp(`^INTRUDER ${who}: held \\(.*\\): ${what}$`, "m"));
      }
    }
  });
});

/** Says by its colours what it got: a left third for the microphone, one for the network, one for how often it began. */
const TRIES = (port: number) => `// frog, 2026
// Listens, and asks another computer.
const begun = Number(localStorage.getItem("begun") ?? 0) + 1;
localStorage.setItem("begun", begun);
let stream; // one that nobody holds ends
let [heard, reached] = ["grey", "grey"];
export function boot() {
  navigator.mediaDevices.getUserMedia({ audio: true }).then( // once, as pieces do
    (got) => ((stream = got), (heard = "green")),
    () => (heard = "red"),
  );
  const reach = () => // the network may come later than the piece, on every machine
    fetch("http://10.0.2.2:${port}/", { mode: "no-cors" }).then(
      () => (reached = "green"),
      () => ((reached = "red"), setTimeout(reach, 500)),
    );
  reach();
}
const COLOURS = { grey: [99, 99, 99], green: [0, 255, 0], red: [255, 0, 0], blue: [0, 0, 255], yellow: [255, 255, 0] };
export function paint({ ink, box, screen: { width, height } }) {
  const third = Math.floor(width / 3);
  [heard, reached, begun % 2 ? "blue" : "yellow"].forEach((name, i) => {
    ink(...COLOURS[name]);
    box(i * third, 0, third + 2, height);
  });
}
`;

test("a bundle of AC's gets what it is allowed, with a light, and Escape starts it again", async () => {
  test.setTimeout(START_MS);
  const asked = createServer((_, response) => void response.end());
  await new Promise<void>((listening) => asked.listen(0, "127.0.0.1", listening));
  const bundle = path.join(folder, "frog.html");
  writeFileSync(bundle, acBundle({ source: TRIES((asked.address() as AddressInfo).port) }));
  const made = path.join(folder, "frog-os.iso");
  await os("build", "frog", "--bundle", bundle, "--allow", "microphone,network", "--out", made);
  await withMachine({ image: made, memory: 3072, network: true }, async (machine) => {
    expect(await machine.line(ANSWER, START_SECONDS)).toMatch(/^PIECE frog /);
    const screen = path.join(out, "allowed.png");
    const seen = async () => {
      await machine.screenshot(screen);
      const picture = await readPicture(screen);
      const { width, height } = picture;
      const thirds = [1, 3, 5].map((sixth) =>
        pixelAt(picture, Math.floor((width * sixth) / 6), Math.floor(height / 2)),
      );
      // The light lies in the upper right corner: black, with white words and a red dot
      const corner = Array.from({ length: 24 * 150 }, (_, i) =>
        pixelAt(picture, width - 1 - (i % 150), Math.floor(i / 150)),
      );
      const black = corner.filter((colour) => colour.every((part) => part === 0)).length;
      return { thirds, light: black > 500 };
    };
    const [green, blue, yellow] = [[0, 255, 0], [0, 0, 255], [255, 255, 0]]; // prettier-ignore
    const patient = { timeout: START_MS };
    await expect.poll(seen, patient).toEqual({ thirds: [green, green, blue], light: true });
    await machine.keys("esc");
    await expect.poll(seen, patient).toEqual({ thirds: [green, green, yellow], light: true });
  });
  asked.close();
});

/** Fills the screen with one colour. */
const fills = (colour: string) =>
  `<!doctype html><title>${colour}</title><style>html { height: 100% }</style>
<script>document.documentElement.style.background = "${colour}";</script><p>${colour}`;

test("two pieces have a menu, by keys to each and back", async () => {
  test.setTimeout(START_MS);
  const pages = ["lime", "blue"].map((colour) => {
    const page = path.join(folder, `${colour}.html`);
    writeFileSync(page, fills(colour));
    return page;
  });
  const made = path.join(folder, "two-os.iso");
  await os("build", "lime", "blue", ...pages.flatMap((page) => ["--bundle", page]), "--out", made);
  await withMachine({ image: made, memory: 3072 }, async (machine) => {
    await machine.line(/^PIECES 2 menu\r?\nPIECE lime .*\r?\nPIECE blue .*$/m, START_SECONDS);
    const patient = { timeout: START_MS };
    const middle = async (name: string) => {
      const screen = path.join(out, `${name}.png`);
      await machine.screenshot(screen);
      const picture = await readPicture(screen);
      return pixelAt(picture, Math.floor(picture.width / 2), Math.floor(picture.height / 2));
    };
    const black = [0, 0, 0]; // between the two tiles
    await expect.poll(() => middle("menu"), patient).toEqual(black);
    await machine.keys("ret");
    await expect.poll(() => middle("first"), patient).toEqual([0, 255, 0]);
    const escape = { keys: [{ type: "qcode", data: "esc" }], "hold-time": 4000 };
    await machine.ask("send-key", escape);
    await expect.poll(() => middle("menu-again"), patient).toEqual(black);
    await machine.keys("right");
    await machine.keys("ret");
    await expect.poll(() => middle("second"), patient).toEqual([0, 0, 255]);
  });
});

test("a stick with files on FAT starts the piece, with Secure Boot, and keeps the log", async () => {
  test.setTimeout(START_MS);
  const stick = path.join(folder, "stick");
  mkdirSync(stick);
  const page = path.join(import.meta.dirname, "../dev/pieces/notepat.html");
  await os("stick", stick, "notepat", "--bundle", page, "--any-file-system");
  const disk = path.join(folder, "stick.img");
  makeFatStick(disk, stick, { layout: "mbr", mib: 1024 });
  // A computer whose battery is empty has this clock
  const args = ["-rtc", "base=1970-01-01"];
  const [name = ""] = readdirSync(path.join(stick, "fedac/pieces"));
  const log = async () =>
    (await run("mtype", ["-i", `${disk}@@1M`, `::/fedac/pieces/${name}/kiosk.log`])).stdout;
  await withMachine({ image: disk, memory: 3072, secureBoot: true, writes: true, args }, async (machine) => {
    expect(await machine.line(ANSWER, START_SECONDS)).toMatch(/^PIECE notepat /);
    await machine.screenshot(path.join(out, "fat.png"));
    // Two minutes after the start, for whoever pulls the plug
    await expect.poll(log, { timeout: START_MS }).toContain("Starting kiosk-log-now.service");
    await machine.powerButton();
    await machine.ended;
  });
  expect(await log()).toContain("Stopped kiosk.service"); // and at the end, for whoever switches off
  const filesystem = path.join(folder, "stick.fat");
  await run("dd", [`if=${disk}`, `of=${filesystem}`, "bs=1M", "skip=1", "conv=sparse"]);
  expect((await run("/usr/sbin/fsck.vfat", ["-n", filesystem])).stdout).not.toMatch(
    /differ|wrong|bad|dirty/i,
  );
});

/** Bands of colour, from its top: whether it stands upright, and its scale; which time zone it has; which key Y is. */
const SEES = `<!doctype html><meta charset="utf-8"><title>sees</title>
<style>html, body { margin: 0; height: 100% } body { display: flex; flex-direction: column } div { flex: 1 }</style>
<div id="upright"></div><div id="zone"></div><div id="key" style="background: grey"></div>
<script>
  const set = (id, right) => (document.getElementById(id).style.background = right ? "lime" : "red");
  onresize = () => {
    document.getElementById("upright").textContent = [innerWidth, innerHeight, devicePixelRatio].join(" ");
    set("upright", innerHeight > innerWidth && devicePixelRatio === 1.5);
  };
  onresize();
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  document.getElementById("zone").textContent = timeZone;
  set("zone", timeZone === "Europe/Berlin" && new Date(2026, 6, 1).getTimezoneOffset() === -120);
  onkeydown = ({ key }) => (set("key", key === "z"), (document.getElementById("key").textContent = key));
</script>
`;
const SETTINGS = {
  wifi: [
    { ssid: "os test", security: "wpa2", passphrase: "correct horse" },
    { ssid: "Café", passphrase: "correct horse 2", hidden: true },
  ],
  country: "DE",
  keyboard: { layout: "de", variant: "nodeadkeys" },
  timeZone: "Europe/Berlin",
  rotation: 90,
  scale: 1.5,
  volume: 40,
  output: "usb",
};

test("the machine is as settings.json says, and its passphrases are root's", async () => {
  test.setTimeout(START_MS);
  const bundle = path.join(folder, "sees.html");
  const settings = path.join(folder, "home.json");
  writeFileSync(bundle, SEES);
  writeFileSync(settings, JSON.stringify(SETTINGS));
  const made = path.join(folder, "sees-os.iso");
  await os("build", "sees", "--bundle", bundle, "--settings", settings, "--allow", "network", "--out", made);
  await letIn(made, "witness");
  const args = ["-rtc", "base=2100-06-01"]; // and what is set wrongly
  await withMachine({ image: made, memory: 3072, network: true, usbSound: true, args }, async (machine) => {
    expect(await machine.line(ANSWER, START_SECONDS)).toMatch(/^PIECE sees /);
    const screen = path.join(out, "settings.png");
    const seen = async () => {
      await machine.screenshot(screen);
      const picture = await readPicture(screen);
      const { width, height } = picture;
      // Turned clockwise: the first band is on the right, the last one on the left
      return [5, 3, 1].map((sixth) =>
        pixelAt(picture, Math.floor((width * sixth) / 6), Math.floor(height / 2)),
      );
    };
    const [green, grey] = [[0, 255, 0], [128, 128, 128]]; // prettier-ignore
    const patient = { timeout: START_MS };
    await expect.poll(seen, patient).toEqual([green, green, grey]);
    await machine.keys("y");
    await expect.poll(seen, patient).toEqual([green, green, green]);
    for (const who of ["session", "root"]) {
      await machine.line(new RegExp(`^WITNESS ${who}: (?:done|cannot)`, "m"), START_SECONDS);
    }
    const said = [...machine.serial.matchAll(/^WITNESS (.*?)\r?$/gm)].map(([, what = ""]) => what);
    expect(said.filter((what) => !/^\w+: waits/.test(what)).sort()).toEqual([
      "root: country DE",
      "root: done",
      "root: joined",
      "root: network =436166c3a9.psk 600",
      "root: network os test.psk 600",
      "root: passphrases in the journal: 0",
      "root: settings.json in the journal: undefined",
      "session: /mnt/piece/settings.json: held (EACCES), mode 0",
      "session: /var/lib/iwd: held (EACCES), mode 700",
      "session: Volume: 0.40",
      "session: done",
      "session: has pci",
      "session: has platform-snd_aloop",
      "session: os.json: true",
      "session: sink alsa_output.usb",
    ]);
  });
});

test("a machine joins the wireless networks of settings.json, and its settings page shows them", async () => {
  test.setTimeout(START_MS);
  const settings = path.join(folder, "wireless.json");
  const wifi = [
    { ssid: "Classroom", security: "wpa2", passphrase: "one two three" },
    { ssid: "Studio", security: "wpa3", passphrase: "four five six" },
  ];
  writeFileSync(settings, JSON.stringify({ country: "DE", wifi }));
  const made = path.join(folder, "wireless-os.iso");
  const bundle = path.join(folder, "lives.html");
  writeFileSync(bundle, LIVES);
  await os("build", "lives", "--bundle", bundle, "--settings", settings, "--allow", "network", "--out", made);
  await letIn(made, "wireless", WIRELESS_PROGRAMS);
  await withMachine({ image: made, memory: 3072 }, async (machine) => {
    expect(await machine.line(ANSWER, START_SECONDS)).toMatch(/^PIECE lives /);
    await machine.line(/^WIRELESS by itself: (?:Classroom|Studio) /m, START_SECONDS);
    await machine.line(/^WIRELESS joined Classroom\b.*WPA2/m, START_SECONDS);
    await machine.line(/^WIRELESS joined Studio\b.*WPA3/m, START_SECONDS);
    // It is listened for once the piece is there; a hold that opens is not repeated
    const screen = path.join(out, "wireless.png");
    const isOpen = async () => {
      await machine.screenshot(screen);
      return rowsIn(sampled(await readPicture(screen))) > 100;
    };
    const open = async () => {
      if (!(await isOpen())) await machine.holdKey("f1", 4000);
      return await isOpen();
    };
    await expect.poll(open, { timeout: START_MS, intervals: [60_000] }).toBe(true);
  });
});

test("a graphics card that can draw does", async () => {
  test.setTimeout(START_MS);
  const copy = path.join(folder, "drawing.iso");
  copyFileSync(image, copy);
  await letIn(copy, "drawing");
  await using display = await openDisplay();
  await withMachine({ image: copy, memory: 3072, display: display.name }, async (machine) => {
    expect(await machine.line(/^DRAWING by .*/m, START_SECONDS)).toMatch(/ libgallium-[\w.+-]+\.so$/);
    await machine.line(ANSWER, START_SECONDS);
    await display.picture(path.join(out, "drawing.png"));
  });
});

test("a stick that has lost some of its browser says so, switches off, and is mended by os repair", async () => {
  test.setTimeout(START_MS);
  const { image: lost } = await vary(image, "lost", folder);
  await withMachine({ image: lost, memory: 3072 }, async (machine) => {
    expect(await machine.line(ANSWER, START_SECONDS)).toMatch(/^NOPIECE damaged /);
    expect(machine.serial).toMatch(/^DAMAGED device-mapper: verity: .* is corrupted/m);
    const screen = path.join(out, "damaged.png");
    await machine.screenshot(screen);
    expect(pageLetters(await readPicture(screen))).toBeGreaterThan(0.01);
    await machine.powerButton();
    expect(await machine.ended).toBe("QEMU ended with exit code 0");
  });
  await os("repair", lost);
  expect(readFileSync(lost).equals(readFileSync(image))).toBe(true);
});

/** Green, and blue for as long as it lives once "l" has been pressed; "h" hangs it. */
const LIVES = `<!doctype html><meta charset="utf-8"><title>lives</title>
<style>html { background: rgb(0, 255, 0); height: 100% }</style>
<script>
  onkeydown = ({ key }) => {
    if (key === "l") document.documentElement.style.background = "rgb(0, 0, 255)";
    if (key === "h") for (;;);
  };
</script>
`;

test("a key that is held opens the settings page, over a piece that lives on and over one that hangs", async () => {
  test.setTimeout(START_MS);
  const bundle = path.join(folder, "lives.html");
  writeFileSync(bundle, LIVES);
  const made = path.join(folder, "lives-os.iso");
  await os("build", "lives", "--bundle", bundle, "--out", made);
  await withMachine({ image: made, memory: 3072, writes: true }, async (machine) => {
    expect(await machine.line(ANSWER, START_SECONDS)).toMatch(/^PIECE lives /);
    const screen = path.join(out, "control.png");
    /** What is in the picture's middle, below all rows of the page, and in the corner that is the upper right one when it is turned. */
    const seen = async () => {
      await machine.screenshot(screen);
      const picture = await readPicture(screen);
      const { width, height } = picture;
      const places = [[width / 2, height - 20], [20, height / 2]]; // prettier-ignore
      return places.map(([x = 0, y = 0]) => pixelAt(picture, Math.floor(x), Math.floor(y)).join(" "));
    };
    const shot = async (name: string) => await machine.screenshot(path.join(out, name));
    const patient = { timeout: START_MS };
    const [blue, black] = ["0 0 255", "0 0 0"];
    await machine.keys("l");
    await expect.poll(seen, patient).toEqual([blue, blue]);
    // It is listened for once the piece is there; a hold that opens is not repeated
    const open = async () =>
      await expect
        .poll(
          async () => {
            if ((await seen()).includes(blue)) await machine.holdKey("f1", 4000);
            return await seen();
          },
          { ...patient, intervals: [60_000] },
        )
        .toEqual([black, black]);
    await open();
    /** Wait until nothing changes any more: of the page there are rows, and what was asked for has come. */
    const settle = async () => {
      let last = "";
      const look = async () => {
        await machine.screenshot(screen);
        const all = sampled(await readPicture(screen));
        const isStill = all.join() === last && rowsIn(all) > 100;
        last = all.join();
        return isStill;
      };
      await expect.poll(look, { ...patient, intervals: [15_000] }).toBe(true);
    };
    await settle();
    await shot("control-page.png");
    // "t": to Turn the picture; the row after the present one is 90 degrees; "k": to the row that keeps it
    for (const key of ["t", "ret", "down", "ret"]) {
      await machine.keys(key);
      await settle();
    }
    await shot("control-turned.png");
    for (const key of ["k", "ret"]) await machine.keys(key);
    const file = path.join(folder, "lives.json");
    const kept = async () => await settingsIn(made, file);
    await expect.poll(kept, { ...patient, intervals: [15_000] }).toMatchObject({ rotation: 90 });
    await machine.keys("esc");
    await expect.poll(seen, patient).toEqual([blue, blue]);
    await machine.keys("h");
    await open();
    await shot("control-hung.png");
    await machine.powerButton();
    await machine.ended;
  });
});

/** The colours of 4,000 places of a picture. */
function sampled(picture: Picture): string[] {
  return Array.from({ length: 4000 }, (_, i) =>
    pixelAt(picture, (i * 97) % picture.width, (i * 61) % picture.height).join(" "),
  );
}

/** How many of them are a row of the settings page. */
function rowsIn(colours: readonly string[]): number {
  return colours.filter((colour) => colour === "18 20 28").length;
}

/** The `settings.json` of an image's piece partition, as it is now; undefined when there is none, or none whole. */
async function settingsIn(made: string, file: string): Promise<unknown> {
  const info = await run("/usr/sbin/sgdisk", ["--info=3", made]);
  const first = /^First sector: (\d+)/m.exec(info.stdout)?.[1] ?? "0";
  const filesystem = `${file}.ext4`;
  await run("dd", [
    `if=${made}`,
    `of=${filesystem}`,
    "bs=512",
    `skip=${first}`,
    "count=40960",
    "conv=sparse",
  ]);
  rmSync(file, { force: true });
  await run("/usr/sbin/debugfs", ["-R", `dump settings.json ${file}`, filesystem]);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** `os`, with the base that is served. */
async function os(...args: string[]): Promise<void> {
  const program = path.join(import.meta.dirname, "../bin/os.ts");
  const keys = (await signingKeys()).flatMap((key) => ["--key", key]);
  const base = ["--manifest", `${site.base}/latest.json`, "--flavor", "kiosk", ...keys];
  await run("npx", ["tsx", program, ...args, ...base]);
}

/** Run base/qemu/boot-test, which fails, with its table, unless the line expected comes. */
function starts(...args: string[]): void {
  test.setTimeout(START_MS);
  const program = path.join(import.meta.dirname, "../base/qemu/boot-test");
  const usual = ["--memory", "3072", "--timeout", String(START_SECONDS), "--settle", "10", "--screens", out];
  execFileSync(program, [image, ...usual, ...args], { stdio: "inherit" });
}

function words(name: string): string[] | undefined {
  return process.env[name]?.split(/[ ,]+/).filter(Boolean);
}
