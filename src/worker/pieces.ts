import type { Bundle } from "../bundle/bundle.ts";
import {
  BundleError,
  explain,
  OvenError,
  PartitionFullError,
  PieceNameError,
  UnknownPieceError,
} from "../errors.ts";
import { roomBeside, type PartitionContents, type PieceFiles } from "../image/plan.ts";
import type { BuildState } from "../messages.ts";
import { parsePiece } from "../piece/name.ts";
import type { Manifest } from "../release/manifest.ts";

/** Why a piece is not on an image, for the person. */
export interface Missing {
  readonly name: string;
  readonly message: string;
}

/** What is wrong with one piece and need not be with the others. */
const OF_ONE_PIECE = [PieceNameError, UnknownPieceError, BundleError, OvenError];

/**
 * The bundles of the pieces called `names`, by name, each fetched once and one after the other; `onNext` is told which of
 * several it is. Those that cannot be had are missing. Throws what is wrong when none can be had, and when the oven fails
 * at two in a row: it would be waited for with each of the others.
 */
export async function fetchPieces(
  names: readonly string[],
  fetch: (name: string) => Promise<Bundle>,
  onNext: (which: NonNullable<BuildState["fetching"]>) => void,
): Promise<{ readonly bundles: Map<string, Bundle>; readonly missing: readonly Missing[] }> {
  const bundles = new Map<string, Bundle>();
  const missing: Missing[] = [];
  let first: unknown;
  let before: unknown;
  for (const [i, name] of names.entries()) {
    if (names.length > 1) onNext({ name, number: i + 1, of: names.length });
    try {
      const parsed = parsePiece(name);
      if (!bundles.has(parsed)) bundles.set(parsed, await fetch(parsed));
      before = undefined;
    } catch (error) {
      if (!OF_ONE_PIECE.some((kind) => error instanceof kind)) throw error;
      if (error instanceof OvenError && before instanceof OvenError) throw error;
      first ??= error;
      before = error;
      missing.push({ name, message: explain(error) });
    }
  }
  if (bundles.size === 0) throw first;
  return { bundles, missing };
}

/**
 * Whether a stick with this base can have so many pieces, before any is fetched. Throws `OnePieceBaseError` and
 * `PartitionFullError`.
 */
export async function checkCount(manifest: Manifest, names: readonly string[]): Promise<void> {
  const [first, ...others] = names.map((name) => ({ name, html: new Uint8Array() }));
  if (first && others.length > 0) await roomBeside(manifest, { pieces: [first, ...others] });
}

/**
 * The most of `wanted` that there is room for together, the first before the others, and why the rest is missing. Throws
 * `BundleError` when there is room for none.
 */
export async function fitting(
  manifest: Manifest,
  wanted: readonly PieceFiles[],
  common: Omit<PartitionContents, "pieces" | "start">,
): Promise<{ readonly pieces: readonly PieceFiles[]; readonly missing: readonly Missing[] }> {
  if ((await trouble(manifest, wanted, common)) === undefined) return { pieces: wanted, missing: [] };
  const pieces: PieceFiles[] = [];
  const missing: Missing[] = [];
  let last: unknown;
  for (const piece of wanted) {
    const error = await trouble(manifest, [...pieces, piece], common);
    if (error) missing.push({ name: piece.name, message: explain((last = error)) });
    else pieces.push(piece);
  }
  if (pieces.length === 0) throw last;
  return { pieces, missing };
}

/** Why there is no room for `pieces`; undefined when there is. */
async function trouble(
  manifest: Manifest,
  [first, ...others]: readonly PieceFiles[],
  common: Omit<PartitionContents, "pieces" | "start">,
): Promise<BundleError | PartitionFullError | undefined> {
  if (!first) return undefined;
  try {
    await roomBeside(manifest, { ...common, pieces: [first, ...others] });
    return undefined;
  } catch (error) {
    if (error instanceof PartitionFullError || error instanceof BundleError) return error;
    throw error;
  }
}
