import { createSHA256 } from "hash-wasm";
import { parseOsJson, type OsJson } from "../image/os-json.ts";
import type { Bytes } from "../bytes/segment.ts";
import type { Manifest } from "../release/manifest.ts";
import { verifyManifest } from "../release/verify.ts";
import type { StickFile, StickFolder } from "./folder.ts";
import {
  BEFORE,
  isForFirmware,
  parseStickConfig,
  pathOnStick,
  PIECES,
  STICK_CFG,
  SYSTEMS,
  systemName,
  tokenFile,
  type StickConfig,
} from "./layout.ts";

/** The largest text file of ours, in bytes: a manifest has one digest for each 4 MiB. */
const LARGEST_TEXT = 1024 * 1024;

/** What is on a stick. Sizes in bytes. */
export interface Stick {
  /** What it starts; undefined when `stick.cfg` is missing or not ours. */
  readonly config: StickConfig | undefined;
  readonly systems: readonly StickSystem[];
  readonly pieces: readonly StickPiece[];
  /** What is wrong, as far as names and sizes tell; `check` reads every byte. */
  readonly problems: readonly string[];
}

/** A base on a stick. */
export interface StickSystem {
  /** Its folder in `/fedac/systems`. */
  readonly folder: string;
  /** Undefined when there is none, or none that a key of ours has signed. */
  readonly manifest: Manifest | undefined;
  readonly size: number;
}

/** A piece on a stick. */
export interface StickPiece {
  /** Its folder in `/fedac/pieces`. */
  readonly folder: string;
  /** Undefined when it cannot be read. */
  readonly os: OsJson | undefined;
  readonly size: number;
}

