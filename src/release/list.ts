import { USUAL_ARCH } from "../architectures.ts";
import { ManifestError } from "../errors.ts";
import type { Latest } from "./latest.ts";
import { channelOf, type Manifest } from "./manifest.ts";
import type { ReleaseQuery } from "./verify.ts";
import { compareVersions } from "./version.ts";

/**
 * Lists of releases to lists of releases. Publishing (`published`, `rolledBack`, `pruned`), the directory of a build
 * (`rebuilt`) and readers (`newest`) share it; nothing here reads, writes or signs a file.
 */

/** What a `latest.json` offers, and what it no longer does; until when that holds is decided when it is signed. */
export type Releases = Pick<Latest, "releases" | "retired">;

/** A release as `latest.json` lists it. */
export type Entry = Releases["releases"][number];

type Retired = NonNullable<Releases["retired"]>[number];

/** How many releases of each flavor are offered, to be able to go back. */
export const KEEP = 3;

/** The list before the first release. */
export const NO_RELEASES: Releases = { releases: [] };

/** What somebody can do instead of what was refused. */
export type Remedy =
  | { readonly kind: "build"; readonly flavor: string; readonly arch: string; readonly version: string }
  | { readonly kind: "rollback"; readonly names: readonly string[] };

/** The list asked for would mislead readers, or undo what somebody did on purpose. */
export class ListError extends Error {
  override readonly name = "ListError";
  readonly remedy: Remedy;

