import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { setTimeout as wait } from "node:timers/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import * as s3 from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findRelease } from "../../src/fetch/release.ts";
import { DEFAULT_RETRY, RetryPolicy } from "../../src/fetch/retry.ts";
import { copiedIn, copiesName, parseCopies } from "../../src/release/copies.ts";
import { commentOnList, parseList } from "../../src/release/latest.ts";
import { type Manifest, WINDOW } from "../../src/release/manifest.ts";
import { entryOf, nameOf, newest } from "../../src/release/list.ts";
import { checkHolds, verifyLatest, verifyRelease } from "../../src/release/verify.ts";
import { pattern } from "../../src/testing/bytes.ts";
import { digestOfWindow, sha256Of, testBase } from "../../src/testing/test-base.ts";
import { rgw } from "../../src/testing/rgw.ts";
import type { TestServer } from "../../src/testing/range-server.ts";
import { signLatest, signManifest, testKey } from "../../src/testing/sign.ts";
import { publish, renew, rollback } from "./publish.ts";
import { bucket } from "./s3.ts";
import { directory, hashOf, type Store } from "./store.ts";

const MINUTE = 60_000;
const key = testKey();
const folder = fs.mkdtempSync(join(tmpdir(), "publish-"));
const out = join(folder, "out");
const config = join(folder, "config.json");
const base = await testBase();

const secret = join(folder, "secret.key");

/** Stands in for a server, unless AWS_ENDPOINT_URL names one (`npm run test:s3`). */
let standIn: TestServer | undefined;

beforeAll(async () => {
  const settings = { latest: "https://a/latest.json", oven: "https://b", keys: [key.publicKey] };
  fs.writeFileSync(config, JSON.stringify(settings));
  fs.writeFileSync(secret, await key.secretKeyFile());
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  if (process.env["AWS_ENDPOINT_URL"] !== undefined) return;
  standIn = await rgw();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: standIn.url,
    AWS_ACCESS_KEY_ID: "os-test",
    AWS_SECRET_ACCESS_KEY: "secret",
  });
});
afterAll(async () => {
  await standIn?.[Symbol.asyncDispose]();
  fs.rmSync(folder, { recursive: true });
});

/** What sign.sh does, without the tool. */
function sign(path: string, by = key): void {
  const text = fs.readFileSync(path, "utf8");
  const json = JSON.parse(text) as object;
  const signature =
    "until" in json
      ? by.sign(text, { trustedComment: commentOnList(parseList(text)) })
      : signManifest(json as Manifest, by, text);
  fs.writeFileSync(`${path}.minisig`, signature);
}

/**
 * A release as base/build/build.sh leaves it: version 1.1.DAY, another image for another `seed`, and `change` made to its
 * manifest before it is signed.
 */
function built(
  day: number,
  seed = day,
  change: (manifest: Manifest) => Partial<Manifest> = () => ({}),
): { path: string; manifest: Manifest; name: string } {
  const image = base.image.slice();
  image.set(pattern(1024, seed), image.length - 512 * 1024);
  const list = Buffer.from(`{"packages of": ${seed}}\n`);
  const sbom = { url: "sbom.cdx.json", sha256: sha256Of(new Uint8Array(list)) };
  const digests = [...base.manifest.digests.slice(0, -1), digestOfWindow(image.subarray(6 * WINDOW))];
  const described = { ...base.manifest.image, sha256: sha256Of(image) };
  const right: Manifest = { ...base.manifest, version: `1.1.${day}`, image: described, digests, sbom };
  const manifest = { ...right, ...change(right) };
  const name = nameOf(manifest);
  const path = join(out, "cdn", name);
  fs.mkdirSync(path, { recursive: true });
  const text = JSON.stringify(manifest, null, 2) + "\n";
  fs.writeFileSync(join(path, "base.img"), image);
  fs.writeFileSync(join(path, "sbom.cdx.json"), list);
  fs.writeFileSync(join(path, "manifest.json"), text);
  sign(join(path, "manifest.json"));
  fs.writeFileSync(join(out, "cdn/latest.json"), signLatest({ releases: [entryOf(manifest)] }));
  return { path, manifest, name };
}

