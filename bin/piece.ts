import type { ParseArgsConfig } from "node:util";
import config from "../public/aesthetic.computer/os/config.json" with { type: "json" };
import { type Allowance, ALLOWANCES, allowancesOf } from "../src/allowances.ts";
import { fetchBundle, prepareBundle, type BundleOptions } from "../src/bundle/bundle.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { BundleError } from "../src/errors.ts";
import { MENU } from "../src/image/os-json.ts";
import { checkPieces, type PartitionContents, roomBeside } from "../src/image/plan.ts";
import { isHandle, parsePiece } from "../src/piece/name.ts";
import { sealSettings } from "../src/settings/seal.ts";
import {
  complaintWords,
  parseSettings,
  type SealedSettings,
  SETTINGS_LIMIT,
} from "../src/settings/settings.ts";
import { MOST_PIXELS, pngSize } from "../src/splash/png-size.ts";
import type { OpenBase } from "./base.ts";
import { UsageError } from "./errors.ts";
import { readInput } from "./input.ts";
import { printError, showProgress } from "./terminal.ts";

/** The options that say what goes with a piece, for `parseArgs`. */
export const PIECE_OPTIONS = {
  oven: { type: "string", default: config.oven },
  bundle: { type: "string", multiple: true },
  splash: { type: "string" },
  allow: { type: "string", multiple: true },
  by: { type: "string" },
  settings: { type: "string" },
} as const satisfies ParseArgsConfig["options"];

/** What `parseArgs` makes of `PIECE_OPTIONS`. */
interface PieceValues {
  readonly oven: string;
  readonly bundle?: readonly string[] | undefined;
  readonly splash?: string | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly by?: string | undefined;
  readonly settings?: string | undefined;
}

/** What is asked for on the command line, before anything of it is fetched. */
export interface Wish {
  readonly names: readonly [string, ...string[]];
  /** Files with their pages, in the same order; none when they are the oven's. */
  readonly bundles: readonly string[];
  /** By name. */
  readonly allow: ReadonlyMap<string, readonly Allowance[]>;
}

/** Pieces by their names, and what each may use; no name is the front door. Throws `UsageError` and `PieceNameError`. */
export function parseWish(words: readonly string[], { bundle = [], allow = [], by }: PieceValues): Wish {
  const [first = "", ...others] = words;
  const names: Wish["names"] = [parsePiece(first), ...others.map((word) => parsePiece(word))];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`);
  if (by !== undefined && !isHandle(by))
    throw new UsageError(`--by takes a handle of AC's, as @jeffrey; not ${by}`);
  const bundles = names.length === 1 ? bundle.slice(-1) : bundle;
  if (bundles.length > 0 && bundles.length !== names.length) {
    throw new UsageError("--bundle is said once for each of the pieces, in their order, or not at all");
  }
  return { names, bundles, allow: parseAllow(names, allow) };
}

/**
 * The pieces of `wish`: their pages from the oven or from `--bundle`, and what else the options give them. The first that
 * there is no room for ends it. Throws `RangeError` for a file that cannot be used, and the errors of `src/errors.ts`.
 */
export async function openPieces(
  { names, bundles, allow }: Wish,
  values: PieceValues,
  base: Pick<OpenBase, "manifest" | "preparing">,
  stop: AbortSignal,
): Promise<PartitionContents> {
  const { manifest, preparing } = base;
  const { by } = values;
  checkPieces(manifest, names);
  if (bundles.length === 0 && !URL.canParse(values.oven)) {
    throw new RangeError(`The oven's address, ${values.oven}, is none`);
  }
  const settings = values.settings === undefined ? undefined : await readSettingsFile(values.settings, allow);
  const splash = values.splash === undefined ? undefined : await readSplash(values.splash);
  const { created, piecePartition } = manifest;
  const wish = { created, limit: piecePartition.length };
  let contents: PartitionContents | undefined;
  for (const [i, name] of names.entries()) {
    const file = bundles[i];
    const { html } =
      file === undefined
        ? await fetchBundle(name, values, { ...wish, retry: preparing, stop, onBaking: showBaking })
        : await readBundle(name, file, wish);
    const piece = { name, html, allow: allow.get(name) };
    const pieces: PartitionContents["pieces"] = contents ? [...contents.pieces, piece] : [piece];
    contents = { pieces, splash, by, settings };
    if (pieces.length > 1) await roomBeside(manifest, contents); // before the next one is fetched
  }
  return contents!;
}

