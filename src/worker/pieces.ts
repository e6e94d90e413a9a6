import type { Allowance } from "../allowances.ts";
import { fetchBundle, type Bundle, type FetchBundleOptions } from "../bundle/bundle.ts";
import {
  BundleError,
  explain,
  OvenError,
  PartitionFullError,
  PieceNameError,
  UnknownPieceError,
} from "../errors.ts";
import { roomBeside, type PartitionContents, type PieceFiles } from "../image/plan.ts";
import type { ImageInfo, Progress } from "../messages.ts";
import { parsePiece } from "../piece/name.ts";
import type { Manifest } from "../release/manifest.ts";
import type { BuildRequest, Decisions } from "./api.ts";

/** Why a piece is not on an image, for the person. */
interface Missing {
  readonly name: string;
  readonly message: string;
}

type Common = Omit<PartitionContents, "pieces" | "start">;

/** What is wrong with one piece and need not be with the others. */
const OF_ONE_PIECE = [PieceNameError, UnknownPieceError, BundleError, OvenError];

/** The pieces that a build was asked for: the bundles that are here, and why others are not on the image. */
export class Pieces {
  readonly #names: readonly string[];
  readonly #fetch: (name: string) => Promise<Bundle>;
  readonly #onNext: (which: Progress["fetching"]) => void;
  readonly #bundles = new Map<string, Bundle>();
  /** What each may use, also one that is left out now; what its bundle asks for when nothing is said. */
  readonly #allow: Map<string, readonly Allowance[]>;
  #unavailable: readonly Missing[] = [];
  #tooMany: readonly Missing[] = [];

  /**
   * `names` as the person typed them, `allow` what they have let pieces use before; `onNext` is told which of several
   * is being fetched, and that none is.
   */
  constructor(
    names: readonly string[],
    allow: Readonly<Record<string, readonly Allowance[]>>,
    fetch: (name: string) => Promise<Bundle>,
    onNext: (which: Progress["fetching"]) => void,
  ) {
    this.#names = [...new Set(names.map((name) => name.trim()))];
    this.#allow = new Map(Object.entries(allow));
    this.#fetch = fetch;
    this.#onNext = onNext;
  }

  /** The bundle of a piece, if it is here. */
  bundle(name: string): Bundle | undefined {
    return this.#bundles.get(name);
  }

