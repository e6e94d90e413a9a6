import type { ParseArgsConfig } from "node:util";
import config from "../public/aesthetic.computer/os/config.json" with { type: "json" };
import { type Allowance, ALLOWANCES, allowancesOf } from "../src/allowances.ts";
import { fetchBundle, prepareBundle, type BundleOptions } from "../src/bundle/bundle.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { BundleError } from "../src/errors.ts";
import type { PartitionContents } from "../src/image/plan.ts";
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
  bundle: { type: "string" },
  splash: { type: "string" },
  allow: { type: "string", default: "" },
  by: { type: "string" },
  settings: { type: "string" },
} as const satisfies ParseArgsConfig["options"];

/** What `parseArgs` makes of `PIECE_OPTIONS`. */
interface PieceValues {
  readonly oven: string;
  readonly bundle?: string | undefined;
  readonly splash?: string | undefined;
  readonly allow: string;
  readonly by?: string | undefined;
  readonly settings?: string | undefined;
}

/**
 * A piece by its name: its page from the oven or from `--bundle`, and what else the options give it. Throws `UsageError`, `RangeError` for a file that cannot be used, and the errors of
 * `src/errors.ts`.
 */
export async function openPiece(
  words: string,
  values: PieceValues,
  { manifest, preparing }: Pick<OpenBase, "manifest" | "preparing">,
  stop: AbortSignal,
): Promise<PartitionContents> {
  const name = parsePiece(words);
  const { by } = values;
  if (by !== undefined && !isHandle(by))
    throw new UsageError(`--by takes a handle of AC's, as @jeffrey; not ${by}`);
  const allow = parseAllow(values.allow);
  if (values.bundle === undefined && !URL.canParse(values.oven)) {
    throw new RangeError(`The oven's address, ${values.oven}, is none`);
  }
  const settings = values.settings === undefined ? undefined : await readSettingsFile(values.settings, allow);
  const { created, piecePartition } = manifest;
  const wish = { created, limit: piecePartition.length };
  const { html } = values.bundle
    ? await readBundle(name, values.bundle, wish)
    : await fetchBundle(name, values, { ...wish, retry: preparing, stop, onBaking: showBaking });
  const splash = values.splash ? await readSplash(values.splash) : undefined;
  return { pieces: [{ name, html, allow }], splash, by, settings };
}

/** Allowances, between commas. Throws `UsageError` for a word that is none. */
function parseAllow(words: string): readonly Allowance[] {
  const { allow, unknown } = allowancesOf(words.split(",").filter((word) => word !== ""));
  if (unknown.length > 0) {
    throw new UsageError(
      `--allow takes ${ALLOWANCES.join(", ")}, with commas between; not ${unknown.join(", ")}`,
    );
  }
  return allow;
}

/**
 * What a person has written down of the machine, with keys in the place of passphrases where that can be. Throws
 * `RangeError`, which names all that is wrong and no value of it: some are secrets.
 */
async function readSettingsFile(file: string, allow: readonly Allowance[]): Promise<SealedSettings> {
  const text = new TextDecoder().decode(await readInput(file, SETTINGS_LIMIT)); // also with a byte order mark
  const { settings, complaints } = parseSettings(text);
  if (complaints.length > 0) throw new RangeError(`${file}: ${complaints.map(complaintWords).join("; ")}`);
  if (settings.wifi.length > 0 && !allow.includes("network")) {
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
