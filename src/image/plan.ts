import { USUAL_ARCH } from "../architectures.ts";
import type { Allowance } from "../allowances.ts";
import { BundleError, OnePieceBaseError, PartitionFullError } from "../errors.ts";
import { type FileEntry, filesystem, FilesystemError, plan } from "../ext4/filesystem.ts";
import type { Segment } from "../ext4/segment.ts";
import { folderWord } from "../piece/name.ts";
import type { Manifest } from "../release/manifest.ts";
import { lengthOf, type Bytes } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";
import { settingsFile, SETTINGS_JSON, type SealedSettings } from "../settings/settings.ts";
import { menuSplash, splash } from "../splash/splash.ts";
import { blankFiles } from "./blank-files.ts";
import { namesOf } from "./names.ts";
import { formatListing, formatOsJson, MENU, MOST_PIECES, PIECES } from "./os-json.ts";

/** A piece as it goes to a machine. */
export interface PieceFiles {
  readonly name: string;
  readonly html: Bytes;
  /** What it may use of the machine that it starts; nothing when absent. */
  readonly allow?: readonly Allowance[] | undefined;
}

/** All that goes into a piece partition: one piece, or up to `MOST_PIECES`. */
export interface PartitionContents {
  /** In the order of the menu. */
  readonly pieces: readonly [PieceFiles, ...PieceFiles[]];
  /** What the machine shows first: `MENU`, or the index of a piece. Of several the menu when absent; one starts always. */
  readonly start?: typeof MENU | number | undefined;
  /** PNG, shown while the machine starts; made from the names when absent. */
  readonly splash?: Bytes | undefined;
  /** Who builds it, as `@jeffrey`, where that is to be said on it. */
  readonly by?: string | undefined;
  /** How the machine is set up for whoever uses it; a blank `settings.json` when absent. */
  readonly settings?: SealedSettings | undefined;
}

/** For a file system that is planned and not made: where things lie does not depend on it. */
const NO_UUID = "00000000-0000-0000-0000-000000000000";

/** A piece, and where it goes. */
export interface PlannedPiece {
  readonly name: string;
  /** Below `/pieces`; "" for the only piece, which is at the top. */
  readonly folder: string;
  /** Of its page, in bytes. */
  readonly size: number;
  /** Of its page, in lower-case hex. */
  readonly sha256: string;
  readonly allow: readonly Allowance[];
}

/** A file that goes with a piece, into its partition or onto a stick. */
export interface PieceFile {
  readonly path: string;
  readonly content: Bytes;
  readonly sha256: string;
  /** Its mode, where the file system has modes: 0644 when absent. */
  readonly mode?: number;
}

/** What lies in the piece partition, decided to the last byte. */
export interface PartitionPlan {
  /** As long together as the partition. */
  readonly segments: readonly Segment[];
  readonly pieces: readonly [PlannedPiece, ...PlannedPiece[]];
}

/**
 * The file system of `contents`, which takes the place of the piece partition in an image. Time and UUID come from the
 * manifest and the files, so the same request gives the same bytes; the random bytes of its settings are a part of a
 * request. Throws `BundleError` when the piece does not fit; of several, `PartitionFullError`, which names the first that does not, and `OnePieceBaseError` for a base that takes one.
 */
export async function planPartition(manifest: Manifest, contents: PartitionContents): Promise<PartitionPlan> {
  const { length, label } = manifest.piecePartition;
  checkContents(manifest, contents);
  const pieces = await plannedPieces(contents.pieces);
  const files = await partitionFiles(manifest, contents, pieces);
  checkRoom(manifest, pieces, files);
  const segments = [
    ...filesystem(entriesOf(files), {
      size: length,
      label,
      uuid: await contentUuid(manifest, files, contents.settings),
      time: timeOf(manifest),
    }),
  ];
  const made = segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
  if (made !== length) throw new Error(`a file system of ${made} bytes for a partition of ${length}`);
  return { segments, pieces };
}

/**
 * How many bytes of files the piece partition still has room for beside `contents`, by a plan of its file system. Quick:
 * no page is copied. Throws what `planPartition` throws.
 */
