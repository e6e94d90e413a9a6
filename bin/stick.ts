import { stat, statfs } from "node:fs/promises";
import { parseArgs } from "node:util";
import { NotOurStickError, PieceNameError, StickError } from "../src/errors.ts";
import { blankFiles } from "../src/image/blank-files.ts";
import { pieceFiles } from "../src/image/plan.ts";
import type { StickProgress } from "../src/messages.ts";
import {
  checkFiles,
  install,
  pieceCalled,
  removePiece,
  startPiece,
  takeOff,
  type StickRun,
} from "../src/stick/install.ts";
import { pieceFolder } from "../src/stick/layout.ts";
import { check, holdsOurs, look, type Stick } from "../src/stick/look.ts";
import type { StickPieceFiles } from "../src/stick/plan.ts";
import { asTold, BASE_OPTIONS, keysOf, openBase } from "./base.ts";
import { understand, UsageError } from "./errors.ts";
import { openPieces, parseWish, PIECE_OPTIONS } from "./piece.ts";
import { systemReason } from "./reason.ts";
import { diskFolder } from "./stick-folder.ts";
import { print, showProgress } from "./terminal.ts";

/** What Linux says of a FAT file system (`MSDOS_SUPER_MAGIC` in linux/magic.h). */
const FAT = 0x4d44;

/**
 * `os stick`: put a base and pieces onto a mounted stick as files, look at what is there, check it, take it off. Throws
 * `UsageError`, `RangeError` for a folder or file that cannot be used, and the errors of `src/errors.ts`.
 */
export async function stick(args: string[]): Promise<void> {
  const parsed = parse(args);
  const [root, ...names] = parsed.positionals;
  const { values } = parsed;
  if (root === undefined) throw new UsageError("stick takes the folder in which a stick is mounted");
  const todo = [values.check, values.remove, values.start, values["take-off"]].filter(Boolean);
  if (todo.length > 1 || (todo.length === 1 && names.length > 0 && values.start === undefined)) {
    throw new UsageError("stick does one thing at a time");
  }
  await checkFolder(root, values["any-file-system"]);
  const run: StickRun = {
    folder: diskFolder(root),
    keys: keysOf(values),
    onProgress: showStep,
    stop: new AbortController().signal, // a signal ends the whole program
  };
  try {
    if (names.length > 0) await put(names, values, run);
    else if (values.start !== undefined) await startPiece(await folderOf(values.start, run), run);
    else if (values.remove !== undefined) await removePiece(await folderOf(values.remove, run), run);
    else if (values["take-off"]) await takeOff(run);
    else if (values.check) return await tellCheck(run);
    tell(await look(run.folder, run.keys));
  } catch (error) {
    throw asTold(error, values);
  }
}

function parse(args: string[]) {
  return understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...BASE_OPTIONS,
        ...PIECE_OPTIONS,
        start: { type: "string" },
        remove: { type: "string" },
        check: { type: "boolean", default: false },
        "take-off": { type: "boolean", default: false },
        repair: { type: "boolean", default: false },
        replace: { type: "boolean", default: false },
        "any-file-system": { type: "boolean", default: false },
      },
    }),
  );
}

/** Firmware starts FAT. Other systems than Linux do not say what a file system is. */
async function checkFolder(root: string, any: boolean): Promise<void> {
  try {
    if (!(await stat(root)).isDirectory()) throw new RangeError(`${root} is not a folder`);
    if (any || process.platform !== "linux") return;
    if ((await statfs(root)).type === FAT) return;
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new RangeError(`${root} cannot be used: ${systemReason(error)}`, { cause: error });
  }
  throw new RangeError(
    `${root} is not on a FAT file system, the only one that computers start from: format the stick as FAT32 (not exFAT or NTFS), or say --any-file-system`,
  );
}

async function put(
  names: string[],
  values: ReturnType<typeof parse>["values"],
  run: StickRun,
): Promise<void> {
  const wish = parseWish(names, values); // before anything is fetched
  const base = await openBase(values, run.stop);
  const { manifest, signature, sources } = base;
  checkFiles(manifest);
  if (signature === undefined) {
    throw new RangeError("The manifest is not signed, and what is on a stick is known by its signature");
  }
  const pieces: StickPieceFiles[] = [];
  for (const [i, piece] of wish.names.entries()) {
    // A folder each, as a stick with one has, so one after another
    const alone = { ...wish, names: [piece] as const, bundles: wish.bundles.slice(i, i + 1) };
    const files = await pieceFiles(manifest, await openPieces(alone, values, base, run.stop));
    pieces.push({ piece, folder: pieceFolder(piece, files), files, blank: blankFiles(files) });
  }
  const starts = values.start === undefined ? pieces[0] : pieces.find(({ piece }) => piece === values.start);
  if (!starts) throw new UsageError(`--start takes one of the pieces, not "${values.start}"`);
  const { replace } = values;
  await install(
    {
      base: { ...base, signature },
      sources,
      pieces,
      starts: starts.folder,
      replace,
      readBase: values.repair,
    },
    run,
  );
  await base.recordSeen();
  showProgress("");
}

async function folderOf(name: string, run: StickRun): Promise<string> {
  const folder = pieceCalled(await look(run.folder, run.keys), name);
  if (folder === undefined) throw new PieceNameError(`There is no ${name} on this stick`);
  return folder;
}

/** What is on the stick, a line for each. */
function tell(found: Stick): void {
  showProgress("");
  if (!holdsOurs(found)) return print("Nothing of ours is on this stick.");
  for (const { folder, manifest, size } of found.systems) {
    const starts = folder === found.config?.system ? "starts" : "      ";
    print(`base   ${starts}  ${manifest ? folder : `${folder} (not signed, or damaged)`}, ${size} bytes`);
  }
  for (const { folder, os, size } of found.pieces) {
    const starts = folder === found.config?.folder ? "starts" : "      ";
    print(`piece  ${starts}  ${os ? os.piece : "(cannot be read)"}, ${size} bytes in ${folder}`);
  }
  for (const problem of found.problems) print(`wrong  ${problem}`);
}

async function tellCheck(run: StickRun): Promise<void> {
  const found = await look(run.folder, run.keys);
  if (!holdsOurs(found)) throw new NotOurStickError("Nothing of ours is on this stick");
  const show = (read: number, of: number) => showProgress(`checking ${Math.floor((100 * read) / of)} %`);
  const problems = await check(run.folder, found, show, run.stop);
  tell({ ...found, problems });
  if (problems.length > 0)
    throw new StickError("The stick is damaged; the command that made it, with --repair, mends it");
  print("All of it is whole.");
}

function showStep({ does, path, done, total }: StickProgress): void {
  showProgress(`${does} ${path}, ${Math.floor((100 * done) / total)} %`);
}
