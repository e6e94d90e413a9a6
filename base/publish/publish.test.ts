import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Manifest, parseLatest, WINDOW } from "../../src/release/manifest.ts";
import { entryOf, nameOf, newest } from "../../src/release/list.ts";
import { verifyRelease } from "../../src/release/verify.ts";
import { pattern } from "../../src/testing/bytes.ts";
import { digestOfWindow, sha256Of, testBase } from "../../src/testing/test-base.ts";
import { testKey } from "../../src/testing/sign.ts";
import { publish, rollback } from "./publish.ts";
import { bucket } from "./s3.ts";
import { directory, type Store } from "./store.ts";

const MINUTE = 60_000;
const key = testKey();
const folder = fs.mkdtempSync(join(tmpdir(), "publish-"));
const out = join(folder, "out");
const config = join(folder, "config.json");
const base = await testBase();

/** In a bucket too, of the server that AWS_ENDPOINT_URL names, if there is one here. */
const S3 = process.env["AWS_ENDPOINT_URL"] === undefined ? [] : ["s3"];

beforeAll(() => {
  const settings = { latest: "https://a/latest.json", oven: "https://b", keys: [key.publicKey] };
  fs.writeFileSync(config, JSON.stringify(settings));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

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
  fs.writeFileSync(join(path, "manifest.json.minisig"), key.sign(text));
  fs.writeFileSync(
    join(out, "cdn/latest.json"),
    JSON.stringify({ format: 1, releases: [entryOf(manifest)] }),
  );
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

describe.each(["directory", ...S3])("%s", (kind) => {
  let where: string;
  let store: Store;
  const graceMs = 7 * 24 * 60 * MINUTE;
  const logged: string[] = [];
  const job = () => ({ store, keys: [key.publicKey], graceMs, log: (text: string) => logged.push(text) });

  async function fresh(): Promise<void> {
    const name = `os-${randomUUID()}`;
    where = kind === "s3" ? `s3://${name}/base` : join(folder, name);
    if (kind === "s3") await client().send(new CreateBucketCommand({ Bucket: name }));
    store = kind === "s3" ? bucket(name, "base/", (text) => logged.push(text)) : await directory(where);
  }

  async function latest() {
    return parseLatest(JSON.parse(Buffer.from((await store.read("latest.json"))!.bytes).toString()));
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

  test("the last three are offered; what goes stays for its time of grace; twice does nothing", async () => {
    await fresh();
    const all = [1, 2, 3, 4].map((day) => built(day));
    for (const { path } of all) await publish(job(), path);
    expect(await names()).toEqual([all[3]!.name, all[2]!.name, all[1]!.name]);
    expect((await latest()).retired).toMatchObject([{ version: "1.1.1" }]);
    expect((await readAll()).version).toBe("1.1.4");
    expect(await store.size(`${all[0]!.name}/base.img`)).toBe(base.image.length);

    logged.length = 0;
    await publish(job(), all[3]!.path);
    expect(logged).toEqual(["latest.json says so already"]);

    await publish({ ...job(), graceMs: 0 }, all[3]!.path);
    expect((await latest()).retired).toBeUndefined();
    const kept = (await store.list())
      .map(({ key: file }) => file)
      .filter((file) => file.startsWith(all[0]!.name));
    expect(kept).toEqual([]);
    expect((await store.list()).length).toBe(3 * 4 + 1);
  });

  test("what would mislead is refused, and nothing of it goes up", async () => {
    await fresh();
    await publish(job(), built(5).path);
    const files = (await store.list()).length;
    await expect(publish(job(), built(5, 99).path)).rejects.toThrow("test 1.1.5 is published already");
    await expect(publish(job(), built(4).path)).rejects.toThrow("1.1.4 is older than 1.1.5");
    const wrong = built(6);
    const text = fs.readFileSync(join(wrong.path, "manifest.json"), "utf8");
    fs.writeFileSync(join(wrong.path, "manifest.json.minisig"), testKey(2).sign(text));
    await expect(publish(job(), wrong.path)).rejects.toThrow("is signed with the key");
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
    const anew = testKey(2).sign(fs.readFileSync(join(path, "manifest.json"), "utf8"));
    fs.writeFileSync(join(path, "manifest.json.minisig"), anew);
    await publish({ ...job(), keys: [testKey(2).publicKey] }, path);
    expect(Buffer.from((await store.read(`${name}/manifest.json.minisig`))!.bytes).toString()).toBe(anew);
  });

  test("back, and the bad one is not published again by itself; forward again", async () => {
    await fresh();
    const all = [1, 2, 3].map((day) => built(day));
    for (const { path } of all) await publish(job(), path);
    await rollback(job(), "1.1.1");
    expect(await names()).toEqual([all[0]!.name]);
    await expect(publish(job(), all[2]!.path)).rejects.toThrow(`${all[2]!.name} was taken out of the list`);
    await rollback(job(), all[2]!.name);
    expect(await names()).toEqual([all[2]!.name, all[0]!.name]);
    await expect(rollback(job(), "7.7.7")).rejects.toThrow("there is no release 7.7.7");
  });

  test("back under a new version, which browsers take that have seen the bad one", async () => {
    await fresh();
    for (const day of [1, 2]) await publish(job(), built(day).path);
    await rollback(job(), undefined, (path) => {
      fs.writeFileSync(`${path}.minisig`, key.sign(fs.readFileSync(path, "utf8")));
    });
    const manifest = await readAll();
    expect(manifest.image.sha256).toBe(built(1).manifest.image.sha256);
    expect(manifest.version).toMatch(/^20\d\d\.\d\d\.\d\d$/);
    expect((await latest()).releases.map(({ version }) => version)).toEqual([manifest.version, "1.1.1"]);
    expect((await latest()).retired).toMatchObject([{ version: "1.1.2" }]);
  });

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
      const left = await client().send(new ListMultipartUploadsCommand({ Bucket: where.split("/")[2]! }));
      expect(left.Uploads ?? []).toEqual([]);
    }
  });

  /** As a person does; the release in `path` is the one built last. */
  function start(command: string, path: string): ChildProcess {
    const mine = join(folder, randomUUID());
    fs.mkdirSync(join(mine, "cdn"), { recursive: true });
    fs.symlinkSync(path, join(mine, "cdn", path.split("/").at(-1)!));
    const manifest = JSON.parse(fs.readFileSync(join(path, "manifest.json"), "utf8")) as Manifest;
    const releases = [entryOf(manifest)];
    fs.writeFileSync(join(mine, "cdn/latest.json"), JSON.stringify({ format: 1, releases }));
    const script = join(import.meta.dirname, command);
    return spawn(script, [where, "--config", config], { env: { ...process.env, BASE_OUT: mine } });
  }

  async function run(command: string, path: string): Promise<void> {
    const child = start(command, path);
    let errors = "";
    child.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const [status] = (await once(child, "exit")) as [number];
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
  }
});

/** The same as a flavor of its own. */
function other({ path, manifest }: { path: string; manifest: Manifest }) {
  const changed: Manifest = { ...manifest, flavor: "other" };
  const name = nameOf(changed);
  const to = join(out, "cdn", name);
  fs.cpSync(path, to, { recursive: true });
  const text = JSON.stringify(changed, null, 2) + "\n";
  fs.writeFileSync(join(to, "manifest.json"), text);
  fs.writeFileSync(join(to, "manifest.json.minisig"), key.sign(text));
  return { path: to, manifest: changed, name };
}

function client(): S3Client {
  return new S3Client({
    endpoint: process.env["AWS_ENDPOINT_URL"]!,
    region: "us-east-1",
    forcePathStyle: true,
  });
}
