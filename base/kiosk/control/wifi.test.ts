import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { barsOf, type Call } from "./iwd-bus.ts";
import type { Refusal } from "./request.ts";
import { joinNetwork, networksInReach, scan } from "./wifi.ts";

const STATION = "/net/connman/iwd/0/3";
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "iwd-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const variants = (properties: Record<string, string | boolean>) =>
  Object.fromEntries(
    Object.entries(properties).map(([name, data]) => [
      name,
      { type: typeof data === "string" ? "s" : "b", data },
    ]),
  );
const network = (Name: string, Type: string, more: Record<string, string | boolean> = {}) => ({
  "net.connman.iwd.Network": variants({ Name, Type, Connected: false, Device: STATION, ...more }),
});

/** An iwd in busctl's words, which knows what has a file, as iwd does, and joins networks with this passphrase. */
function iwd(passphrase = "correct horse", security = "WPA2-Personal"): Call & { readonly called: string[] } {
  const called: string[] = [];
  const call: Call = async (path, name, method) => {
    called.push(`${path} ${method}`);
    if (method === "GetManagedObjects") {
      const known = existsSync(join(folder, "home.psk")) ? { KnownNetwork: "/known" } : {};
      const objects = {
        [STATION]: {
          "net.connman.iwd.Device": variants({ Name: "wlan0" }),
          "net.connman.iwd.Station": variants({ State: "disconnected", Scanning: false }),
        },
        "/home": network("home", "psk", known),
        "/cafe": network("Café ♪", "open"),
        "/office": network("office", "8021x"),
        "/gone": network("gone", "psk"),
        "/other": network("other", "psk", { Device: "/net/connman/iwd/1/4" }),
      };
      return { type: "a{oa{sa{sv}}}", data: [objects] };
    }
    if (method === "GetOrderedNetworks") {
      return { type: "a(on)", data: [[["/home", -7100], ["/cafe", -5000], ["/office", -4000]]] }; // prettier-ignore
    }
    if (method === "GetDiagnostics") return { type: "a{sv}", data: [variants({ Security: security })] };
    if (method === "Connect" && path === "/home") {
      const file = readFileSync(join(folder, "home.psk"), "utf8");
      if (!file.includes(`Passphrase=${passphrase.replaceAll(" ", "\\s")}\n`))
        throw new Error("net.connman.iwd.Failed");
    }
    return { name };
  };
  return Object.assign(call, { called });
}

const refused = (why: Refusal) => expect.objectContaining({ name: "RefusedError", why }) as unknown;

test("what can be joined with a passphrase at most is shown, the best first", async () => {
  expect(await networksInReach(iwd())).toEqual({
    hasRadio: true,
    isScanning: false,
    networks: [
      { ssid: "Café ♪", isOpen: true, isJoined: false, isKnown: false, bars: 4 },
      { ssid: "home", isOpen: false, isJoined: false, isKnown: false, bars: 2 },
    ],
  });
});

test.each([[-4000, 4], [-6000, 4], [-6001, 3], [-8000, 2], [-9500, 1]])("%i is %i bars", (signal, bars) => {
  expect(barsOf(signal)).toBe(bars);
}); // prettier-ignore

test("without iwd, or without a card, there is no radio", async () => {
  const none = { hasRadio: false, isScanning: false, networks: [] };
  const empty: Call = async () => ({ type: "a{oa{sa{sv}}}", data: [{}] });
  const dead: Call = async () => {
    throw new Error("The name is not activatable");
  };
  for (const call of [empty, dead]) {
    expect(await networksInReach(call)).toEqual(none);
    await expect(scan(call)).rejects.toEqual(refused("no-radio"));
    await expect(joinNetwork(call, folder, { ssid: "home" })).rejects.toEqual(refused("no-radio"));
  }
});

test("a network is joined by a file of root's, and remembered as it is protected", async () => {
  const wanted = { ssid: "home", passphrase: "correct horse" };
  expect(await joinNetwork(iwd(), folder, wanted)).toEqual({ ...wanted, security: "wpa2", hidden: false });
  expect(readFileSync(join(folder, "home.psk"), "utf8")).toBe("[Security]\nPassphrase=correct\\shorse\n");
  expect(statSync(join(folder, "home.psk")).mode & 0o777).toBe(0o600);
  const again = await joinNetwork(iwd("correct horse", "WPA3-Personal"), folder, wanted);
  expect(again?.security).toBe("wpa3");
  expect(await joinNetwork(iwd(), folder, { ssid: "home" })).toBeUndefined(); // it is known
});

test("a wrong passphrase changes nothing", async () => {
  const wanted = { ssid: "home", passphrase: "wrong horse" };
  await expect(joinNetwork(iwd(), folder, wanted)).rejects.toEqual(refused("not-joined"));
  expect(existsSync(join(folder, "home.psk"))).toBe(false);
  writeFileSync(join(folder, "home.psk"), "as it was\n");
  await expect(joinNetwork(iwd(), folder, wanted)).rejects.toEqual(refused("not-joined"));
  expect(readFileSync(join(folder, "home.psk"), "utf8")).toBe("as it was\n");
});

test.each<[string, string | undefined, Refusal]>([
  ["home", undefined, "needs-passphrase"],
  ["nowhere", "12345678", "not-there"],
  ["office", "12345678", "not-there"],
  ["Café ♪", "12345678", "not-there"],
])("%s with %s: %s", async (ssid, passphrase, why) => {
  const wanted = passphrase === undefined ? { ssid } : { ssid, passphrase };
  await expect(joinNetwork(iwd(), folder, wanted)).rejects.toEqual(refused(why));
});