  constructor(message: string, remedy: Remedy) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * The release in a list that is wanted: of the version named, or the one offered first; of the first architecture of which
 * there is one. Throws `ManifestError`.
 */
export function newest(
  { releases }: Releases,
  { flavor, version, arches = [USUAL_ARCH] }: Pick<ReleaseQuery, "flavor" | "version" | "arches">,
): Entry {
  for (const arch of arches) {
    const release = releases.find(
      (each) =>
        each.arch === arch &&
        (flavor === undefined || each.flavor === flavor) &&
        (version === undefined || each.version === version),
    );
    if (release) return release;
  }
  const what = `${flavor ? ` of the flavor "${flavor}"` : ""}${version ? ` with the version ${version}` : ""} for ${arches.join(" or ")}`;
  const known = releases.map((each) => `${each.flavor} ${each.version} for ${each.arch}`).join(", ");
  throw new ManifestError(`No base image${what} has been published${known && `, but there is ${known}`}`);
}

/**
 * The name of a release, which is its directory's: `kiosk-2026.11.24-0123456789ab`, `kiosk-aarch64-2026.11.24-…` where the
 * architecture is not the usual one.
 */
export function nameOf({
  flavor,
  arch,
  version,
  image,
}: Pick<Manifest, "flavor" | "arch" | "version" | "image">): string {
  const channel = arch === USUAL_ARCH ? flavor : `${flavor}-${arch}`;
  return `${channel}-${version}-${image.sha256.slice(0, 12)}`;
}

/** The release whose file `path` is, by the directory in front; undefined when that is not named like a release. */
export function releaseOf(path: string): string | undefined {
  return /^([a-z0-9]+(?:-[a-z0-9_]+)?-[0-9.]+-[0-9a-f]{12})\//.exec(path)?.[1];
}

/** How `latest.json` lists the release of a manifest. */
export function entryOf(manifest: Manifest): Entry {
  const { version, flavor, arch, created } = manifest;
  return { version, flavor, arch, created, manifest: `${nameOf(manifest)}/manifest.json` };
}

/** A listed release's directory. */
export function dirOf({ manifest }: Entry): string {
  return manifest.replace(/\/[^/]*$/, "");
}

/** The directories of all releases that are listed, offered or retired. */
export function namesIn({ releases, retired = [] }: Releases): Set<string> {
  return new Set([...releases, ...retired].map(dirOf));
}

/**
 * `latest` with one release more, offered first of its flavor; a flavor that is new comes last. The same list when the
 * release is in it. Throws `ListError` for another image under a version that is taken, for a version older than one
 * that browsers may have seen, and for a release that was taken back.
 */
export function published(latest: Releases, entry: Entry, now: Date): Releases {
  if (latest.releases.some(({ manifest }) => manifest === entry.manifest)) return latest;
  const seen = versionsOf(latest, entry);
  const again = seen.find(({ manifest }) => manifest === entry.manifest);
  if (again) {
    const name = dirOf(again);
    throw new ListError(`${name} was taken out of the list`, { kind: "rollback", names: [name] });
  }
  const highest = highestOf(seen);
  const build: Remedy = { kind: "build", flavor: entry.flavor, arch: entry.arch, version: above(highest) };
  const taken = seen.find(({ version }) => compareVersions(version, entry.version) === 0);
  if (taken) {
    const what = `${taken.flavor} ${taken.version} for ${taken.arch} is published already`;
    throw new ListError(`${what}, with another image (${dirOf(taken)})`, build);
  }
  if (compareVersions(entry.version, highest) < 0) {
    const what = `${entry.flavor} ${entry.version} for ${entry.arch} is older than ${highest}`;
    throw new ListError(`${what}, and whoever has seen that refuses it`, build);
  }
  return inFront(latest, entry, now, () => false);
}

/**
 * `latest` with a release that is known offered first of its flavor again; newer ones are offered no more. `put` is
 * listed in its stead, if given: the same contents under a new version.
 */
export function rolledBack(latest: Releases, target: Entry, now: Date, put = target): Releases {
  const front = latest.releases.find((each) => same(each, target));
  if (put.manifest === front?.manifest) return latest;
  return inFront(latest, put, now, (each) => compareVersions(each.version, target.version) > 0);
}

/**
 * The list of a directory that only its builder reads, after a build. Its policy is looser than `published`: the release
 * built last is offered first of all, also when it is older on purpose; it takes the place of an earlier image of its
 * version; and what is no longer offered is not kept as retired.
 */
export function rebuilt(latest: Releases, entry: Entry): Releases {
  const others = latest.releases.filter((each) => !(same(each, entry) && each.version === entry.version));
  const kept = others.filter((each) => same(each, entry)).slice(0, KEEP - 1);
  return listOf([entry, ...others.filter((each) => !same(each, entry) || kept.includes(each))], []);
}

/** `latest` without the releases that were retired before `time`: nobody can be downloading them any more. */
export function pruned(latest: Releases, time: Date): Releases {
  return listOf(
    latest.releases,
    (latest.retired ?? []).filter(({ since }) => Date.parse(since) >= time.getTime()),
  );
}

/**
 * The release that `wanted` (a name or a version) means, or the one before the one that is offered; also one that is no
 * longer offered. Throws `ListError` when none is meant, or several.
 */
export function find({ releases, retired = [] }: Releases, wanted: string | undefined): Entry {
  const known = [...releases, ...retired];
  const channels = new Set(releases.map(channelOf));
  const remedy: Remedy = { kind: "rollback", names: known.map(dirOf) };
  const found =
    wanted === undefined
      ? releases.slice(1, channels.size === 1 ? 2 : 0)
      : known.filter((each) => each.version === wanted || dirOf(each) === wanted);
  const [first, ...more] = found;
  if (first && more.length === 0) {
    const { version, flavor, arch, created, manifest } = first;
    return { version, flavor, arch, created, manifest };
  }
  if (first) throw new ListError(`there is more than one ${wanted}`, remedy);
  throw new ListError(wanted === undefined ? "which release?" : `there is no release ${wanted}`, remedy);
}

/** The versions of this flavor and architecture, offered or retired, that are newer. */
export function newerThan(latest: Releases, entry: Entry): string[] {
  return versionsOf(latest, entry)
    .map(({ version }) => version)
    .filter((version) => compareVersions(version, entry.version) > 0);
}

/** A version above all of this flavor and architecture: `day` (as in 2026.11.24) if that is, else one that follows. */
export function nextVersion(latest: Releases, of: Entry, day: string): string {
  const highest = highestOf(versionsOf(latest, of));
  return compareVersions(day, highest) > 0 ? day : above(highest);
}

/** All releases of the flavor and architecture of `entry`, offered or retired. */
function versionsOf({ releases, retired = [] }: Releases, entry: Entry): Entry[] {
  return [...releases, ...retired].filter((each) => same(each, entry));
}

function highestOf(entries: readonly Entry[]): string {
  return (
    entries
      .map(({ version }) => version)
      .toSorted(compareVersions)
      .at(-1) ?? "0"
  );
}

/** 2026.11.24 → 2026.11.24.1 → 2026.11.24.2: before the next day's. */
function above(version: string): string {
  const [, day, count = "0"] = /^(\d+\.\d+\.\d+)(?:\.(\d+))?$/.exec(version) ?? [];
  return day === undefined ? `${version}.1` : `${day}.${Number(count) + 1}`;
}

/** `entry` first of its flavor, in that flavor's place; what is bad or beyond the last `KEEP` becomes retired. */
function inFront(latest: Releases, entry: Entry, now: Date, isBad: (entry: Entry) => boolean): Releases {
  const others = latest.releases.filter(({ manifest }) => manifest !== entry.manifest);
  const offered = [entry, ...others.filter((each) => same(each, entry) && !isBad(each))].slice(0, KEEP);
  const place = latest.releases.findIndex((each) => same(each, entry));
  const rest = others.filter((each) => !same(each, entry));
  const before =
    place < 0 ? rest.length : latest.releases.slice(0, place).filter((each) => !same(each, entry)).length;
  const since = now.toISOString();
  const out = others.filter((each) => same(each, entry) && !offered.includes(each));
  const retired = (latest.retired ?? []).filter(({ manifest }) => manifest !== entry.manifest);
  return listOf(
    [...rest.slice(0, before), ...offered, ...rest.slice(before)],
    [...retired, ...out.map((each) => ({ ...each, since }))],
  );
}

function listOf(releases: readonly Entry[], retired: readonly Retired[]): Releases {
  return { releases: [...releases], ...(retired.length > 0 ? { retired: [...retired] } : {}) };
}

function same(one: Entry, other: Entry): boolean {
  return one.flavor === other.flavor && one.arch === other.arch;
}
