import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";

/** What Linux says of a disk. */
export interface Disk {
  /** As the kernel calls it: `sdb`. */
  readonly name: string;
  /** Maker and model as the device says them, or "". */
  readonly model: string;
  /** Whether it is made to be pulled out: by its own word, on USB, or an SD card. */
  readonly isRemovable: boolean;
  readonly isReadOnly: boolean;
  /** In bytes. */
  readonly sectorSize: number;
  /** What uses it or a part of it now, in words: where it is mounted, as swap, what lies on top of it. */
  readonly uses: readonly string[];
}

/** Where the system tells of itself; for tests elsewhere. */
export interface System {
  readonly platform: NodeJS.Platform;
  readonly sys: string;
  readonly proc: string;
}

const HERE: System = { platform: process.platform, sys: "/sys", proc: "/proc" };

/**
 * Look at the disk with the device number `rdev`, which `file` names. Throws `RangeError` for a partition, and on other
 * systems than Linux, which do not say what this has to know in files.
 */
export function lookAtDisk(file: string, rdev: number, { platform, sys, proc }: System = HERE): Disk {
  if (platform !== "linux") {
    throw new RangeError(
      `${file} is a disk, and whether it is in use or can be pulled out is only known on Linux: write the image with balenaEtcher or dd`,
    );
  }
  const folder = real(`${sys}/dev/block/${deviceNumber(rdev)}`);
  const name = path.basename(folder);
  if (existsSync(`${folder}/partition`)) {
    const whole = path.basename(path.dirname(folder));
    throw new RangeError(`${file} is a partition of ${whole}: name the whole device, /dev/${whole}`);
  }
  const says = (what: string) => textOf(`${folder}/${what}`);
  const parts = readdirSync(folder).filter((each) => existsSync(`${folder}/${each}/partition`));
  const numbers = new Map([
    [says("dev"), name],
    ...parts.map((part): [string, string] => [says(`${part}/dev`), part]),
  ]);
  return {
    name,
    model: [says("device/vendor"), says("device/model") || says("device/name")].join(" ").trim(),
    isRemovable: says("removable") === "1" || /\/usb\d+\//.test(folder) || says("device/type") === "SD",
    isReadOnly: says("ro") === "1",
    sectorSize: Number(says("queue/logical_block_size") || 512),
    uses: [
      ...mounts(textOf(`${proc}/self/mountinfo`), numbers),
      ...swaps(textOf(`${proc}/swaps`), [...numbers.values()]),
      ...[".", ...parts].flatMap((part) => holders(`${folder}/${part}/holders`)),
    ],
  };
}

/** `8:16`, as Linux writes the number of a device that `stat` gives. */
function deviceNumber(rdev: number): string {
  const major = ((rdev >>> 8) & 0xfff) | (Math.floor(rdev / 2 ** 32) & ~0xfff);
  const minor = (rdev & 0xff) | ((rdev >>> 12) & ~0xff);
  return `${major}:${minor}`;
}

/**
 * proc_pid_mountinfo(5): the third field is the device's number, the fifth where it is mounted. Btrfs gives a number of
 * its own, so the source, two fields after the dash, counts too.
 */
function mounts(mountinfo: string, numbers: ReadonlyMap<string, string>): string[] {
  const names = [...numbers.values()];
  return mountinfo.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const source = fields[fields.indexOf("-") + 2] ?? "";
    const isOnIt = numbers.has(fields[2] ?? "") || names.some((name) => isDevice(source, name));
    return isOnIt ? [`it is mounted on ${unescape(fields[4] ?? "")}`] : [];
  });
}

function swaps(text: string, names: readonly string[]): string[] {
  const files = text.split("\n").map((line) => unescape(line.split(/\s/)[0] ?? ""));
  return files.filter((file) => names.some((name) => isDevice(file, name))).map((file) => `${file} is swap`);
}

/** Encryption, LVM and RAID are devices of their own on top of it. */
function holders(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => `${name} lies on it`) : [];
}

function isDevice(file: string, name: string): boolean {
  return file.startsWith("/dev/") && path.basename(existsSync(file) ? realpathSync(file) : file) === name;
}

/** Spaces and the like stand there as \040, in octal. */
function unescape(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    throw new RangeError(`What the system knows of this disk cannot be read: ${file} is not there`, {
      cause: error,
    });
  }
}

/** A file of the system's, which is mostly one short line; "" when there is none. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