/** Manifests that are well-formed and signed, and not of their image: a browser would refuse the image, or its bytes. */
const UNLIKE: [string, (right: Manifest) => Partial<Manifest>, string][] = [
  [
    "the digest of another window",
    ({ digests }) => ({ digests: digests.with(1, digests[3]!) }),
    "its digest of window 1 is",
  ],
  [
    "a last window hashed in another way",
    ({ digests }) => ({ digests: digests.with(6, "ab".repeat(32)) }),
    "its digest of window 6 is",
  ],
  [
    "a window called zeros that is not",
    ({ digests }) => ({ digests: digests.with(3, "zeros") }),
    "its digest of window 3 is",
  ],
  [
    "the SHA-256 state of another image",
    ({ sha256State }) => ({ sha256State: { ...sha256State, words: "ab".repeat(32) } }),
    "its SHA-256 state is",
  ],
  ["another SHA-256", ({ image }) => ({ image: { ...image, sha256: "ab".repeat(32) } }), "its SHA-256 is"],
  ["another size", ({ image }) => ({ image: { ...image, size: image.size + 1024 * 1024 } }), "its size is"],
  [
    "a piece partition that starts later",
    ({ piecePartition, sha256State }) => ({
      piecePartition: { ...piecePartition, start: 5 * WINDOW, length: WINDOW },
      sha256State: { ...sha256State, length: 5 * WINDOW },
    }),
    "its start of the piece partition is",
  ],
  [
    "another label",
    ({ piecePartition }) => ({ piecePartition: { ...piecePartition, label: "PIECE" } }),
    "its label of the piece partition is",
  ],
];

