import { chmod, mkdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { At } from "../src/image/contents.ts";
import { configOverTftp, GRUB_CFG } from "../src/netboot/grub.ts";
import { bytesOf, type ServedImage } from "../src/netboot/served-image.ts";
import { systemReason } from "./reason.ts";

/** The most bytes of a shim or a GRUB: they have 1 and 4 MB. */
const LARGEST_LOADER = 64 * 1024 * 1024;

/**
 * Put what goes over TFTP into `folder`: the signed shim and GRUB of the image that `at` reads, and a grub.cfg that says where
 * the image is served. Throws `RangeError` with one sentence.
 */
export async function fillTftpFolder(
  folder: string,
  { boot, firmware }: ServedImage,
  at: At,
  server: { readonly address: string; readonly port: number },
): Promise<void> {
  try {
    await put(folder, firmware.shim, await bytesOf(at, boot.shim, LARGEST_LOADER));
    await put(folder, firmware.grub, await bytesOf(at, boot.grub, LARGEST_LOADER));
    await put(folder, GRUB_CFG, configOverTftp(server.address, server.port));
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new RangeError(`${folder} cannot be written: ${systemReason(error)}`, { cause: error });
  }
  if (((await stat(folder)).mode & 0o005) !== 0o005)
    throw new RangeError(`${folder} is closed to other users, and dnsmasq is one: chmod 755`);
}

/** The folder around `folder` that is closed to most users, as a home is, so that perhaps none of them comes to `folder`. */
export async function closedAround(folder: string): Promise<string | undefined> {
  for (let each = path.dirname(await realpath(folder)); ; each = path.dirname(each)) {
    if (((await stat(each)).mode & 0o001) === 0) return each;
    if (each === path.dirname(each)) return undefined;
  }
}

/** Write a file below `root`, whole or not at all, which everybody can read: a TFTP server is a user of its own. */
async function put(root: string, name: string, content: Uint8Array | string): Promise<void> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  for (let each = path.dirname(file); each !== path.resolve(root); each = path.dirname(each))
    await chmod(each, 0o755);
  const part = `${file}.${process.pid}.part`;
  await rm(part, { force: true });
  await writeFile(part, content, { flag: "wx" }); // no link that somebody else has put there is followed
  await chmod(part, 0o644);
  await rename(part, file);
}
