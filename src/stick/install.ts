import { OtherSystemError, StickError } from "../errors.ts";
import type { WindowSources } from "../fetch/downloader.ts";
import { windowsOf, type Manifest } from "../release/manifest.ts";
import { baseFileReader } from "./base-files.ts";
import type { StickProgress } from "../messages.ts";
import { carryOut } from "./carry-out.ts";
import type { StickFolder } from "./folder.ts";
import { FIRMWARE } from "./layout.ts";
import {
  canStart,
  copiesToKeep,
  isBlank,
  look,
  placesHeld,
  placesTaken,
  type Held,
  type Stick,
} from "./look.ts";
import {
  planInstall,
  planRemovePiece,
  planStart,
  planTakeOff,
  type Step,
  type StickBase,
  type StickPieceFiles,
} from "./plan.ts";

/** What a stick is to become. */
export interface StickRequest {
  readonly base: StickBase;
  /** Where windows of the base image come from. */
  readonly sources: Omit<WindowSources, "windows">;
  readonly pieces: readonly StickPieceFiles[];
  /** The folder of the piece that is to start: one of `pieces`, or one that is there. */
  readonly starts: string;
  /** Whether another system on the stick may give way; it is kept, and put back when ours is taken off. */
  readonly replace: boolean;
  /**
   * Whether to read a base that is there already, and whole by its names and sizes: half a minute, and only of use when
   * the stick was not ejected, or is damaged.
   */
  readonly readBase: boolean;
}

/** Who is told, and how it is stopped. */
export interface StickRun {
  readonly folder: StickFolder;
  /** minisign public keys: what they have not signed is not ours. */
  readonly keys: readonly string[];
  readonly onProgress: (progress: StickProgress) => void;
  /** Waited for before each step and each chunk. */
  readonly whenResumed?: () => Promise<void>;
  readonly stop: AbortSignal;
}

/**
 * Put a base and pieces onto a stick, or what of them is missing or damaged. Throws `OtherSystemError` when another
 * system starts from it and may not give way, and what `carryOut` throws.
 */
export async function install(request: StickRequest, run: StickRun): Promise<void> {
  const { base, sources } = request;
  const { manifest } = base;
  const steps = await stepsToInstall(request, run);
  const all = { ...sources, windows: windowsOf(manifest) };
  await carryOut(steps, { ...run, readBase: baseFileReader(all, manifest.files, run.stop) });
}

/** What `install` does on the stick as it is now. Throws `OtherSystemError` and `StickError`. */
export async function stepsToInstall(
  request: Omit<StickRequest, "sources">,
  run: Pick<StickRun, "folder" | "keys">,
): Promise<Step[]> {
  const { manifest } = request.base;
  checkFiles(manifest);
  const stick = await look(run.folder, run.keys);
  const taken = await placesTaken(run.folder, stick, manifest);
  if (taken.length > 0 && !request.replace) {
    throw new OtherSystemError(`Another system starts from this stick: ${taken.join(", ")}`);
  }
  const trusted = !request.readBase && stick.problems.length === 0;
  const copies = await copiesToKeep(run.folder, stick, manifest, taken);
  const gone = await placesGone(run.folder, stick, manifest);
  return planInstall(stick, { ...request, copies, gone, trusted, token: randomToken() });
}

/** Throws `StickError` for a base that is an image alone: to be asked before pieces are made for it. */
export function checkFiles({ files }: Pick<Manifest, "files">): void {
  if (files.length > 0) return;
  throw new StickError("This base cannot be put onto a stick as files; only its image can be written to one");
}

/** What is held of places for which bases on the stick have a file, and `manifest` has none. */
async function placesGone(folder: StickFolder, stick: Stick, manifest: Manifest): Promise<Held> {
  const stay = new Set(manifest.files.map(({ path }) => path.toLowerCase()));
  const isGone = (path: string) => !stay.has(path.toLowerCase());
  const all = stick.systems.flatMap((system) => system.manifest?.files ?? []);
  if (!all.some(({ path }) => path.startsWith("/EFI/") && isGone(path)))
    return { ours: [], back: [], spent: [] };
  const { ours, back, spent } = await placesHeld(folder, stick);
  return { ours: ours.filter(isGone), back: back.filter(isGone), spent: spent.filter(isGone) };
}

/** Start another piece that is there, by its folder. Throws `StickError`. */
export async function startPiece(folder: string, run: StickRun): Promise<void> {
  const { config, pieces } = await look(run.folder, run.keys);
  if (!config || !pieces.some((piece) => piece.folder === folder && canStart(piece))) {
    throw new StickError(`There is no ${folder} on this stick that could start`);
  }
  await carryOut(planStart(config, folder), withoutBase(run));
}

/** Remove a piece, by its folder. Throws `StickError`. */
export async function removePiece(folder: string, run: StickRun): Promise<void> {
  const stick = await look(run.folder, run.keys);
  if (!stick.pieces.some((piece) => piece.folder === folder)) {
    throw new StickError(`There is no ${folder} on this stick`);
  }
  await carryOut(planRemovePiece(stick, folder), withoutBase(run));
}

/**
 * Take all of ours off, and put back what was there before. What firmware starts is told from another system's by the
 * manifest of a base on the stick: throws `StickError` when that of the base that starts cannot be believed, and something
 * lies there that nobody can tell.
 */
export async function takeOff(run: StickRun): Promise<void> {
  const stick = await look(run.folder, run.keys);
  const held = await placesHeld(run.folder, stick);
  if (isUnclear(stick) && (await holdsUnknown(run.folder, held))) {
    throw new StickError(
      "The base on this stick is damaged, so nobody can tell what belongs to it: put it there again first",
    );
  }
  await carryOut(planTakeOff(stick, held), withoutBase(run));
}

/** Whether a base is, or may be, the one that starts, and has no manifest that can be believed. */
function isUnclear({ config, systems }: Stick): boolean {
  if (!config) return systems.some(({ manifest }) => !manifest);
  return !systems.find(({ folder }) => folder === config.system)?.manifest;
}

/** Whether a file lies where the firmware looks that is neither one of ours nor what was there before. */
async function holdsUnknown(folder: StickFolder, { ours, back, spent }: Held): Promise<boolean> {
  const known = new Set([...ours, ...back, ...spent].map((path) => path.toLowerCase()));
  for (const path of FIRMWARE) {
    const file = known.has(path.toLowerCase()) ? undefined : await folder.open(path);
    if (file && !(await isBlank(file))) return true;
  }
  return false;
}

/** The piece on a stick that a person means: by its name, or by its folder. */
export function pieceCalled({ pieces }: Stick, name: string): string | undefined {
  return pieces.find(({ folder, os }) => os?.piece === name || folder === name)?.folder;
}

function withoutBase(run: StickRun): Parameters<typeof carryOut>[1] {
  return {
    ...run,
    readBase: () => {
      throw new Error("these steps need nothing of a base");
    },
  };
}

function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