  /**
   * Fetch the bundles that are not here, one after the other. An oven that fails at two in a row is asked for no more:
   * it would be waited for with each. Throws what is wrong when none is here in the end, and at once what is wrong with
   * all of them, as the reason why it was stopped.
   */
  async fetch(): Promise<void> {
    const unavailable: Missing[] = [];
    let first: unknown;
    let down: OvenError | undefined;
    let before: unknown;
    for (const [i, name] of this.#names.entries()) {
      try {
        const parsed = parsePiece(name);
        if (this.#bundles.has(parsed)) continue;
        if (down) throw down;
        if (this.#names.length > 1) this.#onNext({ name, number: i + 1, of: this.#names.length });
        this.#bundles.set(parsed, await this.#fetch(parsed));
        before = undefined;
      } catch (error) {
        if (!OF_ONE_PIECE.some((kind) => error instanceof kind)) throw error;
        if (error instanceof OvenError && before instanceof OvenError) down = error;
        first ??= error;
        before = error;
        unavailable.push({ name, message: explain(error) });
      }
    }
    this.#onNext(undefined);
    if (this.#bundles.size === 0) throw first;
    this.#unavailable = unavailable;
  }

  /** All that are here, in the order in which they were asked for, each with what it may use. */
  get all(): Decisions["pieces"] {
    const here = this.#names.map(nameOf).filter((name) => this.#bundles.has(name));
    return here.map((name) => ({ name, allow: this.#allowOf(name) }));
  }

  /**
   * What goes on the image: of the pieces in `decisions` the first for which there is room, in the order in which they
   * were asked for. Throws what `roomBeside` throws when there is room for none.
   */
  async contents(manifest: Manifest, { pieces, start, by, settings }: Decisions): Promise<PartitionContents> {
    for (const { name, allow } of pieces) this.#allow.set(name, allow);
    const wanted = pieces.flatMap(({ name, allow }) => {
      const html = this.#bundles.get(name)?.html;
      return html ? [{ name, html, allow }] : [];
    });
    const fit = await fitting(manifest, wanted, { by, settings });
    this.#tooMany = fit.tooMany;
    const order = this.#names.map(nameOf);
    const [first, ...others] = fit.pieces.toSorted(
      (one, other) => order.indexOf(one.name) - order.indexOf(other.name),
    );
    if (!first) throw new TypeError("an image with no piece");
    const contents: PartitionContents = { pieces: [first, ...others], by, settings };
    const index = contents.pieces.findIndex(({ name }) => name === start);
    return index < 0 ? contents : { ...contents, start: index };
  }

  /** What was asked for and is not among the pieces called `names`. */
  leftOut(names: ReadonlySet<string>): NonNullable<ImageInfo["leftOut"]> {
    const why = new Map(this.#tooMany.map(({ name, message }) => [name, message]));
    const here = this.all.filter(({ name }) => !names.has(name));
    return [
      ...here.map(({ name, allow }) => {
        return { name, message: why.get(name) ?? "", size: this.#bundles.get(name)!.html.length, allow };
      }),
      ...this.#unavailable,
    ];
  }

  #allowOf(name: string): readonly Allowance[] {
    return this.#allow.get(name) ?? this.#bundles.get(name)?.asks ?? [];
  }
}

/** How pieces are fetched. */
interface FetchPiecesOptions extends Pick<FetchBundleOptions, "retry" | "stop" | "onBaking"> {
  /** Called with which of several is being fetched, and that none is. */
  readonly onNext?: (which: Progress["fetching"]) => void;
}

/**
 * The pieces of a request, as they go on `manifest`'s base. Throws `OnePieceBaseError` and `PartitionFullError` when it
 * never has so many, before any is fetched, and what `Pieces.fetch` throws.
 */
export async function fetchPieces(
  request: BuildRequest,
  manifest: Manifest,
  { onNext = () => {}, ...how }: FetchPiecesOptions,
): Promise<Pieces> {
  await checkCount(manifest, request.pieces);
  const { created, piecePartition } = manifest;
  const fetch = (name: string) =>
    fetchBundle(name, request, { limit: piecePartition.length, created, ...how });
  const pieces = new Pieces(request.pieces, request.allow ?? {}, fetch, onNext);
  await pieces.fetch();
  how.retry.onProgress(); // the trouble with one that could not be had is over
  return pieces;
}

/** What a request decides of the image with `pieces`, all that are here. */
export function decisionsIn({ start, by, settings }: BuildRequest, { all }: Pieces): Decisions {
  return {
    pieces: all,
    ...(start !== undefined && { start }),
    ...(by !== undefined && { by }),
    ...(settings && { settings }),
  };
}

/**
 * Whether a stick with this base can have so many pieces, before any is fetched. Throws `OnePieceBaseError` and
 * `PartitionFullError`.
 */
async function checkCount(manifest: Manifest, names: readonly string[]): Promise<void> {
  const [first, ...others] = names.map((name) => ({ name, html: new Uint8Array() }));
  if (first && others.length > 0) await roomBeside(manifest, { pieces: [first, ...others] });
}

/** A piece's name as `parsePiece` gives it; what is none as it is. */
function nameOf(typed: string): string {
  try {
    return parsePiece(typed);
  } catch {
    return typed;
  }
}

/** The most of `wanted` that there is room for together, the first before the others, and why the rest is missing. */
async function fitting(
  manifest: Manifest,
  wanted: readonly PieceFiles[],
  common: Common,
): Promise<{ readonly pieces: readonly PieceFiles[]; readonly tooMany: readonly Missing[] }> {
  if ((await trouble(manifest, wanted, common)) === undefined) return { pieces: wanted, tooMany: [] };
  const pieces: PieceFiles[] = [];
  const tooMany: Missing[] = [];
  let last: unknown;
  for (const piece of wanted) {
    const error = await trouble(manifest, [...pieces, piece], common);
    if (error) tooMany.push({ name: piece.name, message: explain((last = error)) });
    else pieces.push(piece);
  }
  if (pieces.length === 0) throw last;
  return { pieces, tooMany };
}

/** Why there is no room for `pieces`; undefined when there is. */
async function trouble(
  manifest: Manifest,
  [first, ...others]: readonly PieceFiles[],
  common: Common,
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
