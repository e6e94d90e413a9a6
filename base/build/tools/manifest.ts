import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createSHA256 } from "hash-wasm";
import { ManifestError } from "../../../src/errors.ts";
import { type Manifest, parseManifest } from "../../../src/release/manifest.ts";
import { factsOf } from "./image-facts.ts";

/** What a base image cannot say of itself. `time` is in seconds since 1970. */
interface Named {
  readonly flavor: string;
  readonly arch: string;
  readonly version: string;
  readonly time: number;
  /** The image's file name, beside the manifest. */
  readonly url: string;
  /** What a stick with a file system of its own is made of (`steps/files.sh`). */
  readonly files: Manifest["files"];
  /** The list of packages: its file name, beside the manifest, and its SHA-256. */
  readonly sbom?: Manifest["sbom"];
}

/**
 * Read the base image in `path` once and describe it. Throws `RangeError` for a broken partition table and
 * `ManifestError` when no manifest can be written for this image, or a file lies elsewhere than it is said to.
 */
export async function describe(path: string, named: Named): Promise<Manifest> {
  const { image, ...facts } = await factsOf(path, named.files);
  const elsewhere = facts.files.find(({ sha256 }, i) => sha256 !== named.files[i]?.sha256);
  if (elsewhere) throw new ManifestError(`${elsewhere.path} does not lie at ${elsewhere.start} in the image`);
  return parseManifest({
    format: 1,
    name: "fedac-os",
    version: named.version,
    flavor: named.flavor,
    arch: named.arch,
    created: new Date(named.time * 1000).toISOString(),
    image: { url: named.url, ...image },
    ...facts,
    osJson: 2,
    ...(named.sbom ? { sbom: named.sbom } : {}),
  } satisfies Manifest);
}

async function namedFile(path: string) {
  const hash = (await createSHA256()).init().update(await readFile(path));
  return { url: basename(path), sha256: hash.digest("hex") };
}

/** Lines of path, start, length and SHA-256, with tabs between them; or nothing. */
async function filesOf(list: string): Promise<Manifest["files"]> {
  const lines = (await readFile(list, "utf8")).split("\n").filter(Boolean);
  return lines.map((line) => {
    const [path = "", start, length, sha256 = ""] = line.split("\t");
    return { path, start: Number(start), length: Number(length), sha256 };
  });
}

async function main(args: string[]): Promise<void> {
  const [image = "", flavor = "", arch = "", version = "", time = "", sbom = "", files = ""] = args;
  if (args.length !== 7) throw new RangeError("usage: manifest.ts IMAGE FLAVOR ARCH VERSION TIME SBOM FILES");
  const url = `fedac-os-${flavor}-${arch}-${version}.img`;
  const named = {
    flavor,
    arch,
    version,
    time: Number(time),
    url,
    files: await filesOf(files),
    sbom: await namedFile(sbom),
  };
  process.stdout.write(JSON.stringify(await describe(image, named), null, 2) + "\n");
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`manifest: ${error.message}\n`);
    process.exitCode = 1;
  });
}
