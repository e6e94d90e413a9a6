import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  MOST_NETWORKS,
  type Network,
  parseSettings,
  settingsFile,
  SETTINGS_LIMIT,
} from "../../../src/settings/settings.ts";
import { type KeepPlaces, keepSettings, mergeNetworks, rememberNetwork } from "./keep.ts";

const RANDOM = "00112233445566778899aabbccddeeff";
const home: Network = { ssid: "home", security: "wpa2", passphrase: "correct horse", hidden: false };
let folder: string;
let places: KeepPlaces;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keep-"));
  const [piece, ours] = [join(folder, "piece"), join(folder, "ours")];
  mkdirSync(piece);
  writeFileSync(join(piece, "settings.json"), settingsFile());
  const store = async () => renameSync(join(ours, "settings.json"), join(piece, "settings.json"));
  places = { piece, ours, store };
});
afterEach(() => rmSync(folder, { recursive: true }));

const kept = () => parseSettings(readFileSync(join(places.piece, "settings.json"), "utf8"));

test("what is set is laid over what is there, and networks that were joined beside those", async () => {
  const before = {
    random: RANDOM,
    wifi: [
      { ssid: "work", passphrase: "12345678", hidden: true },
      { ssid: "home", passphrase: "another one" },
    ],
    timeZone: "Europe/Berlin",
    volume: 10,
  };
  writeFileSync(join(places.piece, "settings.json"), JSON.stringify(before).padEnd(SETTINGS_LIMIT));
  await rememberNetwork(places.ours, home);
  await rememberNetwork(places.ours, { ssid: "free", security: "open", hidden: false });
  await keepSettings(places, { wifi: [], volume: 40, keyboard: { layout: "de" }, rotation: undefined });
  const { settings, complaints } = kept();
  expect(complaints).toEqual([]);
  expect(settings).toMatchObject({
    random: RANDOM,
    timeZone: "Europe/Berlin",
    volume: 40,
    keyboard: { layout: "de" },
  });
  expect(settings.wifi.map(({ ssid, security, hidden }) => [ssid, security, hidden])).toEqual([
    ["work", "wpa3", true],
    ["home", "wpa2", false],
    ["free", "open", false],
  ]);
  expect(readFileSync(join(places.piece, "settings.json"), "utf8")).not.toContain("correct horse"); // its key alone
  expect(statSync(join(places.ours, "joined.json")).mode & 0o777).toBe(0o600);
  expect(statSync(places.ours).mode & 0o777).toBe(0o700);
});

test.each<[string, string]>([
  ["nothing but blank lines", new TextDecoder().decode(settingsFile())],
  ["no JSON", "{".repeat(SETTINGS_LIMIT)],
])("on a stick with %s there it says what is set", async (_, text) => {
  writeFileSync(join(places.piece, "settings.json"), text);
  await keepSettings(places, { wifi: [], rotation: 90 });
  expect(kept().settings).toMatchObject({ rotation: 90, wifi: [] });
  expect(kept().settings.random).toMatch(/^[0-9a-f]{32}$/);
});

test.each<[string, (at: string) => void]>([
  ["nothing", () => {}],
  ["a file of another size", (at) => writeFileSync(at, "{}")],
  ["a link", (at) => symlinkSync("/etc/passwd", at)],
  ["a pipe", (at) => execFileSync("mkfifo", [at])],
])("on a stick with %s there it is not kept, and that is said", async (_, make) => {
  const at = join(places.piece, "settings.json");
  rmSync(at);
  make(at);
  const store = async () => expect.fail("something is stored");
  const keeping = keepSettings({ ...places, store }, { wifi: [], rotation: 90 });
  await expect(keeping).rejects.toMatchObject({ why: "made-before" });
});

test("where nothing can be written that is said, and nothing lies about", async () => {
  let times = 0;
  const store = async () => void times++;
  await expect(keepSettings({ ...places, store }, { wifi: [], volume: 1 })).rejects.toMatchObject({
    why: "read-only",
  });
  expect(times).toBe(2); // the first may have been at work before
  expect([readdirSync(places.ours), kept().settings]).toEqual([[], { wifi: [] }]);
});

test("what is stored is kept, whatever else who stores it complains of", async () => {
  const store = async () => {
    await places.store();
    throw new Error("kiosk.log is no ordinary file");
  };
  await keepSettings({ ...places, store }, { wifi: [], volume: 1 });
  expect(kept().settings.volume).toBe(1);
});

test("why storing failed is known", async () => {
  const cause = new Error("the service ended with 1");
  const store = async () => {
    throw cause;
  };
  const keeping = keepSettings({ ...places, store }, { wifi: [], volume: 1 });
  await expect(keeping).rejects.toBe(cause); // and not that the stick is one that nobody can write to
});

test("what could not be written whole does not wait for who stores it", async () => {
  mkdirSync(join(places.ours, "settings.json.part"), { recursive: true }); // as where there is no room: nothing can be written
  const store = async () => expect.fail("something is stored");
  await expect(keepSettings({ ...places, store }, { wifi: [], volume: 1 })).rejects.toThrow("EISDIR");
  expect(readdirSync(places.ours)).not.toContain("settings.json");
});

test("the last networks are remembered", () => {
  const many = Array.from({ length: MOST_NETWORKS + 3 }, (_, i): Network => ({
    ssid: `${i}`,
    security: "open",
    hidden: false,
  }));
  expect(mergeNetworks(many, [home]).map(({ ssid }) => ssid)).toEqual([
    ...many.slice(4).map(({ ssid }) => ssid),
    "home",
  ]);
});
