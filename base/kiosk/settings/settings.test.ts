import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sealSettings } from "../../../src/settings/seal.ts";
import {
  formatSettings,
  type Network,
  parseSettings,
  readSettings,
  settingsFile,
} from "../../../src/settings/settings.ts";
import { readSettings as readSession, swayConfig } from "../session/settings.ts";
import { applySettings, type Places } from "./apply.ts";
import { networkFile, withCountry } from "./iwd.ts";
import { outputOf, soundConfig } from "./sound.ts";

const ROOT = join(import.meta.dirname, "../rootfs");
const PSK = "0123456789abcdef".repeat(4);

let folder: string;
let places: Places;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "settings-"));
  const at = (name: string) => join(folder, name);
  fs.mkdirSync(at("zones/Europe"), { recursive: true });
  fs.writeFileSync(at("zones/Europe/Berlin"), "");
  fs.mkdirSync(at("etc"));
  fs.copyFileSync(join(ROOT, "etc/iwd/main.conf"), at("etc/main.conf"));
  places = {
    settings: at("settings.json"),
    zones: at("zones"),
    networks: at("iwd"),
    iwdConfig: at("etc/main.conf"),
    sound: at("sound/wireplumber.conf.d"),
    session: at("session.json"),
  };
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** What root makes of `text`: its lines, and the files that there are then. */
async function apply(text: string) {
  fs.writeFileSync(places.settings, text);
  const lines = await applySettings(places);
  const networks = fs.existsSync(places.networks) ? fs.readdirSync(places.networks).sort() : [];
  return { lines, networks };
}

const NETWORKS: readonly unknown[] = [
  { ssid: "at_home - 2", passphrase: " a\\b #c=d[e]\"f' " },
  { ssid: "Café", psk: PSK, hidden: true },
  { ssid: "../../etc/shadow" },
];

