import { expect, test } from "vitest";
import {
  newerThan,
  dirOf,
  type Entry,
  entryOf,
  pruned,
  find,
  KEEP,
  ListError,
  nameOf,
  newest,
  nextVersion,
  NO_RELEASES,
  namesIn,
  published,
  rebuilt,
  releaseOf,
  type Releases,
  rolledBack,
} from "./list.ts";
import type { Manifest } from "./manifest.ts";

const NOW = new Date("2026-11-26T12:00:00Z");

/** A release of `flavor` with the version 1.1.DAY, and of an image of its own for each `image`. */
function entry(flavor: string, day: number, image = 0): Entry {
  return {
    flavor,
    version: `1.1.${day}`,
    arch: "x86_64",
    created: "2026-11-20T00:00:00.000Z",
    manifest: `${flavor}-1.1.${day}-${String(image).padStart(12, "0")}/manifest.json`,
  };
}

/** The releases offered, in short: `tiny 3`. */
function offered({ releases }: Releases): string {
  return releases.map(({ flavor, version }) => `${flavor} ${version.split(".")[2]}`).join(", ");
}

function after(operation: (latest: Releases, entry: Entry) => Releases, ...entries: Entry[]): Releases {
  return entries.reduce(operation, NO_RELEASES);
}

const publishing = (latest: Releases, each: Entry) => published(latest, each, NOW);

test("a release is named after its flavor, version and image, and listed under that name", () => {
  const manifest = {
    flavor: "kiosk",
    version: "2026.11.24",
    arch: "x86_64",
    created: "2026-11-24T00:00:00Z",
    image: { url: "a.img", size: 1, sha256: "0123456789abcdef".repeat(4) },
  } as Manifest;
  expect(nameOf(manifest)).toBe("kiosk-2026.11.24-0123456789ab");
  expect(dirOf(entryOf(manifest))).toBe(nameOf(manifest));
  expect(releaseOf(entryOf(manifest).manifest)).toBe(nameOf(manifest));
  for (const other of ["latest.json", ".new-tiny-1-0123456789ab/x", "tiny-1/x"])
    expect(releaseOf(other)).toBeUndefined();
});

test("what is published is offered first of its flavor; flavors keep their places; the last three stay", () => {
  const latest = after(
    publishing,
    entry("kiosk", 1),
    entry("tiny", 1),
    ...[2, 3, 4].map((day) => entry("kiosk", day)),
  );
  expect(offered(latest)).toBe("kiosk 4, kiosk 3, kiosk 2, tiny 1");
  expect(latest.retired).toEqual([{ ...entry("kiosk", 1), since: NOW.toISOString() }]);
  expect(published(latest, entry("kiosk", 3), NOW)).toBe(latest);
  expect([...namesIn(latest)]).toHaveLength(5);
});

test.each<[string, Entry, string, object]>([
  [
    "another image of a version",
    entry("tiny", 3, 9),
    "tiny 1.1.3 for x86_64 is published already",
    { kind: "build", flavor: "tiny", arch: "x86_64", version: "1.1.4.1" },
  ],
  [
    "an older version",
    entry("tiny", 1, 9),
    "tiny 1.1.1 for x86_64 is older than 1.1.4",
    { kind: "build", flavor: "tiny", arch: "x86_64", version: "1.1.4.1" },
  ],
  [
    "a release that was taken back",
    entry("tiny", 4),
    "tiny-1.1.4-000000000000 was taken out of the list",
    { kind: "rollback", names: ["tiny-1.1.4-000000000000"] },
  ],
])("%s is refused", (_, refused, message, remedy) => {
  const published4 = after(publishing, ...[3, 4].map((day) => entry("tiny", day)));
  const latest = rolledBack(published4, entry("tiny", 3), NOW);
  const attempt = () => published(latest, refused, NOW);
  expect(attempt).toThrow(ListError);
  expect(attempt).toThrow(expect.objectContaining({ message: expect.stringContaining(message), remedy }));
});

test("back: newer ones are retired, and the same contents can come back under a new version", () => {
  const three = after(publishing, ...[1, 2, 3].map((day) => entry("tiny", day)));
  const back = rolledBack(three, find(three, undefined), NOW);
  expect(offered(back)).toBe("tiny 2, tiny 1");
  expect(back.retired?.map(({ version }) => version)).toEqual(["1.1.3"]);
  expect(rolledBack(back, entry("tiny", 2), NOW)).toBe(back);
  expect(offered(rolledBack(back, entry("tiny", 2), NOW, entry("tiny", 4)))).toBe("tiny 4, tiny 2, tiny 1");
  expect(find(back, "1.1.3")).toEqual(entry("tiny", 3));
  expect(() => find(back, "7.7.7")).toThrow("there is no release 7.7.7");
  expect(() => find(after(publishing, entry("a", 1), entry("b", 1)), "1.1.1")).toThrow("more than one 1.1.1");
  expect(() => find(NO_RELEASES, undefined)).toThrow("which release?");
});

