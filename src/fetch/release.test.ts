import type { RequestListener } from "node:http";
import { expect, test } from "vitest";
import {
  CaptivePortalError,
  ConnectionError,
  ExpiredListError,
  ManifestError,
  DowngradeError,
  SignatureError,
} from "../errors.ts";
import { testBase } from "../testing/test-base.ts";
import { files, serve } from "../testing/range-server.ts";
import { signLatest, signManifest, testKey } from "../testing/sign.ts";
import { CLOCK_TOLERANCE_MS, type ReleaseQuery } from "../release/verify.ts";
import { findRelease } from "./release.ts";
import { DEFAULT_RETRY, RetryPolicy } from "./retry.ts";

const { manifest } = await testBase();
const never = new AbortController().signal;
const keys = [testKey().publicKey];
const channel = `test x86_64 ${testKey().id}`;
const { created } = manifest;
const latest = {
  releases: [
    { version: "2", flavor: "kiosk", arch: "x86_64", created, manifest: "k/manifest.json" },
    { version: manifest.version, flavor: "test", arch: "x86_64", created, manifest: "t/manifest.json" },
    { version: "2025.12.9", flavor: "test", arch: "x86_64", created, manifest: "old/manifest.json" },
  ],
};
const old = { ...manifest, version: "2025.12.9" };
const cdn = files({
  "/latest.json": latest,
  "/t/manifest.json": manifest,
  "/old/manifest.json": old,
  "/m/manifest.json": manifest,
});

const find = (url: string, wanted: Partial<ReleaseQuery> = {}, giveUpAfterMs = 100) =>
  findRelease(
    url,
    { keys, ...wanted },
    new RetryPolicy({ ...DEFAULT_RETRY, firstWaitMs: 2, giveUpAfterMs }),
    never,
  );

test("finds the newest release of a flavor, and its image beside its manifest", async () => {
  await using server = await serve(cdn);
  const release = await find(`${server.url}/latest.json`, { flavor: "test" });
  expect(release.manifest).toEqual(manifest);
  expect(release.urls).toEqual([`${server.url}/t/base.img`]);
});

test("a version asked for by name is found, older or not, and it is told that it is older", async () => {
  await using server = await serve(cdn);
  const ask = { flavor: "test", version: "2025.12.9" };
  const release = await find(`${server.url}/latest.json`, { ...ask, seen: { [channel]: "2026.1.1" } });
  expect(release).toMatchObject({ manifest: old, keyId: testKey().id, olderThan: "2026.1.1" });
  for (const seen of [{}, { [channel]: "2025.12.9" }])
    expect(await find(`${server.url}/latest.json`, { ...ask, seen })).not.toHaveProperty("olderThan");
});

test("an older one than was seen before is refused, and it is said why", async () => {
  await using server = await serve(cdn);
  const seen = { [channel]: "2026.1.10", [`kiosk x86_64 ${testKey().id}`]: "1" };
  const byName = (version: string) => `say ${version}`;
  const error = await find(`${server.url}/latest.json`, { flavor: "test", seen, byName }).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DowngradeError);
  expect((error as Error).message).toMatch(
    /test 2026\.1\.1, is older than the 2026\.1\.10 .*: say 2026\.1\.1$/,
  );
  await find(`${server.url}/latest.json`, { flavor: "test", seen: { [channel]: "2026.1.1" } });
});

test("what a key has signed that is withdrawn locks nobody out", async () => {
  await using server = await serve(cdn);
  const leaked = testKey(2);
  const wanted = { flavor: "test", seen: { [`test x86_64 ${leaked.id}`]: "9999" } };
  await expect(
    find(`${server.url}/latest.json`, { ...wanted, keys: [...keys, leaked.publicKey] }),
  ).rejects.toThrow(DowngradeError);
  await find(`${server.url}/latest.json`, wanted);
});

test.each<[string, number, boolean]>([
  ["holds", 1000, true],
  ["expired less than a day ago by this clock", 1000 - CLOCK_TOLERANCE_MS, true],
  ["expired longer ago", -1000 - CLOCK_TOLERANCE_MS, false],
])("a list that %s", async (_, ms, taken) => {
  const until = new Date(Date.now() + ms).toISOString();
  await using server = await serve(
    files({ "/latest.json": { ...latest, until }, "/t/manifest.json": manifest }),
  );
  const found = find(`${server.url}/latest.json`, { flavor: "test" });
  const error = await found.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!taken) expect(error).toBeInstanceOf(ExpiredListError);
  expect(error instanceof Error ? error.message : "taken").toContain(
    taken ? "taken" : `held until ${until.slice(0, 10)} ${until.slice(11, 16)} UTC`,
  );
});