/** Which of several pieces is shown first, by its name, or the menu. Throws `UsageError`. */
export function parseStart({ names }: Wish, start: string | undefined): PartitionContents["start"] {
  const index = names.indexOf(start ?? "");
  if (index >= 0) return index;
  if (start === undefined || (start === MENU && names.length > 1)) return undefined;
  throw new UsageError(
    names.length > 1
      ? `--start takes one of the pieces, or "${MENU}"; not "${start}"`
      : `--start takes one of the pieces, not "${start}"`,
  );
}

/**
 * Allowances by name: each of `words` is a list with commas for every piece, or for one, as "notepat=midi,network". Throws
 * `UsageError` for a word that is none, and for a piece that is not among `names`.
 */
function parseAllow(names: Wish["names"], words: readonly string[]): Wish["allow"] {
  const all = new Map<string, Allowance[]>(names.map((name) => [name, []]));
  for (const list of words) {
    const [, name, its = list] = /^([^=]*)=(.*)$/.exec(list) ?? [];
    const { allow, unknown } = allowancesOf(its.split(",").filter((word) => word !== ""));
    if (unknown.length > 0) {
      throw new UsageError(
        `--allow takes ${ALLOWANCES.join(", ")}, with commas between; not ${unknown.join(", ")}`,
      );
    }
    if (name !== undefined && !all.has(name))
      throw new UsageError(`--allow is for the pieces; not "${name}"`);
    for (const one of name === undefined ? names : [name]) all.get(one)?.push(...allow);
  }
  return new Map([...all].map(([name, list]) => [name, allowancesOf(list).allow]));
}

/**
 * What a person has written down of the machine, with keys in the place of passphrases where that can be. Throws
 * `RangeError`, which names all that is wrong and no value of it: some are secrets.
 */
async function readSettingsFile(file: string, allow: Wish["allow"]): Promise<SealedSettings> {
  const text = new TextDecoder().decode(await readInput(file, SETTINGS_LIMIT)); // also with a byte order mark
  const { settings, complaints } = parseSettings(text);
  if (complaints.length > 0) throw new RangeError(`${file}: ${complaints.map(complaintWords).join("; ")}`);
  if (settings.wifi.length > 0 && ![...allow.values()].flat().includes("network")) {
    printError(`os: ${file} names wireless networks, and nothing joins them without --allow network`);
  }
  return await sealSettings(settings);
}

/** Show how far the oven has got, as whoever asks first for a piece waits for it. */
function showBaking(words: string): void {
  showProgress(`The oven: ${words}`);
}

async function readBundle(name: string, file: string, wish: BundleOptions): ReturnType<typeof prepareBundle> {
  const html = await readInput(file, wish.limit);
  try {
    return await prepareBundle(name, html, wish);
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    throw new RangeError(`${file}: ${error.message}`, { cause: error }); // another piece would not help
  }
}

/** The largest PNG that is read, in bytes: more than the pixels that are shown would need. */
const LARGEST_SPLASH = 64 * 1024 * 1024;

async function readSplash(file: string): Promise<Bytes> {
  const bytes = await readInput(file, LARGEST_SPLASH);
  const size = pngSize(bytes);
  if (!size) throw new RangeError(`${file} is not a PNG`);
  if (size.width * size.height > MOST_PIXELS) {
    throw new RangeError(
      `${file} has ${size.width} by ${size.height} pixels; ${MOST_PIXELS} in all are shown`,
    );
  }
  return bytes;
}
