import { createSHA256 } from "hash-wasm";
import { parseOsJson, type OsJson } from "../image/os-json.ts";
import type { Bytes } from "../bytes/segment.ts";
import type { Manifest } from "../release/manifest.ts";
import { verifyManifest } from "../release/verify.ts";
import type { StickFile, StickFolder } from "./folder.ts";
import {
  BEFORE,
  canBeNamed,
  isForFirmware,
  isTokenName,
  nameOfOrigin,
  parseStickConfig,
  pathOnStick,
  PIECE_NAMES,
  PIECES,
  STICK_CFG,
  SYSTEM_NAMES,
  SYSTEMS,
  systemName,
  tokenFile,
  type StickConfig,
} from "./layout.ts";

/** The largest text file of ours, in bytes: a manifest has one digest for each 4 MiB. */
const LARGEST_TEXT = 1024 * 1024;

/** For what takes no time. */
const never = new AbortController().signal;

/** What is on a stick. Sizes in bytes. */
export interface Stick {
  /** What it starts; undefined when `stick.cfg` is missing or not ours. */
  readonly config: StickConfig | undefined;
  readonly systems: readonly StickSystem[];
  readonly pieces: readonly StickPiece[];
  /** Files of ours in `/fedac` itself, by path: tokens, also of a `stick.cfg` that is lost, and what is left of writing. */
  readonly loose: readonly string[];
  /** What is wrong, as far as names and sizes tell; `check` reads every byte. */
  readonly problems: readonly string[];
}

/** A base on a stick. */
export interface StickSystem {
  /** Its folder in `/fedac/systems`. */
  readonly folder: string;
  /** Undefined when there is none, or none that a key of ours has signed. */
  readonly manifest: Manifest | undefined;
  /** Its files, by path, in the order in which they may go. There may be others in its folder, which are the person's. */
  readonly files: readonly string[];
  readonly size: number;
}

/** A piece on a stick. */
export interface StickPiece {
  /** Its folder in `/fedac/pieces`. */
  readonly folder: string;
  /** Undefined when it cannot be read. */
  readonly os: OsJson | undefined;
  /** As those of `StickSystem`. */
  readonly files: readonly string[];
  readonly size: number;
}

/** What lies where the firmware looks, by paths there. */
export interface Held {
  /** Files of ours, in whose places nothing was before, and what is left of writing them. */
  readonly ours: readonly string[];
  /** Places of which there is a copy of what was there before, and which it can go back to. */
  readonly back: readonly string[];
  /** Places whose copies are of no use once those are back. */
  readonly spent: readonly string[];
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
    const manifest = await manifestOf(folder, name, keys);
    const ofManifest = (manifest?.files ?? []).map(({ path }) => path).filter((path) => !isForFirmware(path));
    const known = [...ofManifest.map((path) => path.slice(1)), ...SYSTEM_NAMES];
    const files = await ourFilesIn(folder, `${SYSTEMS}/${name}`, known, ["live.img", "manifest.json"]);
    if (files) systems.push({ folder: name, manifest, ...files });
  }
  const pieces: StickPiece[] = [];
  for (const name of await folders(folder, PIECES)) {
    const files = await ourFilesIn(folder, `${PIECES}/${name}`, PIECE_NAMES, ["piece.html", "os.json"]);
    if (files) pieces.push({ folder: name, os: await osJsonOf(folder, name), ...files });
  }
  const loose = (await folder.list("/fedac"))
    .filter(({ name, kind }) => {
      const origin = nameOfOrigin(name);
      return kind === "file" && (isTokenName(origin) || (origin === "stick.cfg" && name !== origin));
    })
    .map(({ name }) => `/fedac/${name}`)
    .filter((path) => path.toLowerCase() !== STICK_CFG);
  const stick = { config, systems, pieces, loose };
  return { ...stick, problems: await problemsOf(folder, stick) };
}

/**
 * The files of a base that firmware looks for whose places on this stick are taken, by files that belong to no base of
 * ours: another system starts from here, and firmware starts one only. A file of the same size as that of a base on the
 * stick is taken to be that one, damaged. Throws `StickError`.
 */
export async function placesTaken(folder: StickFolder, stick: Stick, manifest: Manifest): Promise<string[]> {
  const there = stick.systems.flatMap((system) => system.manifest?.files ?? []);
  const taken: string[] = [];
  for (const { path, length, sha256 } of manifest.files) {
    const file = isForFirmware(path) ? await folder.open(path) : undefined;
    if (!file || (await isBlank(file))) continue;
    if (there.some((each) => each.path === path && each.length === file.size)) continue;
    if (file.size !== length || (await hashOf(file, never)) !== sha256) taken.push(path);
  }
  return taken;
}

/**
 * What is copied before a base of ours takes these places, so that all that was there can come back: what is `taken`, and,
 * on a stick with nothing of ours, also what is the same as ours. A copy that is there already is another system's, and
 * is moved on to a folder that nothing of ours removes. Throws `StickError`.
 */
