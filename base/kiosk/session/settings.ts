import { readFile } from "node:fs/promises";
import { parseSettings, type Settings } from "../../../src/settings/settings.ts";

/** What `kiosk-settings.service` has left of the stick's settings: those that are no secrets. Without it there are none. */
export async function readSettings(path: string): Promise<Settings> {
  return parseSettings(await readFile(path, "utf8").catch(() => "{}")).settings;
}

/** Keyboard and picture as lines of sway(5). */
export function swayConfig(settings: Settings): string {
  return settingsCommands(settings)
    .map((line) => `${line}\n`)
    .join("");
}

/** Keyboard and picture as commands of sway(5), in this order. Every word of them is one of a list, or a number. */
export function settingsCommands({ keyboard, rotation, scale }: Settings): string[] {
  return [
    ...(keyboard ? [`input type:keyboard xkb_layout ${keyboard.layout}`] : []),
    ...(keyboard?.variant === undefined ? [] : [`input type:keyboard xkb_variant ${keyboard.variant}`]),
    ...(rotation === undefined ? [] : [`output * transform ${rotation === 0 ? "normal" : rotation}`]),
    ...(scale === undefined ? [] : [`output * scale ${scale}`]),
  ];
}
