import { folderWord } from "../piece/name.ts";
import type { Manifest } from "../release/manifest.ts";

// Where our files lie on a stick that keeps its own file system, and what boot loader and initramfs read of them:
// docs/boot-contract.md, "Files on a stick".

/** What the boot loader reads first. It is written after all that it names. */
export const STICK_CFG = "/fedac/stick.cfg";
/** A folder for each base: kernel, initramfs, root, and the manifest that vouches for them. */
export const SYSTEMS = "/fedac/systems";
/** A folder for each piece. */
export const PIECES = "/fedac/pieces";
/** What lay in `/EFI` before, by its path there: put back when ours is taken off. */
export const BEFORE = "/fedac/before";
/** Where firmware, shim and GRUB look, in all bases so far. */
export const FIRMWARE = ["/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grubx64.efi", "/EFI/debian/grub.cfg"];

/** Names in the folder of a base, in the order in which they may go: what says what the rest is goes last. */
export const SYSTEM_NAMES = [
  "live.img",
  "initramfs.img",
  "vmlinuz",
  "splash.png",
  "manifest.json.minisig",
  "manifest.json",
];
/** Names in the folder of a piece, likewise: what is secret goes first. */
export const PIECE_NAMES = [
  "settings.json",
  "kiosk.log",
  "kiosk.log.1",
  "kiosk.log.new",
  "splash.png",
  "piece.html",
  "os.json",
];

/** What a stick is to start. */
export interface StickConfig {
  /** 16 hex digits that tell this stick from others with the same serial number. */
  readonly token: string;
  /** A folder in `/fedac/systems`. */
  readonly system: string;
  /** A folder in `/fedac/pieces`; none when there is no piece. */
  readonly folder: string;
}

const WORD = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** Whether `stick.cfg` can name the folder `name`. */
export function canBeNamed(name: string): boolean {
  return WORD.test(name);
}

/**
 * The name of the file that `name` is left from, in lower case, as FAT takes names; `name` itself when it is a file of its
 * own. Chromium (`.crswap`) and the command line (`.part`) collect what they write in a file beside, which stays when
 * they are ended in the middle; macOS puts on FAT what it notes of a file in one with `._` before its name.
 */
export function nameOfOrigin(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\._/, "")
    .replace(/(?:(?:\.\d+)?\.crswap|\.\d+\.part)$/, "");
}

/** `stick.cfg`, a GRUB script: nothing in it needs quotes. Throws `RangeError` for words that would. */
export function formatStickConfig({ token, system, folder }: StickConfig): string {
  for (const word of [token, system, ...(folder === "" ? [] : [folder])]) {
    if (!canBeNamed(word)) throw new RangeError(`"${word}" is no word for stick.cfg`);
  }
  return `set token=${token}\nset system=${system}\nset folder=${folder}\n`;
}

/** What `stick.cfg` says; undefined when it is not as `formatStickConfig` writes it. */
export function parseStickConfig(text: string): StickConfig | undefined {
  const found = /^set token=([0-9a-f]{16})\nset system=(\S+)\nset folder=(\S*)\n$/.exec(text);
  if (!found) return undefined;
  const [, token = "", system = "", folder = ""] = found;
  const isSound = canBeNamed(system) && (folder === "" || canBeNamed(folder));
  return isSound ? { token, system, folder } : undefined;
}

/** Whether a name in `/fedac` is that of a `tokenFile`. */
export function isTokenName(name: string): boolean {
  return /^stick-[0-9a-f]{16}$/.test(name);
}

/** The file by which the initramfs knows the stick. */
export function tokenFile(token: string): string {
  return `/fedac/stick-${token}`;
}

/** The folder of a base in `/fedac/systems`: another one for each release, so that none overwrites another. */
export function systemName({ flavor, version, image }: Manifest): string {
  return `${flavor}-${version}-${image.sha256.slice(0, 12)}`;
}

/** The folder of a piece in `/fedac/pieces`: another one for each content, by the SHA-256 of its files in hex. */
export function pieceFolder(piece: string, files: readonly { readonly sha256: string }[]): string {
  return [folderWord(piece), ...files.map(({ sha256 }) => sha256.slice(0, 6))].join("-");
}

/**
 * Where a file of the manifest goes: what the firmware looks for under its own path, all else into the folder of its
 * base.
 */
export function pathOnStick(manifest: Manifest, path: string): string {
  return isForFirmware(path) ? path : `${SYSTEMS}/${systemName(manifest)}${path}`;
}

/** Whether firmware, shim or GRUB look for this path by their own rules, whatever system it belongs to. */
export function isForFirmware(path: string): boolean {
  return path.startsWith("/EFI/");
}
