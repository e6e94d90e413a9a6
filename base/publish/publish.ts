import { execFileSync } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseConfig } from "../../src/config.ts";
import * as list from "../../src/release/list.ts";
import { type Latest, type Manifest, parseLatest, parseManifest } from "../../src/release/manifest.ts";
import { verifySignature } from "../../src/release/minisign.ts";
import { disagreement, factsOf } from "../build/tools/image-facts.ts";
import { directory, hashOf, type HttpHeaders, sha256, type Store, type StoredObject } from "./store.ts";

const LATEST = "latest.json";
const DAY_MS = 24 * 60 * 60 * 1000;

const FOREVER = "public, max-age=31536000, immutable";
const SOON = "public, max-age=60";
const JSON_SOON: HttpHeaders = { type: "application/json", cache: SOON };
const JSON_FOREVER: HttpHeaders = { type: "application/json", cache: FOREVER };
const SIGNATURE: HttpHeaders = { type: "text/plain", cache: SOON }; // another key may sign it anew
const SBOM: HttpHeaders = { type: "application/vnd.cyclonedx+json", cache: FOREVER };
const IMAGE: HttpHeaders = { type: "application/octet-stream", cache: FOREVER };

/** What was asked for is not done, and `advice` is a command to use instead. */
class Refusal extends Error {
  override readonly name = "Refusal";
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/** What publishing and rolling back have in common. */
interface Job {
  readonly store: Store;
  /** minisign public keys: what none of them has signed is not published. */
  readonly keys: readonly string[];
  /** How long files stay that are no longer offered. */
  readonly graceMs: number;
  /** Called with each step, in words for a person. */
  readonly log: (text: string) => void;
}

/**
 * Put the release in the directory `path` into the store: image, list of packages, signature, manifest, and then the
 * pointer. All of it is verified before anything is put, and what a reader gets is verified before the pointer moves.
 * Throws `Refusal` or `ListError` for what is not to be published, and `SignatureError`, `ManifestError` or `RangeError`
 * for a release that browsers would not take.
 */
export async function publish(job: Job, path: string): Promise<void> {
  const { store } = job;
  const release = await verified(job, path);
  const { manifest } = release;
  const name = list.nameOf(manifest);
  const entry = list.entryOf(manifest);
  list.published(await latestOf(store), entry, new Date()); // refuses before a byte goes up
  await store.clean(graceStart(job), isOurs);

  const there = await store.read(`${name}/manifest.json`);
  if (there && sha256(there.bytes) !== sha256(release.bytes)) {
    const advice = `OS_VERSION=… base/build/build.sh ${manifest.flavor}, for a version of its own`;
    throw new Refusal(`${name} is published already, with another manifest`, advice);
  }
  if (!there) {
    const image = join(path, manifest.image.url);
    await ensure(job, `${name}/${manifest.image.url}`, image, manifest.image.sha256, IMAGE);
    if (manifest.sbom) {
      await ensure(
        job,
        `${name}/${manifest.sbom.url}`,
        join(path, manifest.sbom.url),
        manifest.sbom.sha256,
        SBOM,
      );
    }
  }
  await ensureBytes(job, `${name}/manifest.json.minisig`, release.signature, SIGNATURE);
  if (!there) await ensureBytes(job, `${name}/manifest.json`, release.bytes, JSON_FOREVER);

  const after = await point(job, (latest, now) => list.published(latest, entry, now));
  const front = after.releases.find(({ flavor, arch }) => flavor === entry.flavor && arch === entry.arch);
  if (front?.manifest !== entry.manifest) job.log(`${list.dirOf(front!)} is offered first, and stays so`);
}

/**
 * Offer the release that `wanted` means first again. Browsers that have seen a newer version refuse an older one, so with
 * `sign` the same image is published once more, under a version above all of them: `sign` is given the path of a
 * manifest and leaves its signature beside it. Throws `Refusal`, `ListError`.
 */
export async function rollback(
  job: Job,
  wanted: string | undefined,
  sign?: (path: string, flavor: string) => void,
): Promise<void> {
  const { store, log } = job;
  const latest = await latestOf(store);
  const target = list.find(latest, wanted);
  const old = list.dirOf(target);
  const manifest = await signedManifest(job, `${old}/manifest.json`);
  const size = await store.size(`${old}/${manifest.image.url}`);
  if (size !== manifest.image.size)
    throw new Refusal(`the image of ${old} is not there any more`, "base/publish/publish DEST");
  if (!sign) {
    const after = await point(job, (now, time) => list.rolledBack(now, list.find(now, old), time));
    const seen = [...after.releases, ...(after.retired ?? [])].map(({ version }) => version);
    log(
      `who has seen a newer version than ${target.version} (${seen.join(", ")}) takes it by name only; --as-new is for all`,
    );
    return;
  }

  const version = list.nextVersion(
    latest,
    target,
    new Date().toISOString().slice(0, 10).replaceAll("-", "."),
  );
  const again: Manifest = { ...manifest, version };
  const bytes = Buffer.from(JSON.stringify(again, null, 2) + "\n");
  const signature = await signed(bytes, again.flavor, sign);
  await verifySignature(new Uint8Array(bytes), signature.toString(), job.keys);
  const name = list.nameOf(again);
  for (const [file, digest, headers] of [
    [again.image.url, again.image.sha256, IMAGE],
    ...(again.sbom ? [[again.sbom.url, again.sbom.sha256, SBOM] as const] : []),
  ] as const) {
    log(`copy ${old}/${file} to ${name}/`);
    await store.copy(`${old}/${file}`, `${name}/${file}`, headers);
    await check(store, `${name}/${file}`, digest);
  }
  await ensureBytes(job, `${name}/manifest.json.minisig`, signature, SIGNATURE);
  await ensureBytes(job, `${name}/manifest.json`, bytes, JSON_FOREVER);
  await point(job, (now, time) => list.rolledBack(now, list.find(now, old), time, list.entryOf(again)));
}

/**
 * The release in the directory `path`, with all that a browser checks: signature, manifest, the image's partition table,
 * size and SHA-256, the digest of each window, the SHA-256 state. The image is read once.
 */
async function verified({ keys }: Job, path: string) {
  const bytes = new Uint8Array(await readFile(join(path, "manifest.json")));
  const signature = await readFile(join(path, "manifest.json.minisig"));
  await verifySignature(bytes, signature.toString(), keys);
  const manifest = parseManifest(parse(bytes));
  const { image, sbom } = manifest;
  const fileOf = (url: string) => {
    if (url !== basename(url)) throw new RangeError(`${url} is not beside its manifest`);
    return join(path, url);
  };
  const mismatch = (url: string, what: string) =>
    new RangeError(`${list.nameOf(manifest)}: ${url} is not what its manifest says: ${what}`);
  const { size } = await stat(fileOf(image.url));
  if (size !== image.size) throw mismatch(image.url, `its size is ${size}, not ${image.size}`);
  const wrong = disagreement(manifest, await factsOf(fileOf(image.url), manifest.files));
  if (wrong !== undefined) throw mismatch(image.url, wrong);
  if (sbom) {
    const digest = await hashOf(createReadStream(fileOf(sbom.url)));
    if (digest !== sbom.sha256) throw mismatch(sbom.url, `its SHA-256 is ${digest}, not ${sbom.sha256}`);
  }
  return { manifest, bytes, signature };
}

/** A manifest in the store. Throws `SignatureError` when its signature is not good, `Refusal` when it is not there. */
async function signedManifest({ store, keys }: Job, key: string): Promise<Manifest> {
  const [manifest, signature] = [await store.read(key), await store.read(`${key}.minisig`)];
  if (!manifest || !signature) throw new Refusal(`${key} is not there any more`, "base/publish/publish DEST");
  await verifySignature(new Uint8Array(manifest.bytes), Buffer.from(signature.bytes).toString(), keys);
  return parseManifest(parse(manifest.bytes));
}

/** Put the file `path` into the store under `key`, unless it is there, and read it back. */
async function ensure(
  { store, log }: Job,
  key: string,
  path: string,
  digest: string,
  headers: HttpHeaders,
): Promise<void> {
  const { size } = await stat(path);
  if ((await store.size(key)) === size && (await store.hash(key)) === digest) return; // from an attempt that went no further
  log(`put ${key} (${(size / 1e6).toFixed(1)} MB)`);
  await store.put(key, { path, size }, headers);
  await check(store, key, digest);
}

async function ensureBytes(
  { store, log }: Job,
  key: string,
  bytes: Uint8Array,
  headers: HttpHeaders,
): Promise<void> {
  const found = await store.read(key);
  if (found && sha256(found.bytes) === sha256(bytes)) return;
  log(`put ${key}`);
  await store.put(key, bytes, headers);
  await check(store, key, sha256(bytes));
}

async function check(store: Store, key: string, digest: string): Promise<void> {
  const got = await store.hash(key);
  if (got !== digest) throw new RangeError(`${key} comes back with SHA-256 ${got}, not ${digest}`);
}

/**
 * Change `latest.json` by `move`, and remove what nobody can be reading any more. When somebody else has changed it
 * meanwhile, their list is read and changed instead.
 */
async function point(job: Job, move: (latest: Latest, now: Date) => Latest): Promise<Latest> {
  const { store, log } = job;
  for (;;) {
    const found = await store.read(LATEST);
    const from = latestIn(found);
    const to = list.expired(move(from, new Date()), graceStart(job));
    if (JSON.stringify(from) === JSON.stringify(to)) {
      log(`${LATEST} says so already`);
    } else {
      const bytes = Buffer.from(JSON.stringify(parseLatest(to), null, 2) + "\n");
      if (!(await store.swap(LATEST, bytes, JSON_SOON, found?.tag))) continue;
      log(`put ${LATEST}: ${to.releases.map(list.dirOf).join(", ")}`);
    }
    await sweep(job, to);
    return to;
  }
}

/** Remove releases that the list does not name and no upload has touched for the time of grace, manifests first. */
async function sweep(job: Job, latest: Latest): Promise<void> {
  const { store, log } = job;
  const stay = list.namesIn(latest);
  const old = new Map<string, { keys: string[]; touched: number }>();
  for (const { key, modified } of await store.list()) {
    const name = list.releaseOf(key);
    if (name === undefined || stay.has(name)) continue;
    const { keys, touched } = old.get(name) ?? { keys: [], touched: 0 };
    old.set(name, { keys: [...keys, key], touched: Math.max(touched, modified.getTime()) });
  }
  for (const [name, { keys, touched }] of old) {
    if (touched > graceStart(job).getTime()) continue;
    log(`remove ${name}`);
    const isManifest = (key: string) => Number(key.endsWith("/manifest.json"));
    for (const key of keys.toSorted((one, other) => isManifest(other) - isManifest(one)))
      await store.remove(key);
  }
}

/** What was retired or left before this time can be removed. */
function graceStart({ graceMs }: Job): Date {
  return new Date(Date.now() - graceMs);
}

function isOurs(key: string): boolean {
  return key.startsWith(LATEST) || list.releaseOf(key) !== undefined;
}

async function latestOf(store: Store): Promise<Latest> {
  return latestIn(await store.read(LATEST));
}

function latestIn(found: StoredObject | undefined): Latest {
  return found ? parseLatest(parse(found.bytes)) : list.NO_RELEASES;
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function signed(bytes: Uint8Array, flavor: string, sign: (path: string, flavor: string) => void) {
  const folder = await mkdtemp(join(tmpdir(), "os-rollback-"));
  try {
    const path = join(folder, "manifest.json");
    await writeFile(path, bytes);
    sign(path, flavor);
    return await readFile(`${path}.minisig`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The directory of the release that `wanted` means (a flavor, a name, or the one built last). */
async function built(out: string, wanted: string | undefined): Promise<string> {
  const { releases } = parseLatest(parse(await readFile(join(out, "cdn", LATEST))));
  const found = releases.find(
    (each) => wanted === undefined || each.flavor === wanted || list.dirOf(each) === wanted,
  );
  if (found) return join(out, "cdn", list.dirOf(found));
  throw new Refusal(`no ${wanted ?? "release"} has been built`, `base/build/build.sh ${wanted ?? ""}`);
}

async function trustedKeys(out: string, config: string, development: boolean): Promise<string[]> {
  const { keys } = parseConfig(parse(await readFile(config)));
  if (!development) {
    if (keys.length > 0) return [...keys];
    throw new Refusal(`${config} pins no key`, "put the public key into its keys, or --development");
  }
  const files = existsSync(join(out, "keys")) ? await readdir(join(out, "keys")) : [];
  const texts = files
    .filter((file) => file.endsWith(".pub"))
    .map((file) => readFile(join(out, "keys", file), "utf8"));
  return [...keys, ...(await Promise.all(texts)).map((text) => text.split("\n")[1] ?? "")];
}

async function open(where: string, log: (text: string) => void): Promise<Store> {
  const [, name, prefix = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(where) ?? [];
  if (name === undefined) return directory(where);
  const { bucket } = await import("./s3.ts"); // a directory does without AWS's client
  return bucket(name, prefix === "" ? "" : `${prefix.replace(/\/+$/, "")}/`, log);
}

async function main(command: string | undefined, args: string[]): Promise<void> {
  const base = resolve(import.meta.dirname, "..");
  const out = process.env["BASE_OUT"] ?? join(base, "out");
  const log = (text: string) => console.log(text);
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      config: { type: "string", default: join(base, "../public/aesthetic.computer/os/config.json") },
      development: { type: "boolean", default: false },
      grace: { type: "string", default: "7" },
      "as-new": { type: "boolean", default: false },
    },
  });
  const [where, what, ...more] = positionals;
  const graceMs = Number(values.grace) * DAY_MS;
  if (where === undefined || more.length > 0 || !(graceMs >= 0)) {
    throw new Refusal(
      "usage: base/publish/publish DEST [FLAVOR|NAME], base/publish/rollback DEST [VERSION|NAME] [--as-new]",
      "base/README.md",
    );
  }
  const keys = await trustedKeys(out, values.config, values.development);
  const job: Job = { store: await open(where, log), keys, graceMs, log };
  try {
    if (command === "publish") return await publish(job, await built(out, what));
    const sign = (path: string, flavor: string) => {
      execFileSync(join(base, "build/steps/sign.sh"), [flavor, path], {
        stdio: ["ignore", "inherit", "inherit"],
      });
    };
    await rollback(job, what, values["as-new"] ? sign : undefined);
  } finally {
    job.store.close();
  }
}

/** The command that a refusal leaves to a person, if there is one. */
function adviceOf(error: Error): string | undefined {
  if (error instanceof Refusal) return error.advice;
  if (!(error instanceof list.ListError)) return undefined;
  const { remedy } = error;
  if (remedy.kind === "build") return `OS_VERSION=${remedy.version} base/build/build.sh ${remedy.flavor}`;
  const commands = remedy.names.map((name) => `base/publish/rollback DEST ${name}`);
  return commands.join(", or ") || "base/publish/publish DEST";
}

if (process.argv[1] === import.meta.filename) {
  const [command, ...args] = process.argv.slice(2);
  await main(command, args).catch((error: Error) => {
    process.stderr.write(`${command}: ${error.message}\n`);
    const advice = adviceOf(error);
    if (advice !== undefined) process.stderr.write(`  try: ${advice}\n`);
    process.exitCode = 1;
  });
}