test("networks, country, sound, and what the session may know", async () => {
  const json = { wifi: NETWORKS, country: "DE", timeZone: "Europe/Berlin", volume: 40, rotation: 90 };
  const { lines, networks } = await apply(formatSettings(await sealSettings(readSettings(json).settings)));
  expect(lines).toEqual([]);
  const names = ["=2e2e2f2e2e2f6574632f736861646f77.open", "=436166c3a9.psk", "at_home - 2.psk"];
  expect(networks).toEqual(names);
  const [open, hidden, home] = names.map((name) => fs.readFileSync(join(places.networks, name), "utf8"));
  expect(open).toBe("");
  expect(hidden).toBe(`[Security]\nPreSharedKey=${PSK}\n[Settings]\nHidden=true\n`);
  expect(home).toBe(`[Security]\nPassphrase=\\sa\\\\b\\s#c=d[e]"f'\\s\n`);
  for (const name of names) expect(fs.statSync(join(places.networks, name)).mode & 0o777).toBe(0o600);
  expect(fs.statSync(places.networks).mode & 0o777).toBe(0o700);
  expect(fs.readFileSync(places.iwdConfig, "utf8")).toBe(
    "[General]\nEnableNetworkConfiguration=false\nCountry=DE\n",
  );
  expect(fs.readFileSync(join(places.sound, "60-settings.conf"), "utf8")).toContain(
    "sink-volume = 0.064000 }",
  );
  expect(fs.readFileSync(places.session, "utf8")).not.toMatch(/wifi":\[\{|random|Caf/);
  expect(await readSession(places.session)).toEqual({
    wifi: [],
    country: "DE",
    timeZone: "Europe/Berlin",
    volume: 40,
    rotation: 90,
  });
});

test("settings that say nothing change nothing", async () => {
  const before = fs.readFileSync(places.iwdConfig, "utf8");
  expect(await apply("{}")).toEqual({ lines: [], networks: [] });
  expect(fs.readFileSync(places.iwdConfig, "utf8")).toBe(before);
  expect(fs.existsSync(places.sound)).toBe(false);
  expect(swayConfig(await readSession(places.session))).toBe("");
  expect(swayConfig(await readSession(join(folder, "nowhere")))).toBe("");
});

test("what is wrong is a line, and costs nothing else", async () => {
  const json = {
    wifi: [{ ssid: "a", passphrase: "hunter2" }],
    colour: 1,
    timeZone: "Asia/Tokyo",
    rotation: 90,
  };
  const { lines, networks } = await apply(JSON.stringify(json));
  expect(lines).toEqual([
    expect.stringMatching(/^wifi\[0\].passphrase has 8 to 63/),
    "it has keys that are not known here: colour",
    "timeZone is not known on this machine",
  ]);
  expect(networks).toEqual([]);
  expect(await readSession(places.session)).toEqual({ wifi: [], rotation: 90 });
});

test.each<[string, (at: string) => void]>([
  ["a link", (at) => fs.symlinkSync("/etc/passwd", at)],
  ["a folder", (at) => fs.mkdirSync(at)],
  ["a pipe", (at) => execFileSync("mkfifo", [at])],
  ["too large", (at) => fs.truncateSync(at, 2 ** 31)],
  ["not there", (at) => fs.rmSync(at)],
])("a settings.json that is %s is a line", async (_, make) => {
  fs.writeFileSync(places.settings, "");
  if (_ !== "too large" && _ !== "not there") fs.rmSync(places.settings);
  make(places.settings);
  expect(await applySettings(places)).toEqual([
    expect.stringMatching(/^it (?:is no ordinary file|cannot be read: E)/),
  ]);
  expect(await readSession(places.session)).toEqual({ wifi: [] });
});

/** Whether the service starts at all. */
const isAskedFor = (file = places.settings) =>
  spawnSync(join(ROOT, "usr/lib/fedac/not-blank"), [file], { timeout: 10_000 }).status;

test.each<[string, string]>([
  ["nothing", ""],
  ["blank lines, as a stick is made", new TextDecoder().decode(settingsFile())],
])("a file with %s asks for nothing, and root does not even look", async (_, text) => {
  const { lines, networks } = await apply(text);
  expect(networks).toEqual([]);
  if (text !== "") expect(lines).toEqual([]);
  expect(isAskedFor()).toBe(1);
});

test.each<[string, (at: string) => void]>([
  ["settings", (at) => fs.writeFileSync(at, settingsFile({ wifi: [], random: "0".repeat(32), volume: 1 }))],
  ["settings in its second half", (at) => fs.writeFileSync(at, `${"\n".repeat(8192)}{}${" ".repeat(8190)}`)],
  ["zeros", (at) => fs.writeFileSync(at, new Uint8Array(16_384))],
  ["a link", (at) => fs.symlinkSync("/etc/passwd", at)],
  ["a pipe", (at) => execFileSync("mkfifo", [at])],
])("root looks at what is there: %s", (_, make) => {
  make(places.settings);
  expect(isAskedFor()).toBe(0);
});

test("root looks at what cannot be read, and can say so", () => {
  expect(isAskedFor("/proc/self/mem")).toBe(0); // an ordinary file, whose first bytes are an error (EIO)
});

test("what cannot be written costs nothing else, and no name of a network is logged", async () => {
  fs.writeFileSync(places.networks, "in the way");
  const json = { wifi: [{ ssid: "secret place" }], country: "DE", rotation: 90 };
  fs.writeFileSync(places.settings, JSON.stringify(json));
  expect(await applySettings(places)).toEqual(["wifi cannot be set up: EEXIST"]);
  expect(fs.readFileSync(places.iwdConfig, "utf8")).toContain("Country=DE");
  expect((await readSession(places.session)).rotation).toBe(90);
});

describe("hostile settings", () => {
  const evil = [
    "../x",
    "a\nb",
    "$(reboot)",
    "`id`",
    '"',
    "'",
    "\\",
    ";",
    "{",
    "}",
    "\0",
    "\u2028",
    "exec",
    "#",
    "~",
    "%",
  ];
  const text = fc.oneof(fc.constantFrom(...evil), fc.string({ unit: "binary", maxLength: 40 }));
  const value = fc.oneof(
    text,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(text, { maxLength: 3 }),
  );
  const phrase = fc.oneof(fc.stringMatching(/^[ -~]{8,63}$/), value);
  const network = fc.record(
    {
      ssid: text,
      security: fc.oneof(fc.constantFrom("open", "wpa2", "wpa3"), value),
      passphrase: phrase,
      psk: value,
      hidden: value,
    },
    { requiredKeys: ["ssid"] },
  );
  const keyboard = fc.record({ layout: fc.oneof(fc.constantFrom("de", "ru", "us"), text), variant: value });
  const settings = fc.record(
    {
      format: fc.oneof(fc.constant(1), value),
      random: value,
      country: value,
      timeZone: value,
      rotation: value,
      scale: value,
      volume: value,
      output: value,
      wifi: fc.oneof(fc.array(network, { maxLength: 20 }), value),
      keyboard: fc.oneof(keyboard, value),
      surprise: value,
    },
    { requiredKeys: [] },
  );

  test("a thousand of them end no start, and nothing of them gets where it means something", async () => {
    await fc.assert(
      fc.asyncProperty(settings, async (json) => {
        fs.rmSync(places.networks, { recursive: true, force: true });
        const { lines, networks } = await apply(JSON.stringify(json));
        for (const line of lines) expect(line).toMatch(/^[ -~]{1,400}$/);
        expect(lines.length).toBeLessThan(120);
        for (const name of networks)
          expect(name).toMatch(/^(?:[A-Za-z0-9 _-]{1,32}|=[0-9a-f]{2,64})\.(?:open|psk)$/);
        for (const name of networks) {
          expect(fs.readFileSync(join(places.networks, name), "utf8")).toMatch(
            /^(?:\[Security\]\n(?:PreSharedKey=[0-9a-f]{64}|Passphrase=[!-~]{8,126})\n)?(?:\[Settings\]\nHidden=true\n)?$/,
          );
        }
        const sway = swayConfig(await readSession(places.session));
        expect(sway).toMatch(
          /^(?:input type:keyboard xkb_(?:layout|variant) [a-z0-9_-]+\n|output \* (?:transform|scale) [a-z0-9.]+\n)*$/i,
        );
        expect(fs.readdirSync(folder).sort()).toEqual(
          expect.arrayContaining(["etc", "session.json", "settings.json", "zones"]),
        );
      }),
      { numRuns: 1000 },
    );
  }, 120_000);
});

/** A value as ell's `l_settings` reads it: from the first character that is no space to the line's end, unescaped. */
function asRead(line: string): string {
  const codes: Readonly<Record<string, string>> = { s: " ", t: "\t", n: "\n", r: "\r", "\\": "\\" };
  return line.trimStart().replace(/\\(.)/g, (_, code: string) => codes[code] ?? "?");
}

test("every passphrase that there can be is read as it was", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~]{8,63}$/), (passphrase) => {
      const { text } = networkFile({ ssid: "a", security: "wpa3", passphrase, hidden: false });
      const [, value = ""] = /^\[Security\]\nPassphrase=(.*)\n$/.exec(text) ?? [];
      expect(asRead(value)).toBe(passphrase);
    }),
    { numRuns: 1000 },
  );
});

