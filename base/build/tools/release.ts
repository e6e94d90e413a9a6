import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entryOf, nameOf, NO_RELEASES, namesIn, rebuilt, releaseOf } from "../../../src/release/list.ts";
import { type Latest, parseLatest, parseManifest } from "../../../src/release/manifest.ts";

/**
 * Offer the release in the subdirectory `name` of `cdn` first in its `latest.json`, and remove those that are no longer
 * offered. Throws `ManifestError` for a manifest or list that is none.
 */
export async function offer(cdn: string, name: string): Promise<void> {
  const manifest = parseManifest(await json(join(cdn, name, "manifest.json")));
  if (nameOf(manifest) !== name) throw new RangeError(`${name} holds the release ${nameOf(manifest)}`);
  const path = join(cdn, "latest.json");
  const before = await json(path).then(parseLatest, (error: NodeJS.ErrnoException): Latest => {
    if (error.code === "ENOENT") return NO_RELEASES;
    throw error;
  });
  const after = parseLatest(rebuilt(before, entryOf(manifest)));
  await writeFile(`${path}.new`, JSON.stringify(after, null, 2) + "\n");
  await rename(`${path}.new`, path);
  const offered = namesIn(after);
  for (const directory of await readdir(cdn)) {
    const release = releaseOf(`${directory}/`);
    if (release !== undefined && !offered.has(release)) await rm(join(cdn, release), { recursive: true });
  }
}

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

async function main(args: string[]): Promise<void> {
  const [command, first = "", second = ""] = args;
  if (command === "name" && args.length === 2) {
    console.log(nameOf(parseManifest(await json(first))));
  } else if (command === "offer" && args.length === 3) {
    await offer(first, second);
  } else {
    throw new RangeError("usage: release.ts name MANIFEST | release.ts offer CDN NAME");
  }
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`release: ${error.message}\n`);
    process.exitCode = 1;
  });
}
