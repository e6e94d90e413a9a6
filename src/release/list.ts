import { ManifestError } from "../errors.ts";
import { parseLatest } from "./manifest.ts";
import type { ReleaseQuery } from "./verify.ts";

/** What is in nearly every computer with a USB port; others will be asked for by name. */
const ARCH = "x86_64";

/** Whether this JSON is a list of releases rather than a manifest. */
export function isLatest(json: unknown): boolean {
  return typeof json === "object" && json !== null && "releases" in json;
}

/** The release in a list that is wanted: of the version named, or the one offered first. Throws `ManifestError`. */
export function newest(json: unknown, { flavor, version }: Omit<ReleaseQuery, "keys" | "seen">) {
  const { releases } = parseLatest(json);
  const release = releases.find(
    (each) =>
      each.arch === ARCH &&
      (flavor === undefined || each.flavor === flavor) &&
      (version === undefined || each.version === version),
  );
  if (release) return release;
  const what = `${flavor ? ` of the flavor "${flavor}"` : ""}${version ? ` with the version ${version}` : ""}`;
  const known = releases.map((each) => `${each.flavor} ${each.version}`).join(", ");
  throw new ManifestError(`No base image${what} has been published${known && `, but there is ${known}`}`);
}
