import type { RequestListener } from "node:http";
import { expect, test } from "vitest";
import {
  CaptivePortalError,
  ConnectionError,
  ManifestError,
  DowngradeError,
  SignatureError,
} from "../errors.ts";
import { compareVersions } from "../release/manifest.ts";
import { testBase } from "../testing/test-base.ts";
import { files, serve } from "../testing/range-server.ts";
import { testKey } from "../testing/sign.ts";
import type { ReleaseQuery } from "../release/verify.ts";
import { findRelease } from "./release.ts";
import { DEFAULT_RETRY, RetryPolicy } from "./retry.ts";

const { manifest } = await testBase();
const never = new AbortController().signal;
const keys = [testKey().publicKey];
const { created } = manifest;
const latest = {
  format: 1,
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
  "/m.json": manifest,
});

const find = (url: string, wanted: Partial<ReleaseQuery> = {}) =>
  findRelease(
    url,
    { keys, ...wanted },
    new RetryPolicy({ ...DEFAULT_RETRY, firstWaitMs: 2, giveUpAfterMs: 100 }),
    never,
  );

test("finds the newest release of a flavor, and its image beside its manifest", async () => {
  await using server = await serve(cdn);
  const release = await find(`${server.url}/latest.json`, { flavor: "test" });
  expect(release.manifest).toEqual(manifest);
  expect(release.urls).toEqual([`${server.url}/t/base.img`]);
});

test("a version asked for by name is found, older or not", async () => {
  await using server = await serve(cdn);
  const seen = { "test x86_64": "2026.1.1" };
  const release = await find(`${server.url}/latest.json`, { flavor: "test", version: "2025.12.9", seen });
  expect(release.manifest.version).toBe("2025.12.9");
});

test("an older one than was seen before is refused, and it is said why", async () => {
  await using server = await serve(cdn);
  const seen = { "test x86_64": "2026.1.10", "kiosk x86_64": "1" };
  const error = await find(`${server.url}/latest.json`, { flavor: "test", seen }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DowngradeError);
  expect((error as Error).message).toMatch(
    /test 2026\.1\.1, is older than the 2026\.1\.10 .*os:notepat:2026\.1\.1$/,
  );
  await find(`${server.url}/latest.json`, { flavor: "test", seen: { "test x86_64": "2026.1.1" } });
});

test("versions compare by their numbers", () => {
  const sorted = ["2025.12.9", "2026.1.1", "2026.1.9", "2026.1.10", "2026.1.10.1"];
  expect(sorted.toReversed().toSorted(compareVersions)).toEqual(sorted);
});

test("mirrors are relative to the manifest, and come after the image's own address", async () => {
  const image = { ...manifest.image, mirrors: ["copy.img", "https://mirror.example/base.img"] };
  await using server = await serve(files({ "/a/m.json": { ...manifest, image } }));
  const { urls } = await find(`${server.url}/a/m.json`);
  expect(urls).toEqual([
    `${server.url}/a/base.img`,
    `${server.url}/a/copy.img`,
    "https://mirror.example/base.img",
  ]);
});

test("what nobody we know has signed is not even parsed", async () => {
  await using server = await serve(files({ "/m.json": { ...manifest, format: 2 } }));
  const other = [testKey(2).publicKey];
  await expect(find(`${server.url}/m.json`, { keys: other })).rejects.toThrow(SignatureError);
  await expect(find(`${server.url}/m.json`, { keys: [] })).rejects.toThrow(SignatureError);
  await expect(find(`${server.url}/m.json`, { keys: [...other, ...keys] })).rejects.toThrow(/format 2/);
});

test("a manifest that was changed after it was signed is refused", async () => {
  const signature = testKey().sign(JSON.stringify(manifest));
  const changed = { ...manifest, created: "2026-01-02T00:00:00Z" };
  await using server = await serve(files({ "/m.json": changed, "/m.json.minisig": signature }));
  await expect(find(`${server.url}/m.json`)).rejects.toThrow(SignatureError);
});

test("a signed manifest of another release does not stand in for the one listed", async () => {
  await using server = await serve(files({ "/latest.json": latest, "/t/manifest.json": old }));
  await expect(find(`${server.url}/latest.json`, { flavor: "test" })).rejects.toThrow(
    /its version is 2025\.12\.9, not 2026\.1\.1/,
  );
});

test.each(["http://", "http://["])("an address like %j is refused", async (url) => {
  const wrong = { ...manifest, image: { ...manifest.image, url } };
  await using server = await serve(files({ "/m.json": wrong }));
  await expect(find(`${server.url}/m.json`)).rejects.toThrow(/is no address/);
});

test("a flavor or version that nobody published is said by name", async () => {
  await using server = await serve(cdn);
  await expect(find(`${server.url}/latest.json`, { flavor: "moon" })).rejects.toThrow(
    /of the flavor "moon" has been published, but there is kiosk 2, test/,
  );
  await expect(find(`${server.url}/latest.json`, { version: "3" })).rejects.toThrow(/with the version 3/);
});

test.each<[string, RequestListener, new (message: string) => Error, RegExp]>([
  ["404", files({}), ManifestError, /asked for its manifest, answered 404/],
  [
    "text",
    files({ "/m.json": "text", "/m.json.minisig": testKey().sign("text") }),
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
  const error = await find(`${server.url}/m.json`).catch((e: unknown) => e);
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
  expect((await find(`${server.url}/m.json`)).manifest).toEqual(manifest);
});
