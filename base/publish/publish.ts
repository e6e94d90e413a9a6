import { execFileSync } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ARCHITECTURES, USUAL_ARCH } from "../../src/architectures.ts";
import { parseConfig } from "../../src/config.ts";
import { SignatureError } from "../../src/errors.ts";
import { copiesName } from "../../src/release/copies.ts";
import * as list from "../../src/release/list.ts";
import { formatLatest, formatList, type Latest, parseLatest } from "../../src/release/latest.ts";
import type { Manifest } from "../../src/release/manifest.ts";
import { checkHolds, verifyLatest, verifyManifest } from "../../src/release/verify.ts";
import { compareVersions } from "../../src/release/version.ts";
import { disagreement, factsOf } from "../build/tools/image-facts.ts";
import { copyList } from "./copies.ts";
import { directory, hashOf, type HttpHeaders, sha256, type Store, type StoredObject } from "./store.ts";

const LATEST = "latest.json";
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * For how many days a list holds. It is renewed weekly, so that three renewals in a row may fail, and whoever keeps
 * newer lists from somebody can do so for four weeks.
 */
const HOLDS_DAYS = 28;

/** How often the list is tried to be moved while others move it. */
const MAX_SWAPS = 20;

/** How often a server may refuse to replace a list that nobody has changed: as others begin and fail, it may once. */
const MAX_BASELESS_REFUSALS = 3;

const FOREVER = "public, max-age=31536000, immutable";
const SOON = "public, max-age=60";
const JSON_SOON: HttpHeaders = { type: "application/json", cache: SOON };
const JSON_FOREVER: HttpHeaders = { type: "application/json", cache: FOREVER };
const SIGNATURE: HttpHeaders = { type: "text/plain", cache: SOON }; // another key may sign it anew
const SBOM: HttpHeaders = { type: "application/vnd.cyclonedx+json", cache: FOREVER };
const IMAGE: HttpHeaders = { type: "application/octet-stream", cache: FOREVER };

const COPIES: HttpHeaders = { type: "application/octet-stream", cache: FOREVER };

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
  /** Signs the manifest or list in a file, by one of these keys, and leaves the signature beside it (`.minisig`). */
  readonly sign: (path: string) => void;
  /** Whether somebody has looked at a list that has expired, and it is the right one. */
  readonly acceptExpired?: boolean;
  /** How long files stay that are no longer offered. */
  readonly graceMs: number;
  /** Called with each step, in words for a person. */
  readonly log: (text: string) => void;
}

/**
 * Put the release in the directory `path` into the store: image, list of packages, lists of copies from the releases that
 * are offered now, signature, manifest, and then the pointer. All of it is verified before anything is put, and what a reader gets is verified before the pointer moves.
 * Throws `Refusal` or `ListError` for what is not to be published, and `SignatureError`, `ManifestError` or `RangeError`
 * for a release that browsers would not take.
 */
