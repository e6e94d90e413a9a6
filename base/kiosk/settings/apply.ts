import { constants } from "node:fs";
import { mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  complaintWords,
  NO_SETTINGS,
  parseSettings,
  SETTINGS_LIMIT,
  type Settings,
  withoutSecrets,
} from "../../../src/settings/settings.ts";
import { networkFile, withCountry } from "./iwd.ts";
import { soundConfig } from "./sound.ts";

/** Where what lies on a machine. */
export interface Places {
  /** The `settings.json` of the stick. */
  readonly settings: string;
  /** Time zones, a file each. */
  readonly zones: string;
  /** iwd's networks, and its configuration. */
  readonly networks: string;
  readonly iwdConfig: string;
  /** A folder for parts of WirePlumber's configuration. */
  readonly sound: string;
  /** What the session is told: the settings without what is secret. */
  readonly session: string;
}

/**
 * Set the machine up as the stick's `settings.json` says, all that root has to do for it. It never throws: a stick starts
 * whatever anybody has written there. Resolves with what was passed over, a line each, without anything of a value.
 */
export async function applySettings(places: Places): Promise<string[]> {
  const { settings, complaints } = await readFrom(places.settings);
  const lines = [...complaints];
  const isThere = await hasZone(places.zones, settings.timeZone);
  if (!isThere) lines.push("timeZone is not known on this machine");
  const known = isThere ? settings : { ...settings, timeZone: undefined };
  const steps: Readonly<Record<string, () => Promise<void>>> = {
    wifi: async () => await writeNetworks(places.networks, known),
    country: async () => {
      if (known.country === undefined) return;
      const mainConf = await readFile(places.iwdConfig, "utf8");
      await writeFile(places.iwdConfig, withCountry(mainConf, known.country));
    },
    sound: async () => {
      const config = soundConfig(known);
      if (config === undefined) return;
      await mkdir(places.sound, { recursive: true });
      await writeFile(join(places.sound, "60-settings.conf"), config);
    },
    session: async () => {
      await writeFile(places.session, JSON.stringify(withoutSecrets(known)), { mode: 0o644 });
    },
  };
  for (const [what, step] of Object.entries(steps)) {
    await step().catch((error: unknown) => lines.push(`${what} cannot be set up: ${codeOf(error)}`));
  }
  return lines;
}

/** The settings in a file that anybody may have made: no link is followed, and no pipe waited for. */
async function readFrom(path: string): Promise<{ settings: Settings; complaints: readonly string[] }> {
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > SETTINGS_LIMIT) {
        return { settings: NO_SETTINGS, complaints: ["it is no ordinary file, or too large"] };
      }
      const { settings, complaints } = parseSettings(new TextDecoder().decode(await file.readFile()));
      return { settings, complaints: complaints.map(complaintWords) };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { settings: NO_SETTINGS, complaints: [`it cannot be read: ${codeOf(error)}`] };
  }
}

/** What went wrong, by the system's name for it: its words have a path in them, and some paths a network's name. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).name;
}

async function hasZone(zones: string, timeZone: string | undefined): Promise<boolean> {
  if (timeZone === undefined) return true;
  return await stat(join(zones, timeZone)).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function writeNetworks(folder: string, { wifi }: Settings): Promise<void> {
  if (wifi.length === 0) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const network of wifi) {
    const { name, text } = networkFile(network);
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
}
