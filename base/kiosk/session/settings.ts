import { readFile } from "node:fs/promises";
import { parseSettings, type Settings } from "../../../src/settings/settings.ts";

/** What `kiosk-settings.service` has left of the stick's settings: those that are no secrets. Without it there are none. */
export async function readSettings(path: string): Promise<Settings> {
  return parseSettings(await readFile(path, "utf8").catch(() => "{}")).settings;
}

/** Keyboard and picture as lines of sway(5). Every word of it is one of a list, or a number. */
export function swayConfig({ keyboard, rotation, scale }: Settings): string {
  const lines = [
    ...(keyboard ? [`input type:keyboard xkb_layout ${keyboard.layout}`] : []),
    ...(keyboard?.variant === undefined ? [] : [`input type:keyboard xkb_variant ${keyboard.variant}`]),
    ...(rotation === undefined ? [] : [`output * transform ${rotation === 0 ? "normal" : rotation}`]),
    ...(scale === undefined ? [] : [`output * scale ${scale}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
