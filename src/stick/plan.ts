import type { Bytes } from "../bytes/segment.ts";
import type { Manifest } from "../release/manifest.ts";
import {
  BEFORE,
  formatStickConfig,
  isForFirmware,
  pathOnStick,
  PIECES,
  STICK_CFG,
  SYSTEMS,
  systemName,
  tokenFile,
  type StickConfig,
} from "./layout.ts";
import { canStart, type Held, type Stick } from "./look.ts";

/** Something to do on a stick. */
export type Step =
  /** Put a file there, unless it is there already. Its bytes come from the base image, from `start` on, or are here. */
  | {
      readonly do: "write";
      readonly path: string;
      readonly size: number;
      readonly content: { readonly start: number; readonly sha256: string } | Bytes;
      /** Whether a file there of the right size, which does not begin with nothing, is taken to be this one unread. */
      readonly trusted: boolean;
    }
  /** Keep a copy of what is at `from`. */
  | { readonly do: "copy"; readonly from: string; readonly to: string }
  /** Remove a file. */
  | { readonly do: "remove"; readonly path: string }
  /** Remove a folder if nothing is in it. */
  | { readonly do: "removeEmpty"; readonly path: string };

/** A base, as its server has it. */
export interface StickBase {
  readonly manifest: Manifest;
  /** `manifest.json` and `manifest.json.minisig`. */
  readonly bytes: Bytes;
  readonly signature: string;
}

/** A piece that is to be on a stick. */
export interface StickPieceFiles {
  /** The piece's name. */
  readonly piece: string;
  /** Its folder in `/fedac/pieces`: `pieceFolder`. */
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly content: Bytes }[];
  /** What the machine overwrites (`blankFiles`): put there unless there is a file of that size. */
  readonly blank: readonly { readonly path: string; readonly content: Bytes }[];
}

/**
 * Put `base` and `pieces` onto a stick, which then starts the piece in the folder `starts`. Other pieces that are there
 * stay; other bases go, and what there was of the same pieces. `copies` are made first: what another system has in our
 * places, by `copiesToKeep`. `gone` is what is held of places that `base` has no file for.
 *
 * The order is such that the stick starts what it did before until all is there that it is to start now, and that a stick
 * on which nothing of ours was starts nothing of ours until all is there: what firmware looks for comes last. Copies of
 * what was there come first, so that they have long reached the stick when the originals go; then the root, the largest,
 * so that a stick without the room says so early.
 */
export function planInstall(
  stick: Stick,
  {
    base,
    pieces,
    starts,
    token,
    copies,
    gone,
    trusted,
  }: {
    readonly base: StickBase;
    readonly pieces: readonly StickPieceFiles[];
    readonly starts: string;
    /** 16 hex digits, for a stick that has none yet. */
    readonly token: string;
    readonly copies: readonly { readonly from: string; readonly to: string }[];
    readonly gone: Held;
    /** Whether kernel, initramfs and root of a base that is there need not be read: a person would wait for it. */
    readonly trusted: boolean;
  },
): Step[] {
  const { manifest } = base;
  const system = systemName(manifest);
  const config = { token: stick.config?.token ?? token, system, folder: starts };
  const ofBase = [...manifest.files]
    .sort((one, other) => other.length - one.length)
    .map((file): Step => {
      const { start, length, sha256 } = file;
      return {
        do: "write",
        path: pathOnStick(manifest, file.path),
        size: length,
        content: { start, sha256 },
        trusted: trusted && !isForFirmware(file.path),
      };
    });
  const isFirmware = (step: Step) => step.do === "write" && isForFirmware(step.path);
  const isFirst = (step: Step) => step.do === "write" && /\/BOOT[A-Z0-9]+\.EFI$/i.test(step.path);
  return [
    ...copies.map((copy): Step => ({ do: "copy", ...copy })),
    ...ofBase.filter((step) => !isFirmware(step)),
    write(`${SYSTEMS}/${system}/manifest.json.minisig`, encode(base.signature)),
    write(`${SYSTEMS}/${system}/manifest.json`, base.bytes),
    ...pieces.flatMap(planPiece),
    write(tokenFile(config.token), encode(`${config.token}\n`)),
    writeConfig(config),
    ...ofBase.filter((step) => isFirmware(step) && !isFirst(step)),
    ...ofBase.filter(isFirst),
    ...giveBack(gone),
    ...stick.systems
      .filter(({ folder }) => folder !== system)
      .flatMap(({ folder, files }) => removeFolder(`${SYSTEMS}/${folder}`, files)),
    ...stick.pieces
      .filter(({ folder, os }) => folder !== starts && isReplaced(folder, os?.piece, pieces))
      .flatMap(({ folder, files }) => removeFolder(`${PIECES}/${folder}`, files)),
  ];
}