test("a country is General's, the only group there is", () => {
  const mainConf = fs.readFileSync(join(ROOT, "etc/iwd/main.conf"), "utf8");
  expect(mainConf.match(/^\[.*\]$/gm)).toEqual(["[General]"]);
  expect(withCountry("[General]\nA=b", "DE")).toBe("[General]\nA=b\nCountry=DE\n");
});

test.each<[Partial<Network>, string, string]>([
  [{ ssid: "a" }, "a.open", ""],
  [{ ssid: " " }, " .open", ""],
  [{ ssid: "a.b" }, "=612e62.open", ""],
  [{ ssid: "=61" }, "=3d3631.open", ""],
  [{ ssid: "ß".repeat(16) }, `=${"c39f".repeat(16)}.open`, ""],
  [{ ssid: "a", security: "wpa2", passphrase: "12345678" }, "a.psk", "[Security]\nPassphrase=12345678\n"],
])("a network's file: %j", (network, name, text) => {
  const whole: Network = { ssid: "", security: "open", hidden: false, ...network };
  expect(networkFile(whole)).toEqual({ name, text });
});

test.each([
  [0, "0.000000"],
  [1, "0.000001"],
  [50, "0.125000"],
  [100, "1.000000"],
])("a volume of %i is %s", (volume, linear) => {
  expect(soundConfig({ wifi: [], volume })).toBe(
    `wireplumber.settings = { device.routes.default-sink-volume = ${linear} }\n`,
  );
});

