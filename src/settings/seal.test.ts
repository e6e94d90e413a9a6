import { expect, test } from "vitest";
import { preSharedKey, sealSettings } from "./seal.ts";
import { formatSettings, readSettings } from "./settings.ts";

// IEEE 802.11-2020, annex J.4.2: all the test vectors that there are
test.each([
  ["IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"],
  ["ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"],
  ["Z".repeat(32), "a".repeat(32), "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62"],
])("the key of %s is the standard's", async (ssid, passphrase, psk) => {
  expect(await preSharedKey(ssid, passphrase)).toBe(psk);
});

test.each([
  ["", "12345678"],
  ["é".repeat(17), "12345678"],
  ["net", "1234567"],
  ["net", "x".repeat(64)],
  ["net", "pässword"],
])("no network is called %j with %j", async (ssid, passphrase) => {
  await expect(preSharedKey(ssid, passphrase)).rejects.toThrow(RangeError);
});

const { settings } = readSettings({
  wifi: [
    { ssid: "IEEE", security: "wpa2", passphrase: "password" },
    { ssid: "new", passphrase: "correct horse" },
    { ssid: "free" },
  ],
});

test("of WPA2 the passphrase is not kept, of WPA3 it has to be", async () => {
  const sealed = await sealSettings(settings);
  const text = formatSettings(sealed);
  expect(text).not.toContain("password");
  expect(text).toContain("f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e");
  expect(sealed.wifi[1]).toEqual(settings.wifi[1]);
  expect(await sealSettings(sealed)).toEqual(sealed);
});

test("each time there are other random bytes, unless there are some", async () => {
  const [one, other] = await Promise.all([sealSettings(settings), sealSettings(settings)]);
  expect(one.random).toMatch(/^[0-9a-f]{32}$/);
  expect(other.random).not.toBe(one.random);
  expect(formatSettings(await sealSettings({ ...settings, random: one.random }))).toBe(formatSettings(one));
});