test.each<[string, string | object, RegExp]>([
  ["that is not signed", JSON.stringify({ format: 1, ...latest }), /malformed at list/],
  ["signed by another key", signLatest(latest, testKey(2)), /list of base images is signed with the key/],
  [
    "changed after it was signed",
    signLatest(latest).replace("2025.12.9", "2025.12.8"),
    /list of base images is not what the key/,
  ],
  [
    "that promises another time than was signed",
    promising(latest),
    /signature of something else: of "latest/,
  ],
  ["with an old manifest in its place", JSON.stringify(old), /list of releases is malformed at list/],
])("a list %s is refused", async (_, content, message) => {
  await using server = await serve(files({ "/latest.json": content, "/t/manifest.json": manifest }));
  await expect(find(`${server.url}/latest.json`, { flavor: "test" })).rejects.toThrow(message);
});

/** A list whose trusted comment is that of one that holds for longer. */
function promising(releases: object): string {
  const { list } = JSON.parse(signLatest(releases)) as { list: string };
  const signature = testKey().sign(list, { trustedComment: "latest.json until 2099-01-01T00:00:00.000Z" });
  return JSON.stringify({ format: 1, list, signature });
}

test.each<[string, object, RegExp]>([
  ["flavor", { flavor: "tiny" }, /its flavor is tiny, not test/],
  ["version", { version: "2026.1.2" }, /its version is 2026\.1\.2, not 2026\.1\.1/],
  ["architecture", { arch: "aarch64" }, /its architecture is aarch64, not x86_64/],
])("a signed manifest of another %s than was asked for is refused", async (_, change, message) => {
  await using server = await serve(files({ "/manifest.json": { ...manifest, ...change } }));
  const wanted = { flavor: "test", version: "2026.1.1" };
  await expect(find(`${server.url}/manifest.json`, wanted)).rejects.toThrow(message);
});

test("a manifest whose signature was made for another is refused", async () => {
  const signature = testKey().sign(JSON.stringify(manifest), {
    trustedComment: "test-os test 2026.1.2 x86_64",
  });
  await using server = await serve(
    files({ "/manifest.json": manifest, "/manifest.json.minisig": signature }),
  );
  await expect(find(`${server.url}/manifest.json`)).rejects.toThrow(
    /signature of something else: of "test-os test 2026\.1\.2 x86_64", not "test-os test 2026\.1\.1 x86_64"/,
  );
});

test.each(["data:application/json,{}", "http://192.0.2.1/manifest.json", "ftp://a/b"])(
  "a list may not send a build to %s",
  async (address) => {
    const [first, ...others] = latest.releases;
    const list = { ...latest, releases: [{ ...first, manifest: address }, ...others] };
    await using server = await serve(files({ "/latest.json": list }));
    await expect(find(`${server.url}/latest.json`)).rejects.toThrow(/is no address that it may name/);
  },
);

test("mirrors are relative to the manifest, and come after the image's own address", async () => {
  const image = { ...manifest.image, mirrors: ["copy.img", "https://mirror.example/base.img"] };
  await using server = await serve(files({ "/a/manifest.json": { ...manifest, image } }));
  const { urls } = await find(`${server.url}/a/manifest.json`);
  expect(urls).toEqual([
    `${server.url}/a/base.img`,
    `${server.url}/a/copy.img`,
    "https://mirror.example/base.img",
  ]);
});

test("what nobody we know has signed is not even parsed", async () => {
  await using server = await serve(files({ "/m/manifest.json": { ...manifest, format: 2 } }));
  const other = [testKey(2).publicKey];
  await expect(find(`${server.url}/m/manifest.json`, { keys: other })).rejects.toThrow(SignatureError);
  await expect(find(`${server.url}/m/manifest.json`, { keys: [] })).rejects.toThrow(SignatureError);
  await expect(find(`${server.url}/m/manifest.json`, { keys: [...other, ...keys] })).rejects.toThrow(
    /format 2/,
  );
});

test("a manifest that was changed after it was signed is refused", async () => {
  const signature = signManifest(manifest);
  const changed = { ...manifest, created: "2026-01-02T00:00:00Z" };
  await using server = await serve(
    files({ "/m/manifest.json": changed, "/m/manifest.json.minisig": signature }),
  );
  await expect(find(`${server.url}/m/manifest.json`)).rejects.toThrow(SignatureError);
});

