import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatLatest, formatList, parseLatest, parseList } from "../../../src/release/latest.ts";
import {
  entryOf,
  nameOf,
  NO_RELEASES,
  namesIn,
  rebuilt,
  releaseOf,
  type Releases,
} from "../../../src/release/list.ts";
import { type Manifest, parseManifest } from "../../../src/release/manifest.ts";

/** For how long after the release built last a local list holds: only its builder reads it, and nobody renews it. */
const HOLDS_YEARS = 10;

/**
 * The list of `cdn` as it is to be signed: what its `latest.json` says, with the release in the subdirectory `name`, if
 * one is named, offered first. Throws `ManifestError` for a manifest that is none, and `RangeError` when the
 * subdirectory is not named after its release.
 */
export async function listWith(cdn: string, name = ""): Promise<string> {
  let latest = await readLatest(cdn);
  if (name !== "") {
    const manifest = await readManifest(join(cdn, name, "manifest.json"));
    if (nameOf(manifest) !== name) throw new RangeError(`${name} holds the release ${nameOf(manifest)}`);
    latest = rebuilt(latest, entryOf(manifest));
  }
  return formatList({ format: 1, until: untilOf(latest), ...latest });
}

/**
 * Make `list`, signed by `signature`, the list of `cdn`, and remove the releases that it no longer offers. Throws
 * `ManifestError` for a list that is none.
 */
export async function point(cdn: string, list: string, signature: string): Promise<void> {
  const offered = namesIn(parseList(list));
  const path = join(cdn, "latest.json");
  await writeFile(`${path}.new`, formatLatest(list, signature));
  await rename(`${path}.new`, path);
  for (const directory of await readdir(cdn)) {
    const release = releaseOf(`${directory}/`);
    if (release !== undefined && !offered.has(release)) await rm(join(cdn, release), { recursive: true });
  }
}

async function readManifest(path: string): Promise<Manifest> {
  return parseManifest(JSON.parse(await readFile(path, "utf8")));
}

/** What the list of `cdn` says; nothing where there is none that can be read, and then it is begun anew. */
async function readLatest(cdn: string): Promise<Releases> {
  try {
    const { releases } = parseLatest(JSON.parse(await readFile(join(cdn, "latest.json"), "utf8")));
    return { releases };
  } catch {
    return NO_RELEASES;
  }
}

/** It follows from the releases, so that a list is signed again only when they change. */
function untilOf({ releases }: Releases): string {
  const until = new Date(Math.max(0, ...releases.map(({ created }) => Date.parse(created))));
  until.setUTCFullYear(until.getUTCFullYear() + HOLDS_YEARS);
  return until.toISOString();
}

async function main(args: string[]): Promise<void> {
  const [command, first = "", second = ""] = args;
  if (command === "name" && args.length === 2) {
    console.log(nameOf(await readManifest(first)));
  } else if (command === "image" && args.length === 2) {
    console.log((await readManifest(first)).image.url);
  } else if (command === "list" && (args.length === 2 || args.length === 3)) {
    process.stdout.write(await listWith(first, second));
  } else if (command === "point" && args.length === 3) {
    await point(first, await readFile(second, "utf8"), await readFile(`${second}.minisig`, "utf8"));
  } else {
    throw new RangeError(
      "usage: release.ts name|image MANIFEST | release.ts list CDN [NAME] | release.ts point CDN LIST",
    );
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`release: ${error.message}\n`);
    process.exitCode = 1;
  });
}
