import { readdir, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces, release } from "node:os";
import { join } from "node:path";

/** A battery, or several as one. */
export interface Battery {
  readonly percent: number;
  readonly isCharging: boolean;
}

/** The battery; undefined when there is none that feeds the machine. `folder` is /sys/class/power_supply. */
export async function battery(folder: string): Promise<Battery | undefined> {
  const found: Battery[] = [];
  for (const name of await names(folder)) {
    const text = async (file: string) => await line(join(folder, name, file));
    // Mice and gamepads have one too, of scope "Device"
    if ((await text("type")) !== "Battery" || (await text("scope")) === "Device") continue;
    const percent = Number(await text("capacity"));
    const isCharging = /^(?:Charging|Full|Not charging)$/.test((await text("status")) ?? "");
    if (Number.isFinite(percent)) found.push({ percent, isCharging });
  }
  if (found.length === 0) return undefined;
  const sum = found.reduce((all, { percent }) => all + percent, 0);
  return { percent: Math.round(sum / found.length), isCharging: found.some((each) => each.isCharging) };
}

/** The brightness of a built-in screen, 1 to 100; undefined without one. `folder` is /sys/class/backlight. */
export async function brightness(folder: string): Promise<number | undefined> {
  const light = await backlight(folder);
  return light && Math.min(100, Math.max(1, Math.round((light.now / light.most) * 100)));
}

/** Set the brightness, 1 to 100: udev has given the session the right to (90-kiosk.rules). Throws `Error` without it. */
export async function setBrightness(folder: string, percent: number): Promise<void> {
  const light = await backlight(folder);
  if (!light) return;
  const value = Math.max(1, Math.round((light.most * Math.min(100, Math.max(1, percent))) / 100));
  await writeFile(join(light.path, "brightness"), String(value));
}

async function backlight(folder: string): Promise<{ path: string; now: number; most: number } | undefined> {
  for (const name of await names(folder)) {
    const path = join(folder, name);
    const [now, most] = [
      Number(await line(join(path, "brightness"))),
      Number(await line(join(path, "max_brightness"))),
    ];
    if (now >= 0 && most > 0) return { path, now, most };
  }
  return undefined;
}

/** What runs here, a name and its value each. */
export async function facts(piece: string, chromium: string): Promise<[string, string][]> {
  const osRelease = await readFile("/etc/os-release", "utf8").catch(() => "");
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1];
  return [
    ["Piece", piece],
    ["System", name ?? ""],
    ["Kernel", release()],
    ["Browser", chromium],
    ["Addresses", addresses().join(", ") || "none: no network"],
  ].filter((fact): fact is [string, string] => fact[1] !== "");
}

/** The machine's addresses in networks, those for people first. */
function addresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  return outside.sort((a, b) => a.family.localeCompare(b.family)).map(({ address }) => address);
}

/** Whether a disk can be written to, by its device number: a disc cannot. `folder` is /sys/dev/block. */
export async function isWritable(folder: string, device: number): Promise<boolean> {
  const [major, minor] = [(device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00)];
  return (
    (await line(join(folder, `${major}:${minor}`, "ro"))) === "0" ||
    (await line(join(folder, `${major}:${minor}`, "../ro"))) === "0"
  );
}

async function names(folder: string): Promise<string[]> {
  const all: string[] = await readdir(folder).catch(() => []);
  return all.sort((a, b) => a.localeCompare(b));
}

async function line(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}
