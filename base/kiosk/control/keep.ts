import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { sealSettings } from "../../../src/settings/seal.ts";
import {
  formatSettings,
  MOST_NETWORKS,
  type Network,
  parseSettings,
  SETTINGS_JSON,
  SETTINGS_LIMIT,
  type Settings,
} from "../../../src/settings/settings.ts";
import { RefusedError } from "./request.ts";

const run = promisify(execFile);

/** Where what lies. */
export interface KeepPlaces {
  /** Where the piece, and its `settings.json`, is mounted. */
  readonly piece: string;
  /** A folder that root alone may enter. */
  readonly ours: string;
  /** Have kept, by keep-log, what lies in `ours` as `settings.json`; that it has gone then says that it was. */
  readonly store: () => Promise<void>;
}

/** Have lib/fedac/keep-log, which alone ever writes on the stick, store what lies there for it. */
export async function storeByService(): Promise<void> {
  await run("/usr/bin/systemctl", ["start", "kiosk-log-now.service"]);
}

/** Remember a network that has been joined, until the machine is switched off. */
export async function rememberNetwork(ours: string, network: Network): Promise<void> {
  await mkdir(ours, { recursive: true, mode: 0o700 });
  const joined = mergeNetworks(await joinedNetworks(ours), [network]);
  const text = JSON.stringify({ wifi: joined });
  await writeFile(join(ours, "joined.json"), text, { mode: 0o600 });
}

async function joinedNetworks(ours: string): Promise<readonly Network[]> {
  const text = await readFile(join(ours, "joined.json"), "utf8").catch(() => "{}");
  return parseSettings(text).settings.wifi;
}

/**
 * Write the stick's `settings.json` anew: what it says now, `changes`, and the networks that have been joined. Throws
 * `RefusedError` where that cannot be; the stick then is as it was. The file itself stays, and with it what hides it in the
 * session, so that passphrases can be kept on FAT too.
 */
export async function keepSettings({ piece, ours, store }: KeepPlaces, changes: Settings): Promise<void> {
  const now = parseSettings(await readStick(join(piece, SETTINGS_JSON))).settings;
  const wifi = mergeNetworks(now.wifi, await joinedNetworks(ours));
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const settings = await sealSettings({ ...now, ...Object.fromEntries(given), wifi });
  await mkdir(ours, { recursive: true, mode: 0o700 });
  const waiting = join(ours, SETTINGS_JSON);
  const part = `${waiting}.part`; // what waits is whole, whatever ends this
  try {
    await writeFile(part, formatSettings(settings), { mode: 0o600 });
    await rename(part, waiting);
    // If it was at work already, it may have looked before. What it complains of may be the log, after it has stored this
    let cause: unknown;
    for (let i = 0; i < 2 && (await isThere(waiting)); i++) await store().catch((error) => (cause = error));
    if (await isThere(waiting)) throw cause ?? new RefusedError("read-only");
  } finally {
    for (const each of [waiting, part]) await rm(each, { force: true });
  }
}

/** One list of both, in which each network is once, as the later one has it; the last ones, if they are too many. */
export function mergeNetworks(before: readonly Network[], later: readonly Network[]): readonly Network[] {
  const key = ({ ssid, security }: Network) => `${security === "open"} ${ssid}`;
  const all = new Map(before.map((network) => [key(network), network]));
  for (const network of later) {
    const hidden = network.hidden || all.get(key(network))?.hidden === true;
    all.delete(key(network));
    all.set(key(network), { ...network, hidden });
  }
  return [...all.values()].slice(-MOST_NETWORKS);
}

/** The text of a file that anybody may have made. Throws `RefusedError` when it is not one that can be overwritten. */
async function readStick(path: string): Promise<string> {
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const found = await file.stat();
      if (found.isFile() && found.size === SETTINGS_LIMIT) return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch {
    // a stick made before, or whatever anybody has put there
  }
  throw new RefusedError("made-before");
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
