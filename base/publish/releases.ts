import { compareVersions, type Latest, type Manifest } from "../../src/release/manifest.ts";

/** A release as `latest.json` lists it. */
export type Entry = Latest["releases"][number];

type Retired = NonNullable<Latest["retired"]>[number];

/** How many releases of each flavor are offered. */
export const KEEP = 3;

/** What is asked for would mislead readers, or undo what somebody did on purpose. `advice` says what to do instead. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/** The directory of a release. */
export function nameOf({ flavor, version, image }: Pick<Manifest, "flavor" | "version" | "image">): string {
  return `${flavor}-${version}-${image.sha256.slice(0, 12)}`;
}

/** The directory that a file is in, when it is that of a release. */
export function releaseOf(key: string): string | undefined {
  return /^([a-z0-9]+-[0-9.]+-[0-9a-f]{12})\//.exec(key)?.[1];
}

/** How `latest.json` lists the release of a manifest. */
export function entryOf(manifest: Manifest): Entry {
  const { version, flavor, arch, created } = manifest;
  return { version, flavor, arch, created, manifest: `${nameOf(manifest)}/manifest.json` };
}

/**
 * `latest` with one release more, offered first of its flavor; a flavor that is new comes last. The same list when the
 * release is in it. Throws `Refusal` for another image under a version that is taken, for a version older than one that
 * browsers may have seen, and for a release that was taken back.
 */
export function published(latest: Latest, entry: Entry, now: Date): Latest {
  if (latest.releases.some(({ manifest }) => manifest === entry.manifest)) return latest;
  const name = dirOf(entry);
  for (const seen of [...latest.releases, ...(latest.retired ?? [])].filter((each) => same(each, entry))) {
    if (seen.manifest === entry.manifest) {
      throw new Refusal(
        `${name} was taken out of the list`,
        `base/publish/rollback DEST ${name}, to offer it again`,
      );
    }
    const order = compareVersions(entry.version, seen.version);
    if (order > 0) continue;
    const build = `OS_VERSION=${above(seen.version)} base/build/build.sh ${entry.flavor}`;
    if (order === 0) {
      const taken = `${seen.flavor} ${seen.version} is published already, with another image (${dirOf(seen)})`;
      throw new Refusal(taken, build);
    }
    const older = `${entry.flavor} ${entry.version} is older than ${seen.version}, and whoever has seen that refuses it`;
    throw new Refusal(older, build);
  }
  return inFront(latest, entry, now, () => false);
}

/**
 * `latest` with a release that is known offered first of its flavor again; newer ones are offered no more. `put` is listed in its stead, if given: the same contents under a new version.
 */
export function rolledBack(latest: Latest, target: Entry, now: Date, put = target): Latest {
  const front = latest.releases.find((each) => same(each, target));
  if (put.manifest === front?.manifest) return latest;
  return inFront(latest, put, now, (each) => compareVersions(each.version, target.version) > 0);
}

/**
 * The release that `wanted` (a name or a version) means, or the one before the one that is offered; also one that is no
 * longer offered. Throws `Refusal` when none is meant, or several.
 */
export function find({ releases, retired = [] }: Latest, wanted: string | undefined): Entry {
  const known = [...releases, ...retired];
  const flavors = [...new Set(releases.map(({ flavor }) => flavor))];
  const among =
    known.map((each) => `base/publish/rollback DEST ${dirOf(each)}`).join(", or ") ||
    "base/publish/publish DEST";
  const found =
    wanted === undefined
      ? releases.slice(1, flavors.length === 1 ? 2 : 0)
      : known.filter((each) => each.version === wanted || dirOf(each) === wanted);
  const [first, ...more] = found;
  if (first && more.length === 0) {
    const { version, flavor, arch, created, manifest } = first;
    return { version, flavor, arch, created, manifest };
  }
  if (first) throw new Refusal(`there is more than one ${wanted}`, among);
  throw new Refusal(wanted === undefined ? "which release?" : `there is no release ${wanted}`, among);
}

/** `latest` without the retired releases that nobody can be downloading any more: retired before `time`. */
export function expired(latest: Latest, time: Date): Latest {
  return listOf(
    latest.releases,
    (latest.retired ?? []).filter(({ since }) => Date.parse(since) >= time.getTime()),
  );
}

/** The directories that must stay. */
export function namesIn({ releases, retired = [] }: Latest): Set<string> {
  return new Set([...releases, ...retired].map(dirOf));
}

/** A version above all of this flavor and architecture, and of `day` if that is (as in 2026.11.24). */
export function nextVersion({ releases, retired = [] }: Latest, of: Entry, day: string): string {
  const versions = [...releases, ...retired].filter((each) => same(each, of)).map(({ version }) => version);
  const highest = versions.toSorted(compareVersions).at(-1) ?? "0";
  return compareVersions(day, highest) > 0 ? day : above(highest);
}

/** 2026.11.24 → 2026.11.24.1 → 2026.11.24.2: before the next day's. */
function above(version: string): string {
  const [, day, count = "0"] = /^(\d+\.\d+\.\d+)(?:\.(\d+))?$/.exec(version) ?? [];
  return day === undefined ? `${version}.1` : `${day}.${Number(count) + 1}`;
}

function inFront(latest: Latest, entry: Entry, now: Date, isBad: (entry: Entry) => boolean): Latest {
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

function listOf(releases: readonly Entry[], retired: readonly Retired[]): Latest {
  return { format: 1, releases: [...releases], ...(retired.length > 0 ? { retired: [...retired] } : {}) };
}

function same(one: Entry, other: Entry): boolean {
  return one.flavor === other.flavor && one.arch === other.arch;
}

/** A release's directory, by its entry. */
export function dirOf({ manifest }: Entry): string {
  return manifest.replace(/\/[^/]*$/, "");
}
