import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How shops, Windows and macOS lay sticks out; `none`: a file system without a partition table. */
export type FatLayout = "mbr" | "none" | "gpt";

const SECTOR = 512;
const MIB = 1024 * 1024;

/** What a stick is like. */
interface FatStickOptions {
  readonly layout?: FatLayout;
  /** In MiB. */
  readonly mib?: number;
  /** Of the file system, 8 hex digits: factories copy it along with all else. */
  readonly serial?: string;
}

/**
 * Make `image`, a stick as it is sold with the content of `folder` on it: for machines whose kernel has no FAT, by
 * mtools. Throws `Error` when a tool fails.
 */
export function makeFatStick(image: string, folder: string, options: FatStickOptions = {}): void {
  const { layout = "mbr", mib = 1024, serial = "1234ABCD" } = options;
  const start = layout === "none" ? 0 : MIB / SECTOR;
  const end = (mib * MIB) / SECTOR - (layout === "gpt" ? 34 : 0);
  rmSync(image, { force: true });
  writeFileSync(image, "");
  truncateSync(image, mib * MIB);
  // fat32: type 0x0C, with LBA; 0700: Microsoft basic data
  if (layout === "mbr")
    tool("parted", [
      "-s",
      image,
      "mklabel",
      "msdos",
      "mkpart",
      "primary",
      "fat32",
      `${start}s`,
      `${end - 1}s`,
    ]);
  if (layout === "gpt") tool("sgdisk", [`--new=1:${start}:${end - 1}`, "--typecode=1:0700", image]);
  const place = ["-h", `${start}`, "--offset", `${start}`, image, `${Math.floor((end - start) / 2)}`];
  tool("mkfs.vfat", ["-F", "32", "-i", serial, "-n", "STICK", ...place]);
  const names = readdirSync(folder).map((name) => join(folder, name));
  tool("mcopy", ["-s", "-i", `${image}@@${start * SECTOR}`, ...names, "::"]);
}

function tool(name: string, args: readonly string[]): void {
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`; // Debian keeps mkfs.vfat out of an ordinary user's
  execFileSync(name, args, {
    env: { ...process.env, PATH: path, MTOOLS_SKIP_CHECK: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
}
