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
import type { Stick } from "./look.ts";

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
  /** Remove a file, or a folder with all that is in it. */
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
}

/**
 * Put `base` and `pieces` onto a stick, which then starts the piece in the folder `starts`. Other pieces that are there
 * stay; other bases go, and what there was of the same pieces. `taken` are the places of another system, which is kept under `/fedac/before`.
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
    taken,
    trusted,
  }: {
    readonly base: StickBase;
    readonly pieces: readonly StickPieceFiles[];
    readonly starts: string;
    /** 16 hex digits, for a stick that has none yet. */
    readonly token: string;
    readonly taken: readonly string[];
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
    ...taken.map((from): Step => ({ do: "copy", from, to: `${BEFORE}${from}` })),
    ...ofBase.filter((step) => !isFirmware(step)),
    write(`${SYSTEMS}/${system}/manifest.json.minisig`, encode(base.signature)),
    write(`${SYSTEMS}/${system}/manifest.json`, base.bytes),
    ...pieces.flatMap(planPiece),
    write(tokenFile(config.token), encode(`${config.token}\n`)),
    writeConfig(config),
    ...ofBase.filter((step) => isFirmware(step) && !isFirst(step)),
    ...ofBase.filter(isFirst),
    ...stick.systems
      .filter(({ folder }) => folder !== system)
      .map(({ folder }): Step => ({ do: "remove", path: `${SYSTEMS}/${folder}` })),
    ...stick.pieces
      .filter(({ folder, os }) => folder !== starts && isReplaced(folder, os?.piece, pieces))
      .map(({ folder }): Step => ({ do: "remove", path: `${PIECES}/${folder}` })),
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
  const next = stick.pieces.find((piece) => piece.folder !== folder)?.folder ?? "";
  return [
    ...(stick.config?.folder === folder ? planStart(stick.config, next) : []),
    { do: "remove", path: `${PIECES}/${folder}` },
  ];
}

/**
 * Take all of ours off, and put back what was there before. `ours` are the places of the firmware that hold files of
 * ours, `before` those that have a copy of what was there. What starts goes first.
 */
export function planTakeOff(stick: Stick, ours: readonly string[], before: readonly string[]): Step[] {
  const folders = ["/EFI/BOOT", "/EFI/debian", "/EFI", SYSTEMS, PIECES, "/fedac"];
  return [
    ...ours.filter((path) => !before.includes(path)).map((path): Step => ({ do: "remove", path })),
    ...before.map((to): Step => ({ do: "copy", from: `${BEFORE}${to}`, to })),
    { do: "remove", path: STICK_CFG },
    ...(stick.config ? [{ do: "remove", path: tokenFile(stick.config.token) } as const] : []),
    ...stick.systems.map(({ folder }): Step => ({ do: "remove", path: `${SYSTEMS}/${folder}` })),
    ...stick.pieces.map(({ folder }): Step => ({ do: "remove", path: `${PIECES}/${folder}` })),
    { do: "remove", path: BEFORE },
    ...folders.map((path): Step => ({ do: "removeEmpty", path })),
  ];
}

/** What says that the piece is there comes last. */
function planPiece({ folder, files }: StickPieceFiles): Step[] {
  const isLast = (file: { path: string }) => Number(file.path === "os.json");
  return files
    .toSorted((one, other) => isLast(one) - isLast(other))
    .map(({ path, content }) => write(`${PIECES}/${folder}/${path}`, content));
}

function writeConfig(config: StickConfig): Step {
  return write(STICK_CFG, encode(formatStickConfig(config)));
}

function write(path: string, content: Bytes): Step {
  return { do: "write", path, size: content.length, content, trusted: false };
}

function encode(text: string): Bytes {
  return new TextEncoder().encode(text);
}