export async function copiesToKeep(
  folder: StickFolder,
  stick: Stick,
  manifest: Manifest,
  taken: readonly string[],
): Promise<{ from: string; to: string }[]> {
  const places = holdsOurs(stick)
    ? taken
    : manifest.files.map(({ path }) => path).filter((path) => isForFirmware(path));
  const copies: { from: string; to: string }[] = [];
  for (const path of places) {
    const file = await folder.open(path);
    if (!file || (await isBlank(file))) continue;
    const copy = await folder.open(`${BEFORE}${path}`);
    if (copy && !(await isBlank(copy)) && !(await areAlike(copy, file))) {
      for (let n = 1; ; n++) {
        const older = await folder.open(`${BEFORE}-${n}${path}`);
        if (older && (await areAlike(older, copy))) break;
        if (older) continue;
        copies.push({ from: `${BEFORE}${path}`, to: `${BEFORE}-${n}${path}` });
        break;
      }
    }
    copies.push({ from: path, to: `${BEFORE}${path}` });
  }
  return copies;
}

/** Whether a piece on a stick can be started. */
export function canStart({ folder, os }: StickPiece): boolean {
  return os !== undefined && canBeNamed(folder);
}

/** Whether there is anything of ours. */
export function holdsOurs({
  config,
  systems,
  pieces,
}: Pick<Stick, "config" | "systems" | "pieces">): boolean {
  return config !== undefined || systems.length > 0 || pieces.length > 0;
}

/**
 * What lies where the firmware looks: what of it is ours, by the bases on the stick, and what of it was kept. A file that
 * is another one than ours and its copy has come since, and is left alone with that copy. Throws `StickError`.
 */
export async function placesHeld(folder: StickFolder, stick: Stick): Promise<Held> {
  const known = stick.systems.flatMap(({ manifest }) => manifest?.files ?? []);
  const places = [...new Set(known.map(({ path }) => path).filter(isForFirmware))];
  const kept = await keptPlaces(folder);
  const held = { ours: [] as string[], back: [] as string[], spent: [] as string[] };
  const isOurs = async (path: string, file: StickFile) => {
    const alike = known.filter((each) => isSamePath(each.path, path) && each.length === file.size);
    const sha256 = alike.length > 0 ? await hashOf(file, never) : "";
    return alike.some((each) => each.sha256 === sha256) || (await isBlank(file));
  };
  const blank: string[] = []; // copies that never reached the stick
  for (const path of kept) {
    const copy = await folder.open(`${BEFORE}${path}`);
    const file = await folder.open(path);
    if (!copy || (await isBlank(copy))) blank.push(path);
    else if (file && (await areAlike(file, copy))) held.spent.push(path);
    else if (!file || (await isOurs(path, file))) {
      held.back.push(path);
      held.spent.push(path);
    }
  }
  const hasCopy = (path: string) => held.spent.some((each) => isSamePath(each, path));
  for (const path of places) {
    const at = path.slice(0, path.lastIndexOf("/"));
    const name = path.slice(at.length + 1);
    for (const each of await folder.list(at)) {
      const isLeft = each.kind === "file" && nameOfOrigin(each.name) === name.toLowerCase();
      if (isLeft && !isSamePath(each.name, name)) held.ours.push(`${at}/${each.name}`);
    }
    const file = hasCopy(path) ? undefined : await folder.open(path);
    if (file && (await isOurs(path, file))) held.ours.push(path);
  }
  held.spent.push(...blank);
  return held;
}

/** The places of which there is a copy in `/fedac/before`, all in `/EFI`. */
async function keptPlaces(folder: StickFolder, at = "/EFI", depth = 0): Promise<string[]> {
  const places: string[] = [];
  for (const { name, kind } of await folder.list(`${BEFORE}${at}`)) {
    if (kind === "file") places.push(`${at}/${name}`);
    else if (depth < 3) places.push(...(await keptPlaces(folder, `${at}/${name}`, depth + 1))); // as deep as a base's
  }
  return places;
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
function expectedOn({ config, systems, pieces }: Pick<Stick, "config" | "systems" | "pieces">): Expected[] {
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

/**
 * The files of ours in the folder at `path`, of those with `names`, and how large they are together. Undefined when the
 * folder is the person's: something is in it, and neither is all of it ours nor has it one of the `telling` names.
 */
async function ourFilesIn(
  folder: StickFolder,
  path: string,
  names: readonly string[],
  telling: readonly string[],
): Promise<{ files: string[]; size: number } | undefined> {
  const entries = await folder.list(path);
  const rank = (name: string) => names.findIndex((each) => isSamePath(each, nameOfOrigin(name)));
  const ours = entries
    .filter(({ name, kind }) => kind === "file" && rank(name) >= 0)
    .map(({ name }) => name)
    .sort((one, other) => rank(one) - rank(other));
  const isTelling = (name: string) => telling.includes(name.toLowerCase());
  if (ours.length < entries.length && !ours.some(isTelling)) return undefined;
  const deeper = names.filter((name) => name.includes("/")); // a base may have folders in its own
  const files = [...deeper, ...ours].map((name) => `${path}/${name}`);
  let size = 0;
  for (const file of files) size += (await folder.open(file))?.size ?? 0;
  return { files, size };
}

/** Whether two files have the same bytes. */
async function areAlike(one: StickFile, other: StickFile): Promise<boolean> {
  return one.size === other.size && (await hashOf(one, never)) === (await hashOf(other, never));
}

/** Whether two paths, or names, are the same on FAT. */
function isSamePath(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
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
