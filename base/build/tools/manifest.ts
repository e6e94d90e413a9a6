import { open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { createSHA256 } from "hash-wasm";
import { checkBackupGpt, GPT_LENGTH, parseGpt } from "../../../src/image/gpt.ts";
import {
  type Latest,
  type Manifest,
  parseLatest,
  parseManifest,
  WINDOW,
} from "../../../src/release/manifest.ts";
import type { Bytes } from "../../../src/bytes/segment.ts";
import { registerOf } from "../../../src/bytes/sha256.ts";
import { digestOf } from "../../../src/release/windows.ts";

/** What a base image cannot say of itself. `time` is in seconds since 1970. */
export interface Named {
  readonly flavor: string;
  readonly version: string;
  readonly time: number;
  /** The image's file name, beside the manifest. */
  readonly url: string;
  /** The list of packages: its file name, beside the manifest, and its SHA-256. */
  readonly sbom?: Manifest["sbom"];
}

const PIECE_LABEL = "FEDAC-PIECE";

/**
 * Read the base image in `path` once, from front to back, and describe it. Throws `RangeError` for a broken
 * partition table and `ManifestError` when no manifest can be written for this image.
 */
export async function describe(path: string, named: Named): Promise<Manifest> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const piece = await piecePartition(await read(file, 0, GPT_LENGTH), size);
    const whole = (await createSHA256()).init();
    const digests: string[] = [];
    let words = "";
    for (let start = 0; start < size; start += WINDOW) {
      if (start === piece.start) words = registerOf(whole);
      const bytes = await read(file, start, Math.min(WINDOW, size - start));
      whole.update(bytes);
      digests.push(isZero(bytes) ? "zeros" : await digestOf(bytes));
      if (start + bytes.length === size) await checkBackupGpt(bytes, size);
    }
    return parseManifest({
      format: 1,
      name: "fedac-os",
      version: named.version,
      flavor: named.flavor,
      arch: "x86_64",
      created: new Date(named.time * 1000).toISOString(),
      image: { url: named.url, size, sha256: whole.digest("hex") },
      piecePartition: { start: piece.start, length: piece.length, label: piece.label },
      digests,
      sha256State: { words, length: piece.start },
      ...(named.sbom ? { sbom: named.sbom } : {}),
    } satisfies Manifest);
  } finally {
    await file.close();
  }
}

/**
 * The list of releases after `released`, which goes to the front: what was released last is what is
 * offered, also when it is an older version on purpose. `keep` of each flavor stay. An earlier image of the same version
 * goes: by its version only one could be found.
 */
export function released(before: Latest, release: Latest["releases"][number], keep: number): Latest {
  const counts = new Map<string, number>();
  const replaced = ({ flavor, arch, version }: typeof release) =>
    flavor === release.flavor && arch === release.arch && version === release.version;
  const all = [release, ...before.releases.filter((each) => !replaced(each))];
  const releases = all.filter(({ flavor }) => {
    counts.set(flavor, (counts.get(flavor) ?? 0) + 1);
    return counts.get(flavor)! <= keep;
  });
  return parseLatest({ format: 1, releases } satisfies Latest);
}

/** Point `latest.json` of the CDN directory `cdn` to the release in its subdirectory `name`, and clear away old ones. */
async function publish(cdn: string, name: string, keep: number): Promise<void> {
  const { version, flavor, arch, created } = parseManifest(await json(join(cdn, name, "manifest.json")));
  const path = join(cdn, "latest.json");
  const before = await json(path).then(parseLatest, (error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return { format: 1, releases: [] } satisfies Latest;
    throw error;
  });
  const manifest = `${name}/manifest.json`;
  const after = released(before, { version, flavor, arch, created, manifest }, keep);
  await writeFile(`${path}.new`, JSON.stringify(after, null, 2) + "\n");
  await rename(`${path}.new`, path);
  const kept = new Set(after.releases.map((entry) => entry.manifest));
  for (const entry of await readdir(cdn)) {
    const ours = /^[a-z0-9]+-[0-9.]+-[0-9a-f]{12}$/.test(entry);
    if (ours && !kept.has(`${entry}/manifest.json`)) await rm(join(cdn, entry), { recursive: true });
  }
}

async function piecePartition(head: Bytes, size: number) {
  const piece = (await parseGpt(head, size)).find(({ label }) => label === PIECE_LABEL);
  if (!piece) throw new RangeError(`no partition ${PIECE_LABEL}`);
  return piece;
}

async function read(file: Awaited<ReturnType<typeof open>>, start: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, start);
  if (bytesRead !== length) throw new RangeError(`${bytesRead} of ${length} bytes at ${start}`);
  return bytes;
}

function isZero(bytes: Bytes): boolean {
  return new BigUint64Array(bytes.buffer, 0, bytes.length / 8).every((word) => word === 0n);
}

async function namedFile(path: string) {
  const hash = (await createSHA256()).init().update(await readFile(path));
  return { url: basename(path), sha256: hash.digest("hex") };
}

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

async function main(args: string[]): Promise<void> {
  const [first = "", second = "", third = "", fourth = "", fifth] = args;
  if (args.length < 4 || args.length > 5) {
    throw new RangeError("usage: manifest.ts IMAGE FLAVOR VERSION TIME [SBOM] | --release CDN NAME KEEP");
  }
  if (first === "--release") return await publish(second, third, Number(fourth));
  const url = `fedac-os-${second}-${third}.img`;
  const named = { flavor: second, version: third, time: Number(fourth), url };
  const manifest = await describe(
    first,
    fifth === undefined ? named : { ...named, sbom: await namedFile(fifth) },
  );
  process.stdout.write(JSON.stringify(manifest, null, 2) + "\n");
}

if (basename(process.argv[1] ?? "") === "manifest.ts") {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`manifest: ${error.message}\n`);
    process.exitCode = 1;
  });
}
