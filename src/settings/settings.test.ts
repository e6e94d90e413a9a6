import { expect, test } from "vitest";
import { COUNTRIES } from "./countries.ts";
import { KEYBOARDS } from "./keyboards.ts";
import {
  complaintWords,
  describeSettings,
  formatSettings,
  MOST_NETWORKS,
  NO_SETTINGS,
  parseSettings,
  readSettings,
  settingsFile,
  SETTINGS_LIMIT,
  withoutSecrets,
  type SealedSettings,
} from "./settings.ts";

const PSK = "0123456789abcdef".repeat(4);
const ALL: SealedSettings = {
  random: "00112233445566778899aabbccddeeff",
  wifi: [
    { ssid: "Café ♪", security: "wpa2", psk: PSK, hidden: true },
    { ssid: "at home", security: "wpa3", passphrase: 'p\\ass "word" #1', hidden: false },
    { ssid: "library", security: "open", hidden: false },
  ],
  country: "DE",
  keyboard: { layout: "de", variant: "nodeadkeys" },
  timeZone: "Europe/Berlin",
  rotation: 90,
  scale: 1.5,
  volume: 40,
  output: "hdmi",
  locked: true,
};

/** The complaints about `json`, as words. */
const complaints = (json: unknown) => readSettings(json).complaints.map(complaintWords);

test("what is written is read, and written again as it was", () => {
  const text = formatSettings(ALL);
  const { settings, complaints: none } = parseSettings(text);
  expect(none).toEqual([]);
  expect(settings).toEqual(ALL);
  expect(formatSettings({ ...settings, random: ALL.random })).toBe(text);
});

test("settings that say nothing are fine, and so is a file that a person writes", () => {
  expect(readSettings({})).toEqual({ settings: NO_SETTINGS, complaints: [] });
  const wifi = [{ ssid: "at home", passphrase: "correct horse" }, { ssid: "library" }];
  expect(readSettings({ wifi }).settings.wifi).toEqual([
    { ssid: "at home", security: "wpa3", passphrase: "correct horse", hidden: false },
    { ssid: "library", security: "open", hidden: false },
  ]);
});

test("what is secret is in no word of it", () => {
  const words = [...describeSettings(ALL), JSON.stringify(withoutSecrets(ALL))].join("\n");
  for (const secret of [PSK, "p\\ass", "#1", ALL.random]) expect(words).not.toContain(secret);
  expect(describeSettings(ALL)).toEqual([
    'wifi "Café ♪" (wpa2, hidden)',
    'wifi "at home" (wpa3)',
    'wifi "library" (open)',
    "country DE",
    "keyboard de nodeadkeys",
    "timeZone Europe/Berlin",
    "rotation 90",
    "scale 1.5",
    "volume 40",
    "output hdmi",
    "locked",
  ]);
});

const net = (change: object) => ({ wifi: [{ ssid: "net", passphrase: "12345678", ...change }] });
const secure = (change: object) => net({ security: "wpa2", ...change });

