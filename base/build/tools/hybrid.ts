import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GPT_LENGTH, parseGpt, type Partition, SECTOR } from "../../../src/image/gpt.ts";
import type { Bytes } from "../../../src/bytes/segment.ts";
import { bootSector, discCore, diskCore } from "./bios.ts";
import { type DiscEntry, ISO_START, iso9660 } from "./iso.ts";
import { hybridMbr } from "./mbr.ts";

/**
 * Where things lie in the free part of an image's first window, so that a BIOS or a Raspberry Pi starts it too, and that it is
 * a disc as well as a disk. In bytes of the image; the first partition comes after all of it.
 */
const LAYOUT = {
  disc: ISO_START, // ISO 9660: descriptors, boot catalog, directories, two small files
  discCore: 0x1_0000, // GRUB for a BIOS that starts a disc
  diskCore: 0x20_0000, // GRUB for a BIOS that starts a disk
} as const;

/** Bytes to write into an image, and where. */
interface Patch {
  readonly start: number;
  readonly bytes: Bytes;
}

/** What the patches are made from. */
interface Hybrid {
  /** The image's first `GPT_LENGTH` bytes, and its whole size. */
  readonly head: Bytes;
  readonly size: number;
  /** In seconds since 1970. */
  readonly time: number;
  /** For a BIOS, GRUB's boot.img, and what grub-mkimage makes for disks and for discs. Without it the table is one for a Pi. */
  readonly bios?: { readonly boot: Bytes; readonly diskCore: Bytes; readonly discCore: Bytes } | undefined;
  /** Where GRUB for UEFI looks for grub.cfg, as in "/EFI/debian", and what it finds there on a disc. */
  readonly grubPrefix: string;
  readonly grubConfig: Bytes;
  /** For people who open the image in a file manager. */
  readonly readme: Bytes;
}

/**
 * What makes a disk image for UEFI start from a BIOS, or on a Raspberry Pi, and as a disc too. Throws `RangeError` when
 * something does not fit.
 */
export async function hybrid(of: Hybrid): Promise<Patch[]> {
  const esp = (await parseGpt(of.head, of.size)).find(({ number }) => number === 1);
  if (!esp) throw new RangeError("no first partition");
  const root = [file("README.TXT", of.readme), below(of.grubPrefix, [file("GRUB.CFG", of.grubConfig)])];
  const { size, time, bios } = of;
  const mbr = of.head.subarray(0, SECTOR);
  const disc = { volume: "FEDAC_OS", size, time, root, efi: esp };
  const patches = bios
    ? [
        { start: 0, bytes: bootSector(bios.boot, mbr, LAYOUT.diskCore) },
        { start: LAYOUT.disc, bytes: iso9660({ ...disc, bios: { start: LAYOUT.discCore } }) },
        { start: LAYOUT.discCore, bytes: discCore(bios.discCore, LAYOUT.discCore) },
        { start: LAYOUT.diskCore, bytes: diskCore(bios.diskCore, LAYOUT.diskCore) },
      ]
    : [
        { start: 0, bytes: hybridMbr(mbr, esp) },
        { start: LAYOUT.disc, bytes: iso9660(disc) },
      ];
  checkApart(patches, esp);
  return patches;
}

function checkApart(patches: readonly Patch[], esp: Partition): void {
  patches.forEach(({ start, bytes }, i) => {
    const limit = patches[i + 1]?.start ?? esp.start;
    const end = start + bytes.length;
    if (end > limit) throw new RangeError(`what starts at byte ${start} ends at ${end}, beyond ${limit}`);
  });
}

function file(name: string, bytes: Bytes): DiscEntry {
  return { name, bytes };
}

/** The directories of a path, one in the other, around `entries`. GRUB, as Linux, does not mind their capitals. */
function below(path: string, entries: readonly DiscEntry[]): DiscEntry {
  const [first = "", ...rest] = path.toUpperCase().split("/").filter(Boolean);
  return { name: first, entries: rest.length > 0 ? [below(rest.join("/"), entries)] : entries };
}

/** Patch the image `path` in place, with what base/build/steps/unpack.sh and, where there is a BIOS, bios.sh have put into `boot`. */
async function patch(path: string, boot: string, disc: string, time: number): Promise<void> {
  const read = async (...names: string[]): Promise<Bytes> => new Uint8Array(await readFile(join(...names)));
  const image = await open(path, "r+");
  try {
    const { size } = await image.stat();
    const head = new Uint8Array(GPT_LENGTH);
    await image.read(head, 0, GPT_LENGTH, 0);
    const patches = await hybrid({
      head,
      size,
      time,
      bios: existsSync(join(boot, "i386-pc"))
        ? {
            boot: await read(boot, "i386-pc/boot.img"),
            diskCore: await read(boot, "disk-core.img"),
            discCore: await read(boot, "disc-core.img"),
          }
        : undefined,
      grubPrefix: (await readFile(join(boot, "grub-prefix"), "utf8")).trim(),
      grubConfig: await read(disc, "grub.cfg"),
      readme: await read(disc, "README.TXT"),
    });
    for (const { start, bytes } of patches) await image.write(bytes, 0, bytes.length, start);
  } finally {
    await image.close();
  }
}

async function main(args: string[]): Promise<void> {
  const [image = "", boot = "", disc = "", time = ""] = args;
  if (args.length !== 4) throw new RangeError("usage: hybrid.ts IMAGE BOOT OVERLAY TIME");
  await patch(image, boot, disc, Number(time));
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`hybrid: ${error.message}\n`);
    process.exitCode = 1;
  });
}