test("a signed manifest of another release does not stand in for the one listed", async () => {
  await using server = await serve(files({ "/latest.json": latest, "/t/manifest.json": old }));
  await expect(find(`${server.url}/latest.json`, { flavor: "test" })).rejects.toThrow(
    /its version is 2025\.12\.9, not 2026\.1\.1/,
  );
});

test.each(["http://", "http://["])("an address like %j is refused", async (url) => {
  const wrong = { ...manifest, image: { ...manifest.image, url } };
  await using server = await serve(files({ "/m/manifest.json": wrong }));
  await expect(find(`${server.url}/m/manifest.json`)).rejects.toThrow(/is no address/);
});

test("a flavor or version that nobody published is said by name", async () => {
  await using server = await serve(cdn);
  await expect(find(`${server.url}/latest.json`, { flavor: "moon" })).rejects.toThrow(
    /of the flavor "moon" for x86_64 has been published, but there is kiosk 2 for x86_64, test/,
  );
  await expect(find(`${server.url}/latest.json`, { version: "3" })).rejects.toThrow(/with the version 3/);
});

test.each<[string, RequestListener, new (message: string) => Error, RegExp]>([
  [
    "403",
    (_, response) => response.writeHead(403).end(),
    ManifestError,
    /answered 403: it is not there, or not open to everybody/,
  ],
  ["404", files({}), ManifestError, /asked for its manifest, answered 404$/],
  [
    "text",
    files({ "/m/manifest.json": "text", "/m/manifest.json.minisig": testKey().sign("text") }),
    ManifestError,
    /not JSON/,
  ],
  [
    "a page to sign in on",
    (_, response) => response.end("\n<!DOCTYPE html><title>Free WiFi"),
    CaptivePortalError,
    /asks you to sign in/,
  ],
  ["511", (_, response) => response.writeHead(511).end(), CaptivePortalError, /asks you to sign in/],
  [
    "signed by a page to sign in on",
    (request, response) => {
      if (request.url?.endsWith(".minisig")) response.end("<html>");
      else cdn(request, response);
    },
    CaptivePortalError,
    /asks you to sign in/,
  ],
  [
    "something endless",
    (_, response) => response.end("[".repeat(2 ** 21)),
    ManifestError,
    /larger than 1048576 bytes/,
  ],
  [
    "a closed connection",
    (request) => request.socket.destroy(),
    ConnectionError,
    /cannot be fetched: no connection/,
  ],
  [
    "not signed",
    (request, response) => {
      if (request.url?.endsWith(".minisig")) response.writeHead(404).end();
      else cdn(request, response);
    },
    ManifestError,
    /answered 404/,
  ],
])("a manifest that is %s", async (_, listener, kind, message) => {
  await using server = await serve(listener);
  const error = await find(`${server.url}/m/manifest.json`).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toMatch(message);
});

test.each<[string, RequestListener]>([
  ["breaks off", (request) => request.socket.destroy()],
  ["has not got all of a release yet", (_, response) => response.writeHead(404).end()],
  ["has troubles that nobody has registered", (_, response) => response.writeHead(520).end()],
  ["is behind a page to sign in on", (_, response) => response.end("<html>")],
])("a server that %s is waited for", async (_, listener) => {
  let broken = 5;
  await using server = await serve((request, response) => {
    if (broken-- > 0) listener(request, response);
    else cdn(request, response);
  });
  expect((await find(`${server.url}/m/manifest.json`, {}, 20_000)).manifest).toEqual(manifest);
});

test("of two architectures the one that is wanted is taken, and a manifest of the other is refused in its place", async () => {
  const arm = { ...manifest, arch: "aarch64" };
  const [pc, other] = [
    { version: manifest.version, flavor: "test", arch: "x86_64", created, manifest: "t/manifest.json" },
    { version: manifest.version, flavor: "test", arch: "aarch64", created, manifest: "arm/manifest.json" },
  ];
  const serving = { "/t/manifest.json": manifest, "/arm/manifest.json": arm };
  await using server = await serve(files({ ...serving, "/latest.json": { releases: [other, pc] } }));
  const url = `${server.url}/latest.json`;
  expect((await find(url)).manifest).toEqual(manifest);
  expect((await find(url, { arches: ["aarch64"] })).manifest).toEqual(arm);
  expect((await find(url, { arches: ["aarch64", "x86_64"] })).manifest).toEqual(arm);

  const swapped = { ...other, manifest: "t/manifest.json" };
  await using lying = await serve(files({ ...serving, "/latest.json": { releases: [swapped, pc] } }));
  await expect(find(`${lying.url}/latest.json`, { arches: ["aarch64", "x86_64"] })).rejects.toThrow(
    /its architecture is x86_64, not aarch64/,
  );
});