test("what was retired goes after its time", () => {
  const latest = after(publishing, ...[1, 2, 3, 4].map((day) => entry("tiny", day)));
  expect(pruned(latest, NOW)).toEqual(latest);
  expect(pruned(latest, new Date(NOW.getTime() + 1)).retired).toBeUndefined();
});

test("a version above all that were seen", () => {
  const latest = after(publishing, entry("tiny", 1));
  expect(nextVersion(latest, entry("tiny", 1), "1.1.2")).toBe("1.1.2");
  expect(nextVersion(latest, entry("tiny", 1), "1.1.1")).toBe("1.1.1.1");
  expect(nextVersion(latest, entry("kiosk", 1), "1.1.1")).toBe("1.1.1");
});

test("a build is offered first of all, older or not, in the place of an earlier image of its version", () => {
  const first = after(rebuilt, entry("kiosk", 10), entry("tiny", 12, 9));
  const latest = [11, 12, 13, 14, 12].reduce((list, day) => rebuilt(list, entry("tiny", day)), first);
  expect(offered(latest)).toBe("tiny 12, tiny 14, tiny 13, kiosk 10");
  expect(latest.releases[0]).toEqual(entry("tiny", 12));
  expect(latest.releases.filter(({ flavor }) => flavor === "tiny")).toHaveLength(KEEP);
  expect(latest.retired).toBeUndefined();
});

test("the newest is the first that is offered; one of a version can be asked for", () => {
  const latest = after(publishing, entry("kiosk", 1), entry("kiosk", 2), entry("tiny", 1));
  expect(newest(latest, {})).toEqual(entry("kiosk", 2));
  expect(newest(latest, { flavor: "tiny" })).toEqual(entry("tiny", 1));
  expect(newest(latest, { version: "1.1.1" })).toEqual(entry("kiosk", 1));
  expect(() => newest(latest, { flavor: "big" })).toThrow(
    'of the flavor "big" for x86_64 has been published, but there is',
  );
});

test("architectures are not mixed up: the usual one unless another is wanted, and each has its own history", () => {
  const arm = (day: number) => ({
    ...entry("kiosk", day),
    arch: "aarch64",
    manifest: `arm-${day}/manifest.json`,
  });
  const latest = after(publishing, entry("kiosk", 1), arm(2), arm(1 + 2), entry("tiny", 1));
  expect(newest(latest, { flavor: "kiosk" })).toEqual(entry("kiosk", 1));
  expect(newest(latest, { arches: ["aarch64"] })).toEqual(arm(3));
  expect(newest(latest, { arches: ["aarch64", "x86_64"], flavor: "tiny" })).toEqual(entry("tiny", 1)); // none for ARM
  expect(() => newest(latest, { arches: ["aarch64"], flavor: "tiny" })).toThrow(
    'No base image of the flavor "tiny" for aarch64 has been published',
  );
  expect(newerThan(latest, entry("kiosk", 1))).toEqual([]);
  expect(() => published(latest, arm(1), NOW)).toThrow("kiosk 1.1.1 for aarch64 is older than 1.1.3");
  const two = after(publishing, entry("kiosk", 1), arm(1));
  expect(() => find(two, undefined)).toThrow("which release?"); // and not the other architecture's
  expect(() => find(two, "1.1.1")).toThrow("there is more than one 1.1.1");
});

test("a release's name says its architecture, where that is not the usual one", () => {
  const image = { url: "a.img", size: 1, sha256: "0123456789ab".padEnd(64, "0") };
  const of = { flavor: "kiosk", version: "2026.11.24", image };
  expect(nameOf({ ...of, arch: "x86_64" })).toBe("kiosk-2026.11.24-0123456789ab");
  expect(nameOf({ ...of, arch: "aarch64" })).toBe("kiosk-aarch64-2026.11.24-0123456789ab");
  for (const arch of ["x86_64", "aarch64"]) {
    const name = nameOf({ ...of, arch });
    expect(releaseOf(`${name}/manifest.json`)).toBe(name);
  }
});