describe.each(["directory", "s3"])("%s", (kind) => {
  let where: string;
  let store: Store;
  const graceMs = 7 * 24 * 60 * MINUTE;
  const logged: string[] = [];
  const job = () => ({
    store,
    keys: [key.publicKey],
    sign,
    graceMs,
    log: (text: string) => logged.push(text),
  });

  async function fresh(): Promise<void> {
    const name = `os-${randomUUID()}`;
    where = kind === "s3" ? `s3://${name}/base` : join(folder, name);
    if (kind === "s3") await client().send(new s3.CreateBucketCommand({ Bucket: name }));
    store = kind === "s3" ? bucket(name, "base/", (text) => logged.push(text)) : await directory(where);
  }

  /** The list as readers take it: it is signed, and holds. */
  async function latest() {
    const json: unknown = JSON.parse(Buffer.from((await store.read("latest.json"))!.bytes).toString());
    const list = await verifyLatest(json, [key.publicKey]);
    checkHolds(list, new Date());
    return list;
  }

  /** Put another list there than publishing would. */
  async function putLatest(text: string): Promise<void> {
    await store.put("latest.json", Buffer.from(text), { type: "application/json", cache: "no-store" });
  }

  async function names(): Promise<string[]> {
    return (await latest()).releases.map(({ manifest }) => manifest.split("/")[0]!);
  }

  /** What a browser does: the pointer, the manifest it names, its signature, the image. Throws when two do not match. */
  async function readAll(version?: string): Promise<Manifest> {
    const wanted = { flavor: "test", version, keys: [key.publicKey] };
    const listed = newest(await latest(), wanted);
    const manifest = await store.read(listed.manifest);
    const signature = await store.read(`${listed.manifest}.minisig`);
    const text = Buffer.from(signature!.bytes).toString();
    const url = `https://cdn/${listed.manifest}`;
    const release = await verifyRelease(new Uint8Array(manifest!.bytes), text, url, wanted, listed);
    const image = new URL(release.urls[0]!).pathname.slice(1);
    expect(await store.hash(image)).toBe(release.manifest.image.sha256);
    return release.manifest;
  }

  test(
    "the last three are offered; what goes stays for its time of grace; twice does nothing",
    { timeout: 3 * MINUTE },
    async () => {
      await fresh();
      const all = [1, 2, 3, 4].map((day) => built(day));
      for (const { path } of all) await publish(job(), path);
      expect(await names()).toEqual([all[3]!.name, all[2]!.name, all[1]!.name]);
      expect((await latest()).retired).toMatchObject([{ version: "1.1.1" }]);
      expect((await readAll()).version).toBe("1.1.4");
      expect(await store.size(`${all[0]!.name}/base.img`)).toBe(base.image.length);

      logged.length = 0;
      await publish(job(), all[3]!.path);
      expect(logged[0]).toBe("latest.json says so already");
      expect(logged.filter((line) => line.startsWith("put "))).toEqual([]);

      await publish({ ...job(), graceMs: 0 }, all[3]!.path);
      expect((await latest()).retired).toBeUndefined();
      const kept = (await store.list())
        .map(({ key: file }) => file)
        .filter((file) => file.startsWith(all[0]!.name));
      expect(kept).toEqual([]);
      const lists = 1 + 2 + 3; // of copies from those before
      expect((await store.list()).length).toBe(3 * 4 + lists + 1);
    },
  );

  test(
    "a release says what of it is in those before it, of its own flavor",
    { timeout: 3 * MINUTE },
    async () => {
      await fresh();
      await publish(job(), other(built(1)).path);
      const [older, gone, last] = [built(2), built(3), built(4)];
      for (const { path } of [older, gone]) await publish(job(), path);
      await store.remove(`${gone.name}/base.img`);
      logged.length = 0;
      await publish(job(), last.path);
      expect(logged.filter((line) => line.includes("will fetch all"))).toMatchObject([
        expect.stringContaining(gone.name),
      ]);
      const wanted = [`${last.name}/${copiesName(older.manifest.image.sha256)}`];
      const lists = (await store.list())
        .map(({ key: file }) => file)
        .filter((file) => file.includes(".copies"));
      expect(lists.filter((file) => file.startsWith(last.name)).toSorted()).toEqual(wanted.toSorted());
      for (const file of wanted) {
        const list = new Uint8Array(gunzipSync((await store.read(file))!.bytes));
        const { size } = last.manifest.image;
        const copies = parseCopies(list, { size, olderSize: size });
        const copied = copiedIn(copies, { start: 0, length: size });
        expect(size - copied).toBeGreaterThan(1000);
        expect(size - copied).toBeLessThanOrEqual(1024); // what `built` makes different
      }
    },
  );

  test("an object that is not there is an error of who reads it, also of a reader who takes his time", async () => {
    await fresh();
    const chunks = store.stream("gone/base.img");
    await wait(50);
    await expect(hashOf(chunks)).rejects.toThrow(/no such file|NoSuchKey|does not exist/);
  });

  test("what would mislead is refused, and nothing of it goes up", async () => {
    await fresh();
    await publish(job(), built(5).path);
    const files = (await store.list()).length;
    await expect(publish(job(), built(5, 99).path)).rejects.toThrow(
      "test 1.1.5 for x86_64 is published already",
    );
    await expect(publish(job(), built(4).path)).rejects.toThrow("1.1.4 for x86_64 is older than 1.1.5");
    const wrong = built(6);
    const text = fs.readFileSync(join(wrong.path, "manifest.json"), "utf8");
    sign(join(wrong.path, "manifest.json"), testKey(2));
    await expect(publish(job(), wrong.path)).rejects.toThrow("is signed with the key");
    fs.writeFileSync(
      join(wrong.path, "manifest.json.minisig"),
      key.sign(text, { trustedComment: "another" }),
    );
    await expect(publish(job(), wrong.path)).rejects.toThrow('signature of something else: of "another"');
    for (const file of ["base.img", "sbom.cdx.json"]) {
      const { path } = built(6);
      fs.appendFileSync(join(path, file), "x");
      await expect(publish(job(), path)).rejects.toThrow(`${file} is not what its manifest says`);
    }
    expect((await store.list()).length).toBe(files);
  });

  test.each(UNLIKE)("a manifest with %s is refused, and nothing goes up", async (_, change, message) => {
    await fresh();
    await expect(publish(job(), built(6, 6, change).path)).rejects.toThrow(message);
    expect(await store.list()).toEqual([]);
  });

  test("an image without its backup partition table is refused, and nothing goes up", async () => {
    await fresh();
    const { path, manifest } = built(6);
    fs.truncateSync(join(path, "base.img"), manifest.image.size - 512);
    fs.truncateSync(join(path, "base.img"), manifest.image.size);
    await expect(publish(job(), path)).rejects.toThrow("no backup partition table");
    expect(await store.list()).toEqual([]);
  });

  test("a signature by another key replaces the one before", async () => {
    await fresh();
    const { path, name } = built(1);
    await publish(job(), path);
    sign(join(path, "manifest.json"), testKey(2));
    const anew = fs.readFileSync(join(path, "manifest.json.minisig"), "utf8");
    const both = [key.publicKey, testKey(2).publicKey]; // as while keys change
    await publish({ ...job(), keys: both }, path);
    expect(Buffer.from((await store.read(`${name}/manifest.json.minisig`))!.bytes).toString()).toBe(anew);
  });

  test(
    "back, and the bad one is not published again by itself; forward again",
    { timeout: 3 * MINUTE },
    async () => {
      await fresh();
      const all = [1, 2, 3].map((day) => built(day));
      for (const { path } of all) await publish(job(), path);
      await rollback(job(), "1.1.1");
      expect(await names()).toEqual([all[0]!.name]);
      await expect(publish(job(), all[2]!.path)).rejects.toThrow(`${all[2]!.name} was taken out of the list`);
      await rollback(job(), all[2]!.name);
      expect(await names()).toEqual([all[2]!.name, all[0]!.name]);
      await expect(rollback(job(), "7.7.7")).rejects.toThrow("there is no release 7.7.7");
    },
  );

  test(
    "back under a new version, which browsers take that have seen the bad one",
    { timeout: 3 * MINUTE },
    async () => {
      await fresh();
      for (const day of [1, 2]) await publish(job(), built(day).path);
      await rollback(job(), undefined, true);
      const manifest = await readAll();
      expect(manifest.image.sha256).toBe(built(1).manifest.image.sha256);
      expect(manifest.version).toMatch(/^20\d\d\.[1-9]\d?\.[1-9]\d?$/);
      expect((await latest()).releases.map(({ version }) => version)).toEqual([manifest.version, "1.1.1"]);
      expect((await latest()).retired).toMatchObject([{ version: "1.1.2" }]);
    },
  );

  test("a reader who never stops meets no pair that does not match", { timeout: 5 * MINUTE }, async () => {
    await fresh();
    await publish(job(), built(1).path);
    const over = new AbortController();
    const read = (async () => {
      const seen = new Set<string>();
      while (!over.signal.aborted) seen.add((await readAll()).version);
      return seen;
    })();
    for (const day of [2, 3, 4, 5]) await publish(job(), built(day).path);
    await rollback(job(), "1.1.3");
    over.abort();
    expect((await read).size).toBeGreaterThan(1);
  });

  test("two at once, and neither release is lost", { timeout: 2 * MINUTE }, async () => {
    await fresh();
    const two = [built(1, 1), { ...other(built(1, 2)) }];
    await Promise.all(two.map(({ path }) => run("publish", path)));
    expect((await names()).toSorted()).toEqual(two.map(({ name }) => name).toSorted());
  });

  test("when somebody else moves the pointer first, it is moved from there", async () => {
    await fresh();
    const late = built(3);
    const first = other(built(1));
    let interrupted = false;
    const slow: Store = {
      ...store,
      swap: async (...args) => {
        if (!interrupted) await publish(job(), first.path);
        interrupted = true;
        return store.swap(...args);
      },
    };
    await publish({ ...job(), store: slow }, late.path);
    expect(await names()).toEqual([first.name, late.name]);
  });

  test("an upload that was killed goes on, and leaves nothing behind", { timeout: 3 * MINUTE }, async () => {
    await fresh();
    const { path, name } = built(1);
    const killed = start("publish", path);
    killed.stdout!.once("data", () => setTimeout(() => killed.kill("SIGKILL"), 30));
    expect((await once(killed, "exit"))[1]).toBe("SIGKILL");
    expect(await store.read("latest.json")).toBeUndefined();
    await run("publish", path);
    expect((await readAll()).version).toBe("1.1.1");
    expect(
      (await store.list())
        .map(({ key: file }) => file)
        .filter((file) => file !== ".lock")
        .toSorted(),
    ).toEqual([
      "latest.json",
      ...["base.img", "manifest.json", "manifest.json.minisig", "sbom.cdx.json"].map(
        (file) => `${name}/${file}`,
      ),
    ]);
    if (kind === "s3") {
      const left = await client().send(new s3.ListMultipartUploadsCommand({ Bucket: where.split("/")[2]! }));
      expect(left.Uploads ?? []).toEqual([]);
    }
  });

  test("the list is renewed as it is; one that has expired only when somebody has looked at it", async () => {
    await fresh();
    await expect(renew(job())).rejects.toThrow("nothing has been published there");
    const { path, name } = built(1);
    await publish(job(), path);
    const { until, ...list } = await latest();
    await renew(job());
    const renewed = await latest();
    expect(renewed).toMatchObject(list);
    expect(Date.parse(renewed.until)).toBeGreaterThan(Date.parse(until));
    expect(Date.parse(renewed.until) - Date.now()).toBeGreaterThan(27 * 24 * 60 * MINUTE);

    await putLatest(signLatest({ ...list, until: "2026-01-01T00:00:00.000Z" }));
    await expect(renew(job())).rejects.toThrow(`It offers ${name}`);
    await expect(publish(job(), built(2).path)).rejects.toThrow("held until 2026-01-01 00:00 UTC");
    await renew({ ...job(), acceptExpired: true });
    expect(await names()).toEqual([name]);
  });

  test("a list that is not signed by a key of ours, or that nobody could read, is not taken up", async () => {
    await fresh();
    await publish(job(), built(1).path);
    const before = await store.read("latest.json");
    const byOther = (path: string) => sign(path, testKey(2));
    await expect(renew({ ...job(), sign: byOther })).rejects.toThrow(
      "list of base images is signed with the key",
    );
    expect(await store.read("latest.json")).toEqual(before);
    await putLatest(signLatest({ releases: [] }, testKey(2)));
    await expect(publish(job(), built(2).path)).rejects.toThrow("list of base images is signed with the key");
  });

  test("a server that refuses a swap without a reason, or always has somebody faster, is given up", async () => {
    await fresh();
    await publish(job(), built(1).path);
    const refusing: Store = { ...store, swap: async () => false };
    await expect(publish({ ...job(), store: refusing }, built(2).path)).rejects.toThrow(
      "refuses to replace latest.json",
    );
    let others = 0;
    const contended: Store = {
      ...store,
      swap: async () => {
        const { releases } = await latest();
        const until = new Date(Date.now() + MINUTE * ++others).toISOString();
        await putLatest(signLatest({ releases, until }));
        return false;
      },
    };
    await expect(publish({ ...job(), store: contended }, built(2).path)).rejects.toThrow(
      "20 times somebody else has moved latest.json first",
    );
  });

  test("a swap whose answer is lost was made all the same", async () => {
    await fresh();
    const { path, name } = built(1);
    let swaps = 0;
    const deaf: Store = {
      ...store,
      swap: async (...args) => {
        swaps++;
        await store.swap(...args);
        return false;
      },
    };
    await publish({ ...job(), store: deaf }, path);
    await renew({ ...job(), store: deaf });
    expect(await names()).toEqual([name]);
    expect(swaps).toBe(2);
  });

  test("back: the versions that are in the way are those of this flavor", async () => {
    await fresh();
    for (const day of [1, 2]) await publish(job(), built(day).path);
    await publish(job(), other(built(3)).path);
    logged.length = 0;
    await rollback(job(), "1.1.1");
    expect(logged.at(-1)).toBe("who has seen 1.1.2 takes 1.1.1 by name only; --as-new is for all");
  });

  test("as a person does: published, renewed, and taken back as new", { timeout: 2 * MINUTE }, async () => {
    await fresh();
    const all = [1, 2].map((day) => built(day));
    for (const { path } of all) await run("publish", path);
    await run("renew", all[1]!.path, []);
    await run("rollback", all[1]!.path, [all[0]!.name, "--as-new"]);
    expect((await readAll()).image.sha256).toBe(all[0]!.manifest.image.sha256);
  });

  /** As a person does; the release in `path` is the one built last. */
  function start(command: string, path: string, args: readonly string[] = []): ChildProcess {
    const mine = join(folder, randomUUID());
    fs.mkdirSync(join(mine, "cdn"), { recursive: true });
    fs.symlinkSync(path, join(mine, "cdn", path.split("/").at(-1)!));
    const manifest = JSON.parse(fs.readFileSync(join(path, "manifest.json"), "utf8")) as Manifest;
    const releases = [entryOf(manifest)];
    fs.writeFileSync(join(mine, "cdn/latest.json"), signLatest({ releases }));
    const script = join(import.meta.dirname, command);
    return spawn(script, [where, ...args, "--config", config], {
      env: { ...process.env, BASE_OUT: mine, OS_SIGNING_KEY_FILE: secret },
    });
  }

  test.each([
    ["kiosk-aarch64", "kiosk aarch64"],
    ["kiosk", "kiosk"],
  ])("of %s, which has not been built, says how: build.sh %s", async (wanted, words) => {
    await fresh();
    const child = start("publish", built(1).path, [wanted]);
    let errors = "";
    child.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    await once(child, "close");
    expect(errors).toBe(`publish: no ${wanted} has been built\n  try: base/build/build.sh ${words}\n`);
  });

  async function run(command: string, path: string, args: readonly string[] = []): Promise<void> {
    const child = start(command, path, args);
    let errors = "";
    child.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const [status] = (await once(child, "exit")) as [number];
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
  }
});