export async function publish(job: Job, path: string): Promise<void> {
  const { store } = job;
  const release = await verified(job, path);
  const { manifest } = release;
  const name = list.nameOf(manifest);
  const entry = list.entryOf(manifest);
  const before = await latestOf(job);
  list.published(before, entry, new Date()); // refuses before a byte goes up
  await store.clean(graceStart(job), isOurs);

  const there = await store.read(`${name}/manifest.json`);
  if (there && sha256(there.bytes) !== sha256(release.bytes)) {
    const advice = `OS_VERSION=… base/build/build.sh ${manifest.flavor} ${manifest.arch}, for a version of its own`;
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
  await putCopies(job, before, manifest, join(path, manifest.image.url));
  await ensureBytes(job, `${name}/manifest.json.minisig`, release.signature, SIGNATURE);
  if (!there) await ensureBytes(job, `${name}/manifest.json`, release.bytes, JSON_FOREVER);

  const after = await point(job, (latest, now) => list.published(latest, entry, now));
  const front = after.releases.find(({ flavor, arch }) => flavor === entry.flavor && arch === entry.arch);
  if (front?.manifest !== entry.manifest) job.log(`${list.dirOf(front!)} is offered first, and stays so`);
  await lookAsReader(job);
}

/** Sign the list again, as it is, so that it holds for another `HOLDS_DAYS` days. Throws `Refusal`, `SignatureError`. */
export async function renew(job: Job): Promise<void> {
  const { releases } = await latestOf(job);
  if (releases.length === 0)
    throw new Refusal("nothing has been published there", "base/publish/publish DEST");
  await point(job, (latest) => latest, { evenIfSame: true });
  await lookAsReader(job);
}

/**
 * Offer the release that `wanted` means first again. Browsers that have seen a newer version refuse an older one, so with
 * `asNew` the same image is published once more, under a version above all of them. Throws `Refusal`, `ListError`.
 */
export async function rollback(job: Job, wanted: string | undefined, asNew = false): Promise<void> {
  const { store, log } = job;
  const latest = await latestOf(job);
  const target = list.find(latest, wanted);
  const old = list.dirOf(target);
  const manifest = await signedManifest(job, `${old}/manifest.json`);
  const size = await store.size(`${old}/${manifest.image.url}`);
  if (size !== manifest.image.size)
    throw new Refusal(`the image of ${old} is not there any more`, "base/publish/publish DEST");
  if (!asNew) {
    const after = await point(job, (now, time) => list.rolledBack(now, list.find(now, old), time));
    const newer = list.newerThan(after, target);
    if (newer.length > 0)
      log(`who has seen ${newer.join(" or ")} takes ${target.version} by name only; --as-new is for all`);
    return;
  }

  const version = list.nextVersion(latest, target, dayOf(new Date()));
  const again: Manifest = { ...manifest, version };
  const bytes = Buffer.from(JSON.stringify(again, null, 2) + "\n");
  const signature = await signed(job, bytes);
  await verifyManifest(new Uint8Array(bytes), signature.toString(), job.keys);
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
  const { manifest } = await verifyManifest(bytes, signature.toString(), keys);
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
  const text = Buffer.from(signature.bytes).toString();
  return (await verifyManifest(new Uint8Array(manifest.bytes), text, keys)).manifest;
}

/**
 * For those who have kept one of the older releases in the list: put beside the new image, which is in the file `path`,
 * which parts of it are in theirs. A release of which there is no image any more is passed over: then all is fetched.
 */
async function putCopies(job: Job, latest: list.Releases, manifest: Manifest, path: string): Promise<void> {
  const { store, log } = job;
  const name = list.nameOf(manifest);
  const older = latest.releases.filter(
    ({ flavor, arch, version }) =>
      flavor === manifest.flavor && arch === manifest.arch && compareVersions(version, manifest.version) < 0,
  );
  for (const entry of older.slice(0, list.KEEP)) {
    const from = list.dirOf(entry);
    const folder = await mkdtemp(join(tmpdir(), "os-copies-"));
    try {
      const { image } = await signedManifest(job, entry.manifest);
      const key = `${name}/${copiesName(image.sha256)}`;
      if (image.sha256 === manifest.image.sha256 || (await store.size(key)) !== undefined) continue;
      const file = join(folder, "older.img");
      await writeFile(file, store.stream(`${from}/${image.url}`));
      if ((await hashOf(createReadStream(file))) !== image.sha256) throw new Error("its image is another");
      const { packed, left } = await copyList(file, path);
      const share = Math.round((100 * left) / manifest.image.size);
      log(`${name} has ${(left / 1e6).toFixed(1)} MB (${share} %) that are not in ${from}`);
      await ensureBytes(job, key, packed, COPIES);
    } catch (error) {
      log(`who has kept ${from} will fetch all of ${name}: ${(error as Error).message}`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
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
 * Change the list by `move`, sign it, and remove what nobody can be reading any more. When somebody else has changed it
 * meanwhile, their list is read and changed instead. A list that stays the same stays as it is, unless `evenIfSame`.
 * Throws `Refusal` when the server will not have it.
 */
async function point(
  job: Job,
  move: (latest: list.Releases, now: Date) => list.Releases,
  { evenIfSame = false } = {},
): Promise<list.Releases> {
  const { store, log } = job;
  let put: Buffer | undefined;
  let tag: string | undefined;
  let baseless = 0;
  for (let tries = 0; tries < MAX_SWAPS; tries++) {
    const found = await store.read(LATEST);
    if (put && found && put.equals(found.bytes)) return await moved(); // it was taken, and the answer was lost
    baseless = put && found?.tag === tag ? baseless + 1 : 0;
    if (baseless >= MAX_BASELESS_REFUSALS) {
      throw new Refusal(
        `the server refuses to replace ${LATEST} (tag ${tag}), although nobody has changed it`,
        "another server, or report this",
      );
    }
    const { releases, retired } = await latestIn(job, found);
    const from = { releases, ...(retired ? { retired } : {}) };
    const now = new Date();
    const to = list.pruned(move(from, now), graceStart(job));
    if (!evenIfSame && JSON.stringify(from) === JSON.stringify(to)) {
      log(`${LATEST} says so already`);
      await sweep(job, to);
      return to;
    }
    put = await signedList(job, to, now);
    tag = found?.tag;
    if (await store.swap(LATEST, put, JSON_SOON, tag)) return await moved();
    await wait(Math.random() * 50 * (tries + 1)); // ms: so that several do not go on in step
  }
  throw new Refusal(`${MAX_SWAPS} times somebody else has moved ${LATEST} first`, "once more, later");

  async function moved(): Promise<list.Releases> {
    const now = parseLatest(parse(put!));
    log(`put ${LATEST}: ${now.releases.map(list.dirOf).join(", ")}, until ${now.until}`);
    await sweep(job, now);
    return now;
  }
}

/** A `latest.json`, signed, and verified as readers will. */
async function signedList(job: Job, releases: list.Releases, now: Date): Promise<Buffer> {
  const until = new Date(now.getTime() + HOLDS_DAYS * DAY_MS).toISOString();
  const text = formatList({ format: 1, until, ...releases });
  const bytes = Buffer.from(formatLatest(text, (await signed(job, Buffer.from(text))).toString()));
  await verifyLatest(parse(bytes), job.keys);
  return bytes;
}

/** Look at the list as readers do, who have no access of their own, and say what has to be done for them. */
async function lookAsReader({ store, log }: Job): Promise<void> {
  const answer = await store.look?.(LATEST).catch((error: Error) => error);
  if (!answer) return;
  const unless = "unless a CDN in front does that";
  if (answer instanceof Error) log(`whether readers reach ${LATEST} is not known: ${answer.message}`);
  else if (answer.status !== 200)
    log(
      `readers get ${answer.status} for ${LATEST}: ${unless}, give the bucket the policy of docs/deploy.md`,
    );
  else if (!answer.isForPages)
    log(
      `pages of other sites may not read ${LATEST}: ${unless}, give the bucket the CORS rule of docs/deploy.md`,
    );
}

/** Remove releases that the list does not name and no upload has touched for the time of grace, manifests first. */
async function sweep(job: Job, latest: list.Releases): Promise<void> {
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

async function latestOf(job: Job): Promise<list.Releases> {
  return latestIn(job, await job.store.read(LATEST));
}

/**
 * The list in a `latest.json`, verified. One that has expired is refused too, unless somebody says that it is right: what
 * is signed anew here is believed again, and it may be an old one that was put there.
 */
async function latestIn(job: Job, found: StoredObject | undefined): Promise<list.Releases> {
  if (!found) return list.NO_RELEASES;
  const latest: Latest = await verifyLatest(parse(found.bytes), job.keys);
  if (!job.acceptExpired) {
    try {
      checkHolds(latest, new Date());
    } catch (error) {
      const offered = latest.releases.map(list.dirOf).join(", ");
      throw new Refusal(
        `${(error as Error).message}. It offers ${offered}`,
        "the same with --accept-expired, if that is what it should offer",
      );
    }
  }
  return latest;
}

/** 2026.11.9 */
function dayOf(time: Date): string {
  return [time.getUTCFullYear(), time.getUTCMonth() + 1, time.getUTCDate()].join(".");
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** The signature file over a manifest or a list. */
async function signed({ sign }: Job, bytes: Uint8Array): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "os-sign-"));
  try {
    const path = join(folder, "signed.json");
    await writeFile(path, bytes);
    sign(path);
    return await readFile(`${path}.minisig`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * The directory of the release that `wanted` means: a flavor, for the usual architecture; a flavor and an architecture, as
 * `kiosk-aarch64`; a name; or the one built last.
 */
async function built(out: string, wanted: string | undefined): Promise<string> {
  const { releases } = parseLatest(parse(await readFile(join(out, "cdn", LATEST))));
  const found = releases.find(
    (each) =>
      wanted === undefined ||
      (each.flavor === wanted && each.arch === USUAL_ARCH) ||
      `${each.flavor}-${each.arch}` === wanted ||
      list.dirOf(each) === wanted,
  );
  if (found) return join(out, "cdn", list.dirOf(found));
  // A flavor and an architecture are one word here, and two for build.sh
  const words = wanted?.replace(new RegExp(`-(${ARCHITECTURES.map(({ arch }) => arch).join("|")})$`), " $1");
  throw new Refusal(
    `no ${wanted ?? "release"} has been built`,
    `base/build/build.sh ${words ?? ""}`.trimEnd(),
  );
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
      "accept-expired": { type: "boolean", default: false },
    },
  });
  const [where, what, ...more] = positionals;
  const graceMs = Number(values.grace) * DAY_MS;
  if (where === undefined || more.length > 0 || !(graceMs >= 0)) {
    throw new Refusal(
      "usage: base/publish/publish DEST [FLAVOR|FLAVOR-ARCH|NAME], base/publish/rollback DEST [VERSION|NAME] [--as-new], " +
        "base/publish/renew DEST",
      "base/README.md",
    );
  }
  const keys = await trustedKeys(out, values.config, values.development);
  const signer = join(base, "build/steps/sign.sh");
  const sign = (path: string) => {
    execFileSync(signer, ["tiny", path], { stdio: ["ignore", "inherit", "inherit"] });
  };
  const acceptExpired = values["accept-expired"];
  const job: Job = { store: await open(where, log), keys, sign, acceptExpired, graceMs, log };
  try {
    if (command === "publish") await publish(job, await built(out, what));
    else if (command === "renew") await renew(job);
    else await rollback(job, what, values["as-new"]);
  } finally {
    job.store.close();
  }
}

/** The command that a refusal leaves to a person, if there is one. */
function adviceOf(error: Error): string | undefined {
  if (error instanceof Refusal) return error.advice;
  if (error instanceof SignatureError)
    return "OS_SIGNING_KEY=… of a key that --config FILE has; while keys change, a FILE with both";
  if (!(error instanceof list.ListError)) return undefined;
  const { remedy } = error;
  if (remedy.kind === "build")
    return `OS_VERSION=${remedy.version} base/build/build.sh ${remedy.flavor} ${remedy.arch}`;
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