test.each<[string, unknown, RegExp]>([
  ["no object", null, /^it is not an object/],
  ["a list", [], /^it is not an object/],
  ["another format", { format: 2, volume: 5 }, /^format is another one than 1$/],
  [
    "a key that nobody knows",
    { volume: 5, loudness: 5, "\x1b[31m": 1 },
    /^it has keys .*: loudness, 1 more$/,
  ],
  ["keys of an object that all objects have", JSON.parse('{"__proto__": 1}'), /: __proto__$/],
  ["random bytes too short", { random: "00" }, /^random has 32 hex digits$/],
  ["networks that are no list", { wifi: {} }, /^wifi is a list/],
  ["a network that is none", { wifi: ["net"] }, /^wifi\[0\] is not an object/],
  ["a network without a name", { wifi: [{ passphrase: "12345678" }] }, /^wifi\[0\].ssid is missing$/],
  ["an empty name", net({ ssid: "" }), /^wifi\[0\].ssid has 1 to 32 bytes/],
  ["a name of 33 bytes", net({ ssid: `${"é".repeat(16)}x` }), /^wifi\[0\].ssid has 1 to 32 bytes/],
  ["a name with a zero byte", net({ ssid: "a\0b" }), /^wifi\[0\].ssid/],
  ["half a character as a name", net({ ssid: "\ud800" }), /^wifi\[0\].ssid/],
  ["a passphrase of 7", net({ passphrase: "1234567" }), /^wifi\[0\].passphrase has 8 to 63/],
  ["a passphrase of 64", net({ passphrase: "x".repeat(64) }), /^wifi\[0\].passphrase has 8 to 63/],
  ["a passphrase with an accent", net({ passphrase: "pässword" }), /^wifi\[0\].passphrase has 8 to 63/],
  ["a passphrase of two lines", net({ passphrase: "1234\n5678" }), /^wifi\[0\].passphrase has 8 to 63/],
  ["a passphrase in numbers", net({ passphrase: 12345678 }), /^wifi\[0\].passphrase has 8 to 63/],
  [
    "a security that there is not",
    net({ security: "wep" }),
    /^wifi\[0\].security is one of open, wpa2, wpa3$/,
  ],
  ["an open network with a passphrase", net({ security: "open" }), /^wifi\[0\].security is not open/],
  ["WPA3 without one", { wifi: [{ ssid: "a", security: "wpa3" }] }, /^wifi\[0\].passphrase is missing$/],
  ["WPA3 with a key", net({ psk: PSK }), /^wifi\[0\].psk is for WPA2/],
  ["WPA2 with both", secure({ psk: PSK }), /^wifi\[0\].passphrase or psk/],
  ["WPA2 with neither", { wifi: [{ ssid: "a", security: "wpa2" }] }, /^wifi\[0\].passphrase or psk/],
  ["a key that is no key", { wifi: [{ ssid: "a", psk: "12" }] }, /^wifi\[0\].psk has 64 hex digits$/],
  ["hidden in words", net({ hidden: "yes" }), /^wifi\[0\].hidden is true or false$/],
  ["an unknown key of a network", net({ bssid: "x" }), /^wifi\[0\] has keys that are not known here: bssid$/],
  ["a country in words", { country: "Germany" }, /^country is the code/],
  ["a country that is none", { country: "ZZ" }, /^country is the code/],
  ["a keyboard in a word", { keyboard: "de" }, /^keyboard is not an object/],
  ["a keyboard without a layout", { keyboard: {} }, /^keyboard.layout is missing$/],
  ["a layout that is none", { keyboard: { layout: "constructor" } }, /^keyboard.layout is no layout/],
  ["a layout with a command", { keyboard: { layout: "de\nexec reboot" } }, /^keyboard.layout is no layout/],
  [
    "another layout's variant",
    { keyboard: { layout: "de", variant: "azerty" } },
    /^keyboard.variant .* of de: one of deadacute,/,
  ],
  ["a time zone that is none", { timeZone: "Mars/Base" }, /^timeZone is no time zone/],
  ["a time zone above its folder", { timeZone: "../etc/passwd" }, /^timeZone is no time zone/],
  ["a time zone in small letters", { timeZone: "Europe/berlin" }, /^timeZone is written Europe\/Berlin$/],
  ["a rotation by half", { rotation: 45 }, /^rotation is one of 0, 90, 180, 270$/],
  ["a rotation in words", { rotation: "90" }, /^rotation is one of/],
  ["a scale of nothing", { scale: 0 }, /^scale is one of 1, 1.25/],
  ["a volume beyond", { volume: 101 }, /^volume is a whole number from 0 to 100$/],
  ["half a volume", { volume: 0.5 }, /^volume is a whole number/],
  ["an output that is none", { output: "roof" }, /^output is one of analog, hdmi, usb$/],
])("is said, and costs nothing else: %s", (_, json, complaint) => {
  const found = readSettings(json);
  expect(complaints(json)).toEqual([expect.stringMatching(complaint)]);
  if (typeof json !== "object" || json === null || Array.isArray(json) || "format" in json) return;
  const beside = { ...json, rotation: 270 } as object;
  if (!("rotation" in json)) expect(readSettings(beside).settings.rotation).toBe(270);
  expect(found.settings).toEqual({ ...NO_SETTINGS, ...found.settings });
});

test("one wrong network costs no other", () => {
  const wifi = [{ ssid: "one" }, { ssid: "two", passphrase: "short" }, { ssid: "three" }, 7];
  const { settings } = readSettings({ wifi });
  expect(settings.wifi.map(({ ssid }) => ssid)).toEqual(["one", "three"]);
});

test("a wrong variant costs the variant alone", () => {
  expect(readSettings({ keyboard: { layout: "de", variant: "x" } }).settings.keyboard).toEqual({
    layout: "de",
  });
});

test("no complaint has anything of a value", () => {
  const secret = "hunter2-hunter2-é";
  const json = {
    format: 1,
    random: secret,
    country: secret,
    timeZone: secret,
    volume: secret,
    rotation: secret,
    scale: secret,
    output: secret,
    keyboard: { layout: secret, variant: secret },
    wifi: [{ ssid: secret.repeat(3), passphrase: secret, psk: secret, security: secret, hidden: secret }],
  };
  expect(complaints(json).length).toBeGreaterThan(10);
  expect(complaints(json).join("\n")).not.toContain("hunter2");
});

test("a network is there once", () => {
  const wifi = [{ ssid: "a" }, { ssid: "a" }, { ssid: "a", passphrase: "12345678" }, { ssid: "a", psk: PSK }];
  const { settings } = readSettings({ wifi });
  expect(settings.wifi.map(({ security }) => security)).toEqual(["open", "wpa3"]);
  expect(complaints({ wifi })).toEqual(["wifi[1].ssid is there already", "wifi[3].ssid is there already"]);
});