export async function roomBeside(manifest: Manifest, contents: PartitionContents): Promise<number> {
  checkContents(manifest, contents);
  const pieces = await plannedPieces(contents.pieces);
  return checkRoom(manifest, pieces, await partitionFiles(manifest, contents, pieces));
}

/**
 * What a machine finds of one piece, whatever it starts from: `piece.html`, `os.json`, `splash.png`, and its
 * `settings.json` if it has any. What a machine overwrites comes beside (`blankFiles`). Throws `RangeError` for settings that
 * no reader would take, and for several pieces.
 */
export async function pieceFiles(
  manifest: Manifest,
  contents: PartitionContents,
): Promise<[PieceFile, ...PieceFile[]]> {
  if (contents.pieces.length > 1) throw new RangeError("these are the files of one piece");
  return await partitionFiles(manifest, contents, await plannedPieces(contents.pieces));
}

/**
 * Whether a machine of this base takes pieces called `names`, before anything of them is fetched. Throws
 * `OnePieceBaseError`, and `PartitionFullError` for more than there are addresses for.
 */
export function checkPieces(
  { osJson = 1, flavor, version }: Pick<Manifest, "osJson" | "flavor" | "version">,
  names: readonly string[],
): void {
  if (names.length === 1) return;
  if (osJson < 2) throw new OnePieceBaseError(`The base ${flavor} ${version} starts one piece, not several`);
  if (names.length > MOST_PIECES) {
    const one = names[MOST_PIECES];
    throw new PartitionFullError(`A stick offers ${MOST_PIECES} pieces at most, and ${one} is one too many`);
  }
}

function checkContents(manifest: Manifest, { pieces, start }: PartitionContents): void {
  checkPieces(
    manifest,
    pieces.map(({ name }) => name),
  );
  if (typeof start === "number" && !pieces[start]) throw new RangeError(`there is no piece ${start}`);
}

async function plannedPieces(pieces: PartitionContents["pieces"]): Promise<PartitionPlan["pieces"]> {
  const folders = pieces.length > 1 ? foldersOf(pieces.map(({ name }) => name)) : [""];
  const planned = pieces.map(async ({ name, html, allow = [] }, i) => ({
    name,
    folder: folders[i]!,
    size: html.length,
    sha256: await sha256(html),
    allow,
  }));
  const [first, ...others] = await Promise.all(planned);
  return [first!, ...others];
}

/** A folder for each of the pieces called `names`, no two alike and none called as the menu. */
export function foldersOf(names: readonly string[]): string[] {
  const taken = new Set<string>([MENU]);
  return names.map((name) => {
    const word = folderWord(name);
    let folder = word;
    for (let n = 2; taken.has(folder); n++) folder = `${word}-${n}`;
    taken.add(folder);
    return folder;
  });
}

/** Every file of the partition. One piece lies at the top, as all did before there were several. */
async function partitionFiles(
  manifest: Manifest,
  { pieces, start = MENU, splash: own, by, settings }: PartitionContents,
  planned: PartitionPlan["pieces"],
): Promise<[PieceFile, ...PieceFile[]]> {
  const base = baseInWords(manifest);
  const [only] = planned;
  const common: PieceFile[] = [];
  const others: PieceFile[] = [];
  if (planned.length === 1) {
    const { name: piece, size, sha256: digest, allow } = only;
    const text = formatOsJson({ format: 1, piece, size, sha256: digest, base, allow, by });
    common.push({ path: "piece.html", content: pieces[0].html, sha256: digest });
    common.push(await pieceFile("os.json", encode(text)));
    common.push(await pieceFile("splash.png", own ?? (await splash(piece, by))));
  } else {
    const listed = planned.map(({ name: piece, ...of }) => ({ piece, ...of, unknown: [] }));
    const [first, ...rest] = listed;
    const starts = start === MENU ? undefined : planned[start];
    const text = formatListing({ start: starts?.folder ?? MENU, pieces: [first!, ...rest], base, by });
    const names = planned.map(({ name }) => name);
    const picture = own ?? (starts ? await splash(starts.name, by) : await menuSplash(names, by));
    common.push(await pieceFile("os.json", encode(text)));
    common.push(await pieceFile("splash.png", picture));
    for (const [i, { name, folder, sha256: digest }] of planned.entries()) {
      others.push({ path: `${PIECES}/${folder}/piece.html`, content: pieces[i]!.html, sha256: digest });
      others.push(await pieceFile(`${PIECES}/${folder}/splash.png`, await splash(name))); // in the menu
    }
  }
  // For root alone: it holds passphrases
  if (settings) common.push({ ...(await pieceFile(SETTINGS_JSON, settingsFile(settings))), mode: 0o600 });
  const [head, ...tail] = [...common, ...others];
  return [head!, ...tail];
}