test("each output has sinks of its own, and HDMI a card's profile", () => {
  const names = {
    analog: [
      "alsa_output.pci-0000_00_1f.3.analog-stereo",
      "alsa_output.pci-0000_00_1f.3-platform-sof_sdw.HiFi__Speaker__sink",
    ],
    hdmi: [
      "alsa_output.pci-0000_01_00.1.hdmi-stereo-extra1",
      "alsa_output.pci-0000_00_1f.3-platform-sof_sdw.HiFi__HDMI2__sink",
    ],
    usb: ["alsa_output.usb-Focusrite_Scarlett-00.analog-stereo"],
  } as const;
  const controller = "alsa_output.usb-Sony_Wireless_Controller-00.analog-stereo"; // a sink that nobody means
  expect(outputOf(controller)).toBeUndefined();
  for (const output of ["analog", "hdmi", "usb"] as const) {
    const config = soundConfig({ wifi: [], output }) ?? "";
    const rules = [...config.matchAll(/\{ matches = \[ (.*?) \] .*?priority\.session = (\d+)/g)];
    // Of rules that match, WirePlumber takes the last one
    const priority = (name: string) =>
      rules.findLast(([, matches = ""]) =>
        [...matches.matchAll(/"~([^"]+)"/g)].some(([, pattern = ""]) => new RegExp(pattern).test(name)),
      )?.[2];
    for (const [of, each] of Object.entries(names)) {
      for (const name of each) {
        expect([name, priority(name)]).toEqual([name, of === output ? "5000" : undefined]);
        expect(outputOf(name)).toBe(of);
      }
    }
    expect(priority(controller)).toBe(output === "usb" ? "100" : undefined);
    expect(config.includes("kiosk/hdmi.lua")).toBe(output === "hdmi");
  }
  expect(fs.existsSync(join(ROOT, "usr/share/wireplumber/scripts/kiosk/hdmi.lua"))).toBe(true);
  expect(soundConfig({ wifi: [], rotation: 90 })).toBeUndefined();
});

test("sway's lines", () => {
  const { settings } = parseSettings(
    '{"keyboard":{"layout":"de","variant":"neo"},"rotation":90,"scale":1.5}',
  );
  expect(swayConfig(settings)).toBe(
    "input type:keyboard xkb_layout de\ninput type:keyboard xkb_variant neo\noutput * transform 90\noutput * scale 1.5\n",
  );
  expect(swayConfig({ wifi: [], rotation: 0 })).toBe("output * transform normal\n");
});

test("nothing starts before it, and nobody else reads the file", () => {
  const unit = (name: string) => fs.readFileSync(join(ROOT, "usr/lib/systemd/system", name), "utf8");
  expect(unit("kiosk.service")).toMatch(/^After=.* kiosk-settings.service$/m);
  expect(unit("iwd.service.d/kiosk.conf")).toMatch(/^After=kiosk-settings.service$/m);
  for (const name of ["kiosk.service", "user@.service.d/kiosk.conf"]) {
    expect(unit(name)).toMatch(/^InaccessiblePaths=-\/mnt\/piece\/settings.json -\/run\/stick$/m);
  }
  expect(fs.readFileSync(join(ROOT, "etc/sway/kiosk"), "utf8")).toMatch(
    /^include \$XDG_RUNTIME_DIR\/kiosk.settings$/m,
  );
});