describe("a bucket", () => {
  const ORIGIN = "https://aesthetic.computer";
  let name: string;
  const logged: string[] = [];
  const log = (text: string) => logged.push(text);
  const job = (store: Store) => ({ store, keys: [key.publicKey], sign, graceMs: MINUTE, log });

  beforeEach(async () => {
    name = `os-${randomUUID()}`;
    logged.length = 0;
    await client().send(new s3.CreateBucketCommand({ Bucket: name }));
  });

  test("is private until it has a policy, and not for pages until it has a CORS rule; both are said", async () => {
    const store = bucket(name, "base of os/", log);
    const { path, manifest } = built(1);
    await publish(job(store), path);
    expect(logged.at(-1)).toMatch(/^readers get 403 for latest\.json: .* policy of docs\/deploy\.md$/);

    const Resource = `arn:aws:s3:::${name}/base of os/*`;
    const Statement = [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource }];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await client().send(new s3.PutBucketPolicyCommand({ Bucket: name, Policy }));
    await renew(job(store));
    expect(logged.at(-1)).toMatch(
      /^pages of other sites may not read latest\.json: .* CORS rule of docs\/deploy\.md$/,
    );

    const CORSConfiguration = { CORSRules: [CORS_RULE] };
    await client().send(new s3.PutBucketCorsCommand({ Bucket: name, CORSConfiguration }));
    await renew(job(store));
    expect(logged.at(-1)).toMatch(/^put latest\.json/);

    // As a browser does, which has no access of its own.
    const where = `${process.env["AWS_ENDPOINT_URL"]}/${name}/base%20of%20os`;
    const retry = new RetryPolicy({ ...DEFAULT_RETRY, giveUpAfterMs: 5000 });
    const { signal } = new AbortController();
    const wanted = { keys: [key.publicKey] };
    const found = await findRelease(`${where}/latest.json`, wanted, retry, signal);
    expect(found.manifest).toEqual(manifest);
    const part = await fetch(found.urls[0]!, { headers: { Origin: ORIGIN, Range: "bytes=5-9" } });
    expect([part.status, part.headers.get("Content-Range")]).toEqual([
      206,
      `bytes 5-9/${manifest.image.size}`,
    ]);
    expect(part.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(part.headers.get("Access-Control-Expose-Headers")).toMatch(/Content-Range.*Retry-After/);
    expect(part.headers.get("Cache-Control")).toContain("immutable");
    expect(await preflight(found.urls[0]!)).toBe(200);
    await expect(findRelease(`${where}/other/latest.json`, wanted, retry, signal)).rejects.toThrow(
      "answered 403: it is not there, or not open to everybody",
    );
  });

  /** Whether a page may ask with a Range header, which some browsers ask about first. */
  async function preflight(url: string): Promise<number | undefined> {
    const headers = {
      Origin: ORIGIN,
      "Access-Control-Request-Method": "GET",
      "Access-Control-Request-Headers": "range",
    };
    const asked = request(url, { method: "OPTIONS", headers }); // fetch would not send them
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  }

  test("an upload that somebody aborts at its very end begins anew", { timeout: 2 * MINUTE }, async () => {
    const endpoint = process.env["AWS_ENDPOINT_URL"]!;
    let ends = 0;
    // Between client and server; the signature covers the Host header, which goes on as it came.
    const between = createServer((asked, answered) => {
      const id = new URL(asked.url!, "http://any").searchParams.get("uploadId");
      const isEnd = asked.method === "POST" && id !== null;
      const forward = () => {
        const { method = "GET", headers } = asked;
        const on = request(new URL(asked.url!, endpoint), { method, headers }, (response) => {
          answered.writeHead(response.statusCode!, response.headers);
          response.pipe(answered);
        });
        asked.pipe(on);
      };
      if (isEnd && ends++ === 0) abort(name, asked.url!, id).then(forward, forward);
      else forward();
    });
    await new Promise<void>((ready) => between.listen(0, "127.0.0.1", ready));
    try {
      const { port } = between.address() as AddressInfo;
      const store = withEndpoint(`http://127.0.0.1:${port}`, () => bucket(name, "", log));
      const { path, manifest } = built(1);
      const { size, sha256 } = manifest.image;
      await store.put("image", { path: join(path, "base.img"), size }, { type: "x/y", cache: "no-store" });
      expect(await store.hash("image")).toBe(sha256);
      expect(ends).toBeGreaterThan(1);
    } finally {
      between.closeAllConnections();
      between.close();
    }
  });

  async function abort(Bucket: string, path: string, UploadId: string): Promise<void> {
    const Key = decodeURIComponent(new URL(path, "http://any").pathname).slice(Bucket.length + 2);
    await client().send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }

  // A server that knows rights: the user "publisher" of npm run test:s3, who owns nothing.
  test.runIf(process.env["OS_TEST_PUBLISHER"])(
    "a key with the rights of docs/deploy.md, and no more, can do all that publishing does",
    { timeout: 2 * MINUTE },
    async () => {
      const Principal = { AWS: ["arn:aws:iam:::user/publisher"] };
      const on = (Resource: string, ...Action: string[]) => ({
        Effect: "Allow",
        Principal,
        Action,
        Resource,
      });
      const all = `arn:aws:s3:::${name}`;
      const Statement = [
        { ...on(`${all}/base/*`, "s3:GetObject"), Principal: "*" },
        on(all, "s3:ListBucket", "s3:ListBucketMultipartUploads"),
        on(
          `${all}/base/*`,
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
          "s3:AbortMultipartUpload",
          "s3:ListMultipartUploadParts",
        ),
      ];
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
      await client().send(new s3.PutBucketPolicyCommand({ Bucket: name, Policy }));
      const owner = { ...process.env };
      Object.assign(process.env, {
        AWS_ACCESS_KEY_ID: "publisher",
        AWS_SECRET_ACCESS_KEY: process.env["OS_TEST_PUBLISHER"],
      });
      try {
        const store = bucket(name, "base/", log);
        for (const day of [1, 2]) await publish(job(store), built(day).path);
        await renew(job(store));
        await rollback(job(store), "1.1.1", true);
        await publish({ ...job(store), graceMs: 0 }, built(1).path);
        expect(logged.filter((line) => line.includes("conditional"))).toEqual([]);
        expect(logged.filter((line) => line.startsWith("readers get"))).toEqual([]); // they may read what it has put
        await expect(bucket(name, "other/", log).read("latest.json")).resolves.toBeUndefined();
        await expect(
          bucket(name, "other/", log).put("a", new Uint8Array(1), { type: "x/y", cache: "no-store" }),
        ).rejects.toThrow("was answered 403 AccessDenied: the access key may not do that there");
      } finally {
        Object.assign(process.env, owner);
      }
    },
  );

  test("what a server says no to is said with its name, its status and the place", async () => {
    const none = bucket(`${name}-not`, "base/", log);
    await expect(none.read("latest.json")).rejects.toThrow(
      `GetObject in s3://${name}-not/base/ was answered 404 NoSuchBucket: there is no such bucket`,
    );
  });

  test("an endpoint with the bucket in it is refused", () => {
    const wrong = () =>
      withEndpoint(`https://${name}.fra1.digitaloceanspaces.com`, () => bucket(name, "", log));
    expect(wrong).toThrow("it names the server, without the bucket");
  });

  test("fifty swaps by five writers: each is made once", { timeout: 5 * MINUTE }, async () => {
    const headers = { type: "text/plain", cache: "no-store" };
    const writers = Array.from({ length: 5 }, () => bucket(name, "", log));
    await Promise.all(
      writers.map(async (store, writer) => {
        for (let number = 0; number < 10; number++) {
          for (;;) {
            const found = await store.read("list");
            const text = `${found ? Buffer.from(found.bytes).toString() : ""}${writer}.${number}\n`;
            if (await store.swap("list", Buffer.from(text), headers, found?.tag)) break;
          }
        }
      }),
    );
    const lines = Buffer.from((await writers[0]!.read("list"))!.bytes)
      .toString()
      .trim()
      .split("\n");
    expect(new Set(lines).size).toBe(50);
    expect(logged).toEqual([]);
  });

  test("of a server that takes tags in no form: a warning, once, and swaps without conditions", async () => {
    await using server = await rgw({ tags: "none" });
    const store = withEndpoint(server.url, () => bucket("careless", "", log));
    await client(server.url).send(new s3.CreateBucketCommand({ Bucket: "careless" }));
    for (const day of [1, 2, 3]) await publish({ ...job(store), log: () => {} }, built(day).path);
    expect(logged).toEqual([expect.stringContaining("takes no conditional writes")]);
    expect((await store.list()).map((each) => each.key)).toContain("latest.json");
  });

  test("of a server that takes tags as they came: they are sent so", async () => {
    await using server = await rgw({ tags: "quoted" });
    const store = withEndpoint(server.url, () => bucket("usual", "", log));
    await client(server.url).send(new s3.CreateBucketCommand({ Bucket: "usual" }));
    const headers = { type: "text/plain", cache: "no-store" };
    expect(await store.swap("a", new Uint8Array(1), headers, undefined)).toBe(true);
    const { tag } = (await store.read("a"))!;
    expect(await store.swap("a", new Uint8Array(2), headers, tag)).toBe(true);
    expect(await store.swap("a", new Uint8Array(3), headers, tag)).toBe(false);
    expect(logged).toEqual([]);
  });
});

