import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Network as SettingsNetwork } from "../../../src/settings/settings.ts";
import { networkFile } from "../settings/iwd.ts";
import { barsOf, type Call, findStation, type Found, protectionOf, type Station } from "./iwd-bus.ts";
import { type Networks, RefusedError } from "./request.ts";

/** For iwd to notice a file of its networks. */
const NOTICE_MS = 5000;
/** For iwd to join a network, in seconds: it tries each access point of that name. */
const JOIN_SECONDS = 50;

/** The wireless networks that the card hears. */
export async function networksInReach(call: Call): Promise<Networks> {
  const station = await findStation(call).catch(() => undefined); // no iwd: no card, or a piece without the network
  if (!station) return { hasRadio: false, isScanning: false, networks: [] };
  const networks = station.found.flatMap(({ ssid, isOpen, isJoined, isKnown, signal }) =>
    signal === undefined ? [] : [{ ssid, isOpen, isJoined, isKnown, bars: barsOf(signal) }],
  );
  return { hasRadio: true, isScanning: station.isScanning, networks };
}

/** Look for networks anew. Throws `RefusedError` where there is no radio. */
export async function scan(call: Call): Promise<void> {
  const { path, isScanning } = await stationOf(call);
  if (!isScanning) await call(path, "net.connman.iwd.Station", "Scan", 10).catch(() => {}); // it is at it already
}

/**
 * Join a network in reach, by a file in `folder`, iwd's own. Resolves with it as settings have it; with undefined when it
 * was known before, and no passphrase is given. Throws `RefusedError`; what iwd knew of it before then stays.
 */
export async function joinNetwork(
  call: Call,
  folder: string,
  wanted: { readonly ssid: string; readonly passphrase?: string },
): Promise<SettingsNetwork | undefined> {
  const { ssid, passphrase } = wanted;
  const isWanted = (found: Found) => found.ssid === ssid && (passphrase === undefined || !found.isOpen);
  const found = (await stationOf(call)).found.find(isWanted);
  if (!found) throw new RefusedError("not-there");
  if (!found.isOpen && !found.isKnown && passphrase === undefined) throw new RefusedError("needs-passphrase");
  const network: SettingsNetwork = {
    ssid,
    security: passphrase === undefined ? "open" : "wpa3", // the passphrase itself joins what is WPA2 as well
    passphrase,
    hidden: false,
  };
  const restore = found.isOpen || passphrase !== undefined ? await writeNetwork(folder, network) : undefined;
  try {
    if (restore) await noticed(call, isWanted);
    await call(found.path, "net.connman.iwd.Network", "Connect", JOIN_SECONDS);
  } catch (cause) {
    await restore?.();
    throw cause instanceof RefusedError ? cause : new RefusedError("not-joined", { cause });
  }
  if (!restore) return undefined;
  const { path } = await stationOf(call);
  return (await protectionOf(call, path)) === "WPA2-Personal" ? { ...network, security: "wpa2" } : network;
}

async function stationOf(call: Call): Promise<Station> {
  const station = await findStation(call).catch(() => undefined);
  if (!station) throw new RefusedError("no-radio");
  return station;
}

/** Write what iwd knows a network by; resolves with what puts back what was there. */
async function writeNetwork(folder: string, network: SettingsNetwork): Promise<() => Promise<void>> {
  const { name, text } = networkFile(network);
  const path = join(folder, name);
  const before = await readFile(path).catch(() => undefined);
  await writeFile(path, text, { mode: 0o600 });
  return async () => await (before ? writeFile(path, before) : rm(path, { force: true }));
}

/** Wait until iwd knows a network by its file. */
async function noticed(call: Call, isWanted: (found: Found) => boolean): Promise<void> {
  const until = performance.now() + NOTICE_MS;
  while (performance.now() < until) {
    if ((await stationOf(call)).found.find(isWanted)?.isKnown) return;
    await delay(200);
  }
  throw new RefusedError("failed");
}