/** Whether one of `pieces` is what there is in `folder`, in another version. */
function isReplaced(folder: string, piece: string | undefined, pieces: readonly StickPieceFiles[]): boolean {
  return pieces.some((each) => each.piece === piece) && pieces.every((each) => each.folder !== folder);
}

/** Start another piece, or none. The stick has to start something already. */
export function planStart(config: StickConfig, folder: string): Step[] {
  return [writeConfig({ ...config, folder })];
}

/** Remove a piece. If it is the one that starts, another one then does, or none. */
export function planRemovePiece(stick: Stick, folder: string): Step[] {
  const next = stick.pieces.find((piece) => piece.folder !== folder && canStart(piece))?.folder ?? "";
  const files = stick.pieces.find((piece) => piece.folder === folder)?.files ?? [];
  return [
    ...(stick.config?.folder === folder ? planStart(stick.config, next) : []),
    ...removeFolder(`${PIECES}/${folder}`, files),
  ];
}

/**
 * Take all of ours off, and put back what was there before: `held` is what lies where the firmware looks. What starts goes
 * first. Files and folders that are not ours stay where they are.
 */
export function planTakeOff(stick: Stick, held: Held): Step[] {
  const folders = ["/EFI/BOOT", "/EFI/debian", "/EFI", SYSTEMS, PIECES, "/fedac"];
  return [
    ...giveBack(held),
    { do: "remove", path: STICK_CFG },
    ...stick.loose.map(remove),
    ...stick.systems.flatMap(({ folder, files }) => removeFolder(`${SYSTEMS}/${folder}`, files)),
    ...stick.pieces.flatMap(({ folder, files }) => removeFolder(`${PIECES}/${folder}`, files)),
    ...folders.map((path): Step => ({ do: "removeEmpty", path })),
  ];
}

/** Leave places where the firmware looks. */
function giveBack({ ours, back, spent }: Held): Step[] {
  const copies = spent.map((path) => `${BEFORE}${path}`);
  return [
    ...ours.map(remove),
    ...back.map((to): Step => ({ do: "copy", from: `${BEFORE}${to}`, to })),
    ...removeFolder(BEFORE, copies),
  ];
}

/** Remove `files`, and the folders in which they are, up to `folder`, where nothing else is left in them. */
function removeFolder(folder: string, files: readonly string[]): Step[] {
  const folders = new Set([folder]);
  for (const file of files) {
    for (let at = parentOf(file); at.length > folder.length; at = parentOf(at)) folders.add(at);
  }
  const deepestFirst = [...folders].sort((one, other) => other.length - one.length);
  return [...files.map(remove), ...deepestFirst.map((path): Step => ({ do: "removeEmpty", path }))];
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function remove(path: string): Step {
  return { do: "remove", path };
}

/** What says that the piece is there comes last. What a machine has written, into files that were blank, stays as it is. */
function planPiece({ folder, files, blank }: StickPieceFiles): Step[] {
  const isLast = (file: { path: string }) => Number(file.path === "os.json");
  const place = ({ path, content }: { path: string; content: Bytes }) =>
    write(`${PIECES}/${folder}/${path}`, content);
  return [
    ...blank.map((file) => ({ ...place(file), trusted: true })),
    ...files.toSorted((one, other) => isLast(one) - isLast(other)).map(place),
  ];
}

function writeConfig(config: StickConfig): Step {
  return write(STICK_CFG, encode(formatStickConfig(config)));
}

function write(path: string, content: Bytes): Extract<Step, { readonly do: "write" }> {
  return { do: "write", path, size: content.length, content, trusted: false };
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}