/**
 * The bytes that are left in the partition. Throws `BundleError`, or of several `PartitionFullError` with the first that
 * there is no room for beside those before it.
 */
function checkRoom(manifest: Manifest, pieces: PartitionPlan["pieces"], files: readonly PieceFile[]): number {
  const { length, label } = manifest.piecePartition;
  const place = (some: readonly PieceFile[]) => {
    const options = { size: length, label, uuid: NO_UUID, time: timeOf(manifest) };
    return plan(entriesOf(some), options).freeBytes;
  };
  const attempt = (some: readonly PieceFile[]): number | FilesystemError => {
    try {
      return place(some);
    } catch (error) {
      if (error instanceof FilesystemError && error.missing !== undefined) return error;
      throw error;
    }
  };
  const all = attempt(files);
  if (typeof all === "number") return all;
  const [only] = pieces;
  if (pieces.length === 1) {
    throw new BundleError(`${only.name} does not fit its partition of ${length} bytes: ${all.message}`, {
      cause: all,
    });
  }
  let left = 0;
  for (const [i, { name, size }] of pieces.entries()) {
    const without = new Set(pieces.slice(i + 1).map(({ folder }) => `${PIECES}/${folder}/`));
    const some = files.filter(({ path }) => ![...without].some((folder) => path.startsWith(folder)));
    const room = attempt(some);
    if (typeof room === "number") {
      left = room;
      continue;
    }
    const before = i === 0 ? "" : ` beside ${namesOf(pieces.slice(0, i).map(({ name: of }) => of))}`;
    throw new PartitionFullError(
      `There is no room for ${name}${before}: it has ${size} bytes, and ` +
        (i === 0 ? `the partition ${length}` : `${left} are left of the partition's ${length}`),
      { cause: room },
    );
  }
  throw all; // a partition without room for anything, which no manifest has
}

/**
 * All that is in the partition. Its root belongs to root, mode 0755: the kiosk's user is to find the pieces, and not to change or
 * move them.
 */
function entriesOf(files: readonly PieceFile[]): FileEntry[] {
  const all = [...files, ...blankFiles(files)];
  return all.map(({ path, content, mode }) => ({ path, content, ...(mode !== undefined && { mode }) }));
}

function timeOf({ created }: Manifest): number {
  return Date.parse(created) / 1000;
}

async function pieceFile(path: string, content: Bytes): Promise<PieceFile> {
  return { path, content, sha256: await sha256(content) };
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/**
 * A UUID of version 8 (RFC 9562, section 5.8) from the base and all files, so that the boot loader can tell apart two
 * sticks made from one base. Everybody may see it, so of the settings it has their random bytes alone: whoever guesses at a
 * passphrase learns nothing from it.
 */
async function contentUuid(
  manifest: Manifest,
  files: readonly PieceFile[],
  settings: SealedSettings | undefined,
): Promise<string> {
  const digests = files
    .filter(({ path }) => path !== SETTINGS_JSON)
    .map(({ sha256: digest, path }) => `${digest}  ${path}`);
  const all = [manifest.image.sha256, ...digests, ...(settings ? [settings.random] : [])].join("\n");
  const hex = await sha256(new TextEncoder().encode(all));
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What `os.json` says of a base: `fedac-os kiosk 2026.11.24`, and the architecture where that is not the usual one. */
export function baseInWords({ name, flavor, version, arch }: Manifest): string {
  return [name, flavor, version, ...(arch === USUAL_ARCH ? [] : [arch])].join(" ");
}
