import type { Bytes } from "../bytes/segment.ts";
import { FilesystemError } from "../ext4/error.ts";
import { read, type Volume } from "../ext4/reader.ts";
import { type At, layoutOf, piecesIn } from "../image/contents.ts";
import { type FatFile, filesOnFat } from "../image/fat.ts";
import type { Listing } from "../image/os-json.ts";
import type { Partition } from "../image/gpt.ts";
import { parseSettings, SETTINGS_JSON, SETTINGS_LIMIT } from "../settings/settings.ts";
import { FIRMWARE, type Firmware } from "./firmware.ts";
import { fetchesOverHttp, type Identity } from "./grub.ts";

/** A run of bytes. */
export interface Run {
  readonly start: number;
  readonly length: number;
}

/** The files of an ESP that start a computer over a network, by what they are; beside them its shim and its grub.cfg. */
const BOOT_FILES = {
  grub: "/grubnet.efi", // the one with HTTP and TFTP in it: with Secure Boot GRUB loads no modules
  kernel: "/vmlinuz",
  initramfs: "/initramfs.img",
  splash: "/splash.png",
} as const;

/** A file of an ESP. */
export interface BootFile {
  /** Its path on the ESP. */
  readonly path: string;
  /** Where in the image its bytes lie. */
  readonly runs: readonly Run[];
}

/** A finished image, as whoever serves it has to know it. */
export interface ServedImage {
  /** In bytes; what follows in its file is no part of it. */
  readonly size: number;
  readonly identity: Identity;
  /** Undefined in a base image. */
  readonly pieces: Listing | undefined;
  /** Of the computers that it starts. */
  readonly firmware: Firmware;
  readonly boot: Readonly<Record<keyof typeof BOOT_FILES | "shim" | "config", BootFile>>;
  /** What its screen shows while it starts, a PNG; undefined when it has none of its own. */
  readonly splash: Bytes | undefined;
  /** Whether it starts by PXE too, and by HTTP boot of its shim: its GRUB has to fetch the rest. */
  readonly startsByPxe: boolean;
  /** Why not everybody may have it: what it holds that joins networks, in words; empty when nothing. */
  readonly secrets: readonly string[];
}

const LIVE_LABEL = "FEDAC-LIVE";
/** The most bytes of a configuration of GRUB's, of GRUB, and of a picture. */
const LARGEST_CONFIG = 64 * 1024;
const LARGEST_LOADER = 16 * 1024 * 1024;
const LARGEST_SPLASH = 16 * 1024 * 1024;

/**
 * Read what a network start takes out of the image of `size` bytes that `at` reads. Throws `RangeError` when it is no image of
 * ours, is damaged where that is looked at, or was made from a base that does not start over a network.
 */
export async function readServedImage(at: At, size: number): Promise<ServedImage> {
  const layout = await layoutOf(at, size);
  const esp = layout.partitions.find(({ number }) => number === 1);
  const lives = layout.partitions.filter(({ label }) => label === LIVE_LABEL);
  const [live] = lives;
  if (!esp || !live || lives.length > 1)
    throw new RangeError("it has not the partitions of an image of ours");
  const { boot, firmware } = await bootFilesOf(at, esp);
  const { start, length } = layout.piece;
  const inPiece: At = (from, count) => {
    if (from + count > length) throw new RangeError("the file system is larger than its partition");
    return at(start + from, count);
  };
  const pieces = await piecesIn(inPiece, length);
  const volume = pieces && (await read(inPiece));
  return {
    size: layout.size,
    identity: { live: live.guid, piece: volume?.uuid },
    pieces,
    boot,
    firmware,
    startsByPxe: fetchesOverHttp(await bytesOf(at, boot.grub, LARGEST_LOADER)),
    splash: volume && (await fileIn(volume, "splash.png", LARGEST_SPLASH)),
    secrets: volume ? await secretsIn(volume) : [],
  };
}

async function bootFilesOf(at: At, esp: Partition): Promise<Pick<ServedImage, "boot" | "firmware">> {
  const files = await filesOnFat((start, length) => at(esp.start + start, length), esp.length);
  const find = (is: (path: string) => boolean): BootFile | undefined => {
    const found = files.filter(({ path }) => is(path.toLowerCase()));
    if (found.length > 1) throw new RangeError(`its ESP has ${found.length} files like ${found[0]!.path}`);
    return found[0] && { path: found[0].path, runs: runsOf(esp, found[0]) };
  };
  // Its folder is that of the GRUB for disks, and has the distribution's name in it
  const config = find((path) => /^\/efi\/[a-z0-9]+\/grub\.cfg$/.test(path));
  const text = config && new TextDecoder().decode(await bytesOf(at, config, LARGEST_CONFIG));
  const named = Object.entries(BOOT_FILES).map(([what, path]) => {
    return [what, find((each) => each === path.toLowerCase())] as const;
  });
  const firmware = FIRMWARE.find(({ shim }) => find((each) => each === shim.toLowerCase()));
  const shim = firmware && find((each) => each === firmware.shim.toLowerCase());
  const boot = { ...Object.fromEntries(named), shim, config };
  if (!firmware || !isComplete(boot) || !text?.includes("$served")) {
    throw new RangeError(
      "it was made from a base that does not start over a network yet: make it anew from a newer one",
    );
  }
  return { boot, firmware };
}

function isComplete(boot: Record<string, BootFile | undefined>): boot is ServedImage["boot"] {
  return Object.values(boot).every((file) => file !== undefined);
}

function runsOf({ start }: Partition, file: FatFile): Run[] {
  return file.runs().map((run) => ({ start: start + run.start, length: run.length }));
}

/** All of a boot file. Throws `RangeError` when it has more than `limit` bytes. */
export async function bytesOf(at: At, { path, runs }: BootFile, limit: number): Promise<Bytes> {
  const length = runs.reduce((sum, run) => sum + run.length, 0);
  if (length > limit) throw new RangeError(`${path} has ${length} bytes, and ${limit} are the most`);
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (const run of runs) {
    bytes.set(await at(run.start, run.length), filled);
    filled += run.length;
  }
  return bytes;
}

async function fileIn(volume: Volume, path: string, limit: number): Promise<Bytes | undefined> {
  const content = await volume.file(path).catch((error: unknown) => {
    if (error instanceof FilesystemError && error.message.includes("no such file")) return undefined;
    throw error;
  });
  if (content === undefined) return undefined;
  if (content.length > limit) throw new RangeError(`${path} has ${content.length} bytes`);
  const bytes = new Uint8Array(content.length);
  let filled = 0;
  for await (const chunk of content.open()) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}

/**
 * What `settings.json` holds that joins networks. A machine passes over what it does not understand and over the half of the
 * file that does not count; whoever reads the file does not, so those count here.
 */
async function secretsIn(volume: Volume): Promise<string[]> {
  const bytes = await fileIn(volume, SETTINGS_JSON, SETTINGS_LIMIT);
  if (bytes === undefined) return [];
  const text = new TextDecoder().decode(bytes);
  const { settings, complaints } = parseSettings(text);
  const networks = settings.wifi.filter(
    ({ passphrase, psk }) => passphrase !== undefined || psk !== undefined,
  );
  if (networks.length > 0) return networks.map(({ ssid }) => `what joins the network "${ssid}"`);
  const isUnclear = complaints.length > 0 || /passphrase|psk/i.test(text);
  return isUnclear ? [`a ${SETTINGS_JSON} that may hold what joins a network`] : [];
}