/** What a file has to be. */
interface Expected {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/**
 * Look at what is on a stick: names, sizes, and the few small files that say what the rest is. `keys` are minisign
 * public keys, one of which must have signed a base's manifest for it to be believed. Throws `StickError`.
 */
export async function look(folder: StickFolder, keys: readonly string[]): Promise<Stick> {
  await folder.list("/"); // throws when there is no stick any more, which is not an empty one
  const config = parseStickConfig((await text(folder, STICK_CFG)) ?? "");
  const systems: StickSystem[] = [];
  for (const name of await folders(folder, SYSTEMS)) {
    const [manifest, size] = await Promise.all([
      manifestOf(folder, name, keys),
      sizeOf(folder, `${SYSTEMS}/${name}`),
    ]);
    systems.push({ folder: name, manifest, size });
  }
  const pieces: StickPiece[] = [];
  for (const name of await folders(folder, PIECES)) {
    const os = await osJsonOf(folder, name);
    pieces.push({ folder: name, os, size: await sizeOf(folder, `${PIECES}/${name}`) });
  }
  const stick = { config, systems, pieces };
  return { ...stick, problems: await problemsOf(folder, stick) };
}

/**
 * The files of a base that firmware looks for whose places on this stick are taken, by files that belong to no base of
 * ours: another system starts from here, and firmware starts one only. Throws `StickError`.
 */
export async function placesTaken(folder: StickFolder, stick: Stick, manifest: Manifest): Promise<string[]> {
  const ours = [manifest, ...stick.systems.map((system) => system.manifest)].flatMap(
    (each) => each?.files ?? [],
  );
  const taken: string[] = [];
  for (const { path } of manifest.files) {
    const file = isForFirmware(path) ? await folder.open(path) : undefined;
    if (!file || (await isBlank(file))) continue;
    const alike = ours.filter((each) => each.path === path && each.length === file.size);
    const sha256 = alike.length > 0 ? await hashOf(file, new AbortController().signal) : "";
    if (!alike.some((each) => each.sha256 === sha256)) taken.push(path);
  }
  return taken;
}

/** Whether there is anything of ours. */
export function holdsOurs({ config, systems, pieces }: Omit<Stick, "problems">): boolean {
  return config !== undefined || systems.length > 0 || pieces.length > 0;
}

/**
 * What of ours lies where the firmware looks, by the bases on the stick, and which of these places have a copy of what was
 * there before: what `planTakeOff` needs. Throws `StickError`.
 */
export async function placesHeld(
  folder: StickFolder,
  stick: Stick,
): Promise<{ ours: string[]; before: string[] }> {
  const manifests = stick.systems.flatMap(({ manifest }) => manifest ?? []);
  const places = new Set(
    manifests.flatMap(({ files }) => files.map(({ path }) => path)).filter(isForFirmware),
  );
  const held: { ours: string[]; before: string[] } = { ours: [], before: [] };
  for (const path of places) {
    const copy = await folder.open(`${BEFORE}${path}`);
    if (copy && !(await isBlank(copy))) held.before.push(path);
    const file = await folder.open(path);
    if (!file) continue;
    const sha256 = await hashOf(file, new AbortController().signal);
    const isOurs = manifests.some(({ files }) =>
      files.some((each) => each.path === path && each.sha256 === sha256),
    );
    if (isOurs || (await isBlank(file))) held.ours.push(path);
  }
  return held;
}

/**
 * Read every file that the stick starts with, and all its pieces, and say of each what is wrong with it; nothing when
 * all is whole. `onRead` is told how many bytes have been read, of how many. Throws `StickError`, and the reason that
 * `stop` is aborted with.
 */
export async function check(
  folder: StickFolder,
  stick: Stick,
  onRead: (read: number, of: number) => void,
  stop: AbortSignal,
): Promise<string[]> {
  const expected = expectedOn(stick);
  const total = expected.reduce((sum, file) => sum + file.size, 0);
  const problems = [...stick.problems];
  let before = 0;
  for (const file of expected) {
    const found = await folder.open(file.path);
    if (found?.size === file.size) {
      const start = before;
      const sha256 = await hashOf(found, stop, (read) => onRead(start + read, total));
      if (sha256 !== file.sha256) problems.push(`${file.path} is damaged`);
    }
    before += file.size;
    onRead(before, total);
  }
  return problems;
}

/** The SHA-256 of a file, in lower-case hex. Throws `StickError`, and the reason that `stop` is aborted with. */
export async function hashOf(
  file: StickFile,
  stop: AbortSignal,
  onRead: (read: number) => void | Promise<void> = () => {},
): Promise<string> {
  const hash = (await createSHA256()).init();
  let read = 0;
  for await (const chunk of file.chunks()) {
    stop.throwIfAborted();
    hash.update(chunk);
    await onRead((read += chunk.length));
  }
  return hash.digest("hex");
}

/** Every file whose content is known: those of the base that starts, and the pages of all pieces. */
function expectedOn({ config, systems, pieces }: Omit<Stick, "problems">): Expected[] {
  const system = systems.find(({ folder }) => folder === config?.system)?.manifest;
  const ofSystem = (system?.files ?? []).map(({ path, length, sha256 }) => {
    return { path: pathOnStick(system!, path), size: length, sha256 };
  });
  const ofPieces = pieces.flatMap(({ folder, os }) =>
    os ? [{ path: `${PIECES}/${folder}/piece.html`, size: os.size, sha256: os.sha256 }] : [],
  );
  return [...ofSystem, ...ofPieces];
}

async function problemsOf(folder: StickFolder, stick: Omit<Stick, "problems">): Promise<string[]> {
  const { config, systems, pieces } = stick;
  if (!holdsOurs(stick)) return [];
  const problems: string[] = [];
  if (!config) problems.push(`${STICK_CFG} is missing or is not ours`);
  else {
    if (!(await folder.open(tokenFile(config.token)))) problems.push(`${tokenFile(config.token)} is missing`);
    const system = systems.find(({ folder: name }) => name === config.system);
    if (!system) problems.push(`${SYSTEMS}/${config.system}, which is to start, is missing`);
    else if (!system.manifest) problems.push(`${SYSTEMS}/${config.system} has no manifest that is signed`);
    if (config.folder !== "" && !pieces.some(({ folder: name }) => name === config.folder)) {
      problems.push(`${PIECES}/${config.folder}, which is to start, is missing`);
    }
  }
  for (const { folder: name, os } of pieces) {
    if (!os) problems.push(`${PIECES}/${name} has no os.json that can be read`);
  }
  for (const { path, size } of expectedOn(stick)) {
    const found = await folder.open(path);
    if (!found) problems.push(`${path} is missing`);
    else if (found.size !== size) problems.push(`${path} has ${found.size} bytes instead of ${size}`);
  }
  return problems;
}

/** Whether a file starts with nothing: what is left of one when a stick is pulled out before it has reached it. */
export async function isBlank(file: StickFile): Promise<boolean> {
  for await (const chunk of file.chunks()) return chunk.subarray(0, 512).every((byte) => byte === 0);
  return true;
}

async function manifestOf(
  folder: StickFolder,
  name: string,
  keys: readonly string[],
): Promise<Manifest | undefined> {
  const manifest = await bytesOf(folder, `${SYSTEMS}/${name}/manifest.json`);
  const signature = await text(folder, `${SYSTEMS}/${name}/manifest.json.minisig`);
  if (!manifest || signature === undefined) return undefined;
  try {
    const { manifest: signed } = await verifyManifest(manifest, signature, keys);
    return systemName(signed) === name ? signed : undefined; // else a release under the name of another
  } catch {
    return undefined; // damaged, or not ours
  }
}

async function osJsonOf(folder: StickFolder, name: string): Promise<OsJson | undefined> {
  try {
    return parseOsJson((await text(folder, `${PIECES}/${name}/os.json`)) ?? "");
  } catch {
    return undefined;
  }
}

async function folders(folder: StickFolder, path: string): Promise<string[]> {
  const entries = await folder.list(path);
  return entries
    .filter(({ kind }) => kind === "directory")
    .map(({ name }) => name)
    .sort();
}

async function sizeOf(folder: StickFolder, path: string): Promise<number> {
  let size = 0;
  for (const { name, kind } of await folder.list(path)) {
    size +=
      kind === "directory"
        ? await sizeOf(folder, `${path}/${name}`)
        : ((await folder.open(`${path}/${name}`))?.size ?? 0);
  }
  return size;
}

async function text(folder: StickFolder, path: string): Promise<string | undefined> {
  const bytes = await bytesOf(folder, path);
  return bytes && new TextDecoder().decode(bytes);
}

/** A small file of ours; undefined when there is none, or it is larger than any of ours. */
async function bytesOf(folder: StickFolder, path: string): Promise<Bytes | undefined> {
  const file = await folder.open(path);
  if (!file || file.size > LARGEST_TEXT) return undefined;
  const all = new Uint8Array(file.size);
  let at = 0;
  for await (const chunk of file.chunks()) {
    if (at + chunk.length > all.length) return undefined; // it grew
    all.set(chunk, at);
    at += chunk.length;
  }
  return at === all.length ? all : undefined;
}
