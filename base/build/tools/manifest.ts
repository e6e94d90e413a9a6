import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createSHA256 } from "hash-wasm";
import { type Manifest, parseManifest } from "../../../src/release/manifest.ts";
import { factsOf } from "./image-facts.ts";

/** What a base image cannot say of itself. `time` is in seconds since 1970. */
interface Named {
  readonly flavor: string;
  readonly version: string;
  readonly time: number;
  /** The image's file name, beside the manifest. */
  readonly url: string;
  /** The list of packages: its file name, beside the manifest, and its SHA-256. */
  readonly sbom?: Manifest["sbom"];
}

/**
 * Read the base image in `path` once and describe it. Throws `RangeError` for a broken partition table and
 * `ManifestError` when no manifest can be written for this image.
 */
export async function describe(path: string, named: Named): Promise<Manifest> {
  const { image, ...facts } = await factsOf(path);
  return parseManifest({
    format: 1,
    name: "fedac-os",
    version: named.version,
    flavor: named.flavor,
    arch: "x86_64",
    created: new Date(named.time * 1000).toISOString(),
    image: { url: named.url, ...image },
    ...facts,
    ...(named.sbom ? { sbom: named.sbom } : {}),
  } satisfies Manifest);
}

async function namedFile(path: string) {
  const hash = (await createSHA256()).init().update(await readFile(path));
  return { url: basename(path), sha256: hash.digest("hex") };
}

async function main(args: string[]): Promise<void> {
  const [image = "", flavor = "", version = "", time = "", sbom = ""] = args;
  if (args.length !== 5) throw new RangeError("usage: manifest.ts IMAGE FLAVOR VERSION TIME SBOM");
  const url = `fedac-os-${flavor}-${version}.img`;
  const named = { flavor, version, time: Number(time), url, sbom: await namedFile(sbom) };
  process.stdout.write(JSON.stringify(await describe(image, named), null, 2) + "\n");
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`manifest: ${error.message}\n`);
    process.exitCode = 1;
  });
}
