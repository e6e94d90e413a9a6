import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { parseLatest } from "../../src/release/latest.ts";
import { type Manifest, parseManifest } from "../../src/release/manifest.ts";
import { newest } from "../../src/release/list.ts";
import type { Arch } from "./computers.ts";

/** The base image `tiny`, as it lies in a folder of releases. */
export interface Tiny {
  /** The file of its manifest; its signature lies beside it. */
  readonly manifestFile: string;
  readonly manifest: Manifest;
  /** The file of the image. */
  readonly image: string;
}

/** Milliseconds within which `buildTiny` ends, also on a busy computer that has built nothing yet. */
export const BUILD_MS = 900_000;

/**
 * Have `base/build/build.sh` build it, unless nothing that it is made of has changed since, and say where it is. `env` is the build's
 * environment (`base/README.md`), beside that of this process.
 */
export function buildTiny(arch: Arch = "x86_64", env: { readonly [name: string]: string } = {}): Tiny {
  const base = join(import.meta.dirname, "..");
  const all = { BASE_OUT: join(base, "out"), ...env };
  execFileSync(join(base, "build/build.sh"), ["tiny", arch], {
    env: { ...process.env, ...all },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return newestTiny(join(all.BASE_OUT, "cdn"), arch);
}

function newestTiny(folder: string, arch: Arch): Tiny {
  const json = (file: string): unknown => JSON.parse(fs.readFileSync(file, "utf8"));
  const latest = parseLatest(json(join(folder, "latest.json")));
  const manifestFile = join(folder, newest(latest, { flavor: "tiny", arches: [arch] }).manifest);
  const manifest = parseManifest(json(manifestFile));
  return { manifestFile, manifest, image: join(dirname(manifestFile), manifest.image.url) };
}

/** The bytes of one of the files that UEFI starts it from, `/vmlinuz` or `/initramfs.img`. */
export function fileOfTiny({ manifest, image }: Tiny, path: string): Buffer {
  const file = manifest.files.find((each) => each.path === path);
  if (!file) throw new Error(`the manifest of ${image} has no ${path}`);
  return fs.readFileSync(image).subarray(file.start, file.start + file.length);
}

/** What GRUB gives its kernel when there is no piece: then any disk of this release will do. */
export function kernelArguments({ image }: Tiny): string {
  const table = execFileSync("sgdisk", ["--info=2", image], { encoding: "utf8" });
  const [, live] = /unique GUID: (\S+)/.exec(table) ?? [];
  if (live === undefined) throw new Error(`${image} has no second partition`);
  return `live=PARTUUID=${live.toLowerCase()} piece=none console=ttyS0,115200 console=tty0 quiet loglevel=3 fbcon=map:9`;
}