/** The CORS rule of docs/deploy.md. */
const CORS_RULE: s3.CORSRule = {
  AllowedOrigins: ["*"],
  AllowedMethods: ["GET", "HEAD"],
  AllowedHeaders: ["*"],
  ExposeHeaders: ["Content-Range", "Content-Length", "ETag", "Retry-After"],
  MaxAgeSeconds: 3600,
};

/** What `make` makes while AWS_ENDPOINT_URL is another one. */
function withEndpoint<T>(url: string, make: () => T): T {
  const before = process.env["AWS_ENDPOINT_URL"];
  process.env["AWS_ENDPOINT_URL"] = url;
  try {
    return make();
  } finally {
    process.env["AWS_ENDPOINT_URL"] = before;
  }
}

/** The same as a flavor of its own. */
function other({ path, manifest }: { path: string; manifest: Manifest }) {
  const changed: Manifest = { ...manifest, flavor: "other" };
  const name = nameOf(changed);
  const to = join(out, "cdn", name);
  fs.cpSync(path, to, { recursive: true });
  const text = JSON.stringify(changed, null, 2) + "\n";
  fs.writeFileSync(join(to, "manifest.json"), text);
  sign(join(to, "manifest.json"));
  return { path: to, manifest: changed, name };
}

function client(endpoint = process.env["AWS_ENDPOINT_URL"]!): s3.S3Client {
  return new s3.S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
  });
}