test.each([MOST_NETWORKS, MOST_NETWORKS + 1])("%i networks", (count) => {
  const wifi = Array.from({ length: count }, (_, i) => ({ ssid: `${i}` }));
  expect(readSettings({ wifi }).settings.wifi.length).toBe(MOST_NETWORKS);
  expect(complaints({ wifi }).length).toBe(count - MOST_NETWORKS);
});

test("what is longest fits the limit twice over", () => {
  const ssid = (i: number) => `${"\u0001".repeat(30)}${String(i).padStart(2, "0")}`; // \u0001 has six characters in JSON
  const wifi = Array.from({ length: MOST_NETWORKS }, (_, i) => {
    return { ssid: ssid(i), security: "wpa3", passphrase: "\\".repeat(63), hidden: false } as const;
  });
  expect(formatSettings({ ...ALL, wifi }).length).toBeLessThan(SETTINGS_LIMIT / 2);
  const names = wifi.map((network, i) => ({ ...network, ssid: `${"é♪".repeat(6)}${i}` })); // six characters each
  expect(formatSettings({ ...ALL, wifi: names }).length).toBeLessThan(SETTINGS_LIMIT / 2);
  expect(settingsFile({ ...ALL, wifi }).length).toBe(SETTINGS_LIMIT);
});

test("a file that is made with a stick has a fixed size, whatever it says, and blank lines around that", () => {
  for (const settings of [undefined, ALL, { ...ALL, wifi: [] }]) {
    const bytes = settingsFile(settings);
    const text = new TextDecoder().decode(bytes);
    expect([bytes.length, text.length]).toEqual([SETTINGS_LIMIT, SETTINGS_LIMIT]);
    expect(text.trimEnd()).toBe(settings ? formatSettings(settings).trimEnd() : "");
    const { settings: read, complaints: none } = parseSettings(text);
    expect(none).toEqual([]);
    expect(describeSettings(read)).toEqual(describeSettings(settings ?? NO_SETTINGS));
  }
});

test("of two halves the first counts, unless its first sector is blank", () => {
  const half = (volume: number) => formatSettings({ ...ALL, volume }).padEnd(SETTINGS_LIMIT / 2);
  const [blank, sector] = [" ".repeat(SETTINGS_LIMIT / 2), " ".repeat(512)];
  const volumeOf = (text: string) => {
    const { settings, complaints: none } = parseSettings(text);
    expect([text.length, none]).toEqual([SETTINGS_LIMIT, []]);
    return settings.volume;
  };
  expect(volumeOf(half(1) + blank)).toBe(1);
  expect(volumeOf(half(1) + half(2))).toBe(1);
  expect(
    volumeOf(
      half(1) +
        half(2)
          .slice(0, 600)
          .padEnd(SETTINGS_LIMIT / 2),
    ),
  ).toBe(1);
  expect(volumeOf(sector + half(1).slice(512) + half(2))).toBe(2);
  expect(volumeOf(blank + half(2))).toBe(2);
  const { settings, complaints: torn } = parseSettings(sector + half(1).slice(512) + blank);
  expect([settings, torn]).toEqual([NO_SETTINGS, []]);
});

test.each<[string, string]>([
  ["no JSON", "{"],
  ["nothing", ""],
  ["too long", `${" ".repeat(SETTINGS_LIMIT)}{}`],
  ["too deep", "[".repeat(SETTINGS_LIMIT)],
])("a text that is none is one complaint: %s", (_, text) => {
  const { settings, complaints: found } = parseSettings(text);
  expect(settings).toEqual(NO_SETTINGS);
  expect(found.length).toBe(1);
});

test.each<[string, object]>([
  [
    "a passphrase that would lie open",
    { wifi: [{ ssid: "a", security: "wpa2", passphrase: "12345678", hidden: false }] },
  ],
  ["no random bytes", { random: "" }],
  ["a rotation that nobody would read", { rotation: 45 }],
])("%s is not written", (_, change) => {
  expect(() => formatSettings({ ...ALL, ...change })).toThrow(RangeError);
});

test("all that can be chosen can be said", () => {
  for (const { code, variants } of KEYBOARDS) {
    for (const variant of [undefined, ...variants]) {
      expect(complaints({ keyboard: { layout: code, ...(variant !== undefined && { variant }) } })).toEqual(
        [],
      );
    }
  }
  for (const country of COUNTRIES) expect(complaints({ country })).toEqual([]);
  for (const timeZone of [...Intl.supportedValuesOf("timeZone"), "UTC", "Asia/Kolkata", "Etc/GMT+5"]) {
    expect(complaints({ timeZone })).toEqual([]);
  }
  expect([KEYBOARDS.length, COUNTRIES.length]).toEqual([98, 249]);
});
