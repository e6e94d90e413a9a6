import type { Allowance } from "../allowances.ts";
import type { Bytes } from "../bytes/segment.ts";
import { BaseImageError, BundleError, ConnectionError, OvenError, UnknownPieceError } from "../errors.ts";
import { Failure, refusal } from "../fetch/failure.ts";
import { collect, get, unreachable } from "../fetch/http.ts";
import type { RetryPolicy } from "../fetch/retry.ts";
import { type AcPage, parseAcPage } from "./ac-page.ts";
import { asksOf } from "./asks.ts";
import { checkBundle } from "./check.ts";
import { type Found, graft, publishedSource, tooLarge } from "./graft.ts";
import { normalise } from "./normalise.ts";
import { bake } from "./oven.ts";
import { unpackPage } from "./unpack.ts";

/** AC's own address, where published pieces are. */
const AC = "https://aesthetic.computer";

/** One of AC's own pieces, into whose bundle a published one is put; the second where the oven knows no first. */
const CARRIERS = ["wipe", "notepat"];

/** For how long AC's site may be silent. */
const SILENCE_MS = 25_000;

/** A piece's page, as it goes on the disk. */
export interface Bundle {
  readonly html: Bytes;
  /**
   * Whether it is a bundle of AC's of a form that is known here: then it is plain, and the time of packing in it is that
   * of the base image. Others are as they came, to the byte.
   */
  readonly isNormalised: boolean;
  /** What the piece itself asks to use (`asksOf`). */
  readonly asks: readonly Allowance[];
}

/** Where bundles come from. */
export interface BundlePlaces {
  readonly oven: string;
  /**
   * The site with the published pieces: `https://aesthetic.computer` when absent, or, in a browser, the page's own, which
   * is AC's.
   */
  readonly site?: string | undefined;
}

/** What a bundle is for. */
export interface BundleOptions {
  /** How many bytes there is room for. */
  readonly limit: number;
  /** When the base image was made (ISO 8601): the time of packing in bundles that are normalised. */
  readonly created: string;
}

/** How a bundle is fetched. */
export interface FetchBundleOptions extends BundleOptions {
  readonly retry: RetryPolicy;
  readonly stop: AbortSignal;
  /** Called with what the oven says of its baking, in its own words, when it says something. */
  readonly onBaking?: ((words: string) => void) | undefined;
}

/**
 * The bundle of `piece` from AC's oven. A published piece (`@handle/name`), which no oven bundles, is put into the bundle of
 * one of AC's own. Servers that are busy or out of reach are asked again until `retry` gives up. Throws
 * `UnknownPieceError`, `OvenError`, `BundleError` for anything but a piece or for more than `limit` bytes, and the
 * reason that `stop` is aborted with.
 */
export async function fetchBundle(
  piece: string,
  { oven, site = ownSite() }: BundlePlaces,
  options: FetchBundleOptions,
): Promise<Bundle> {
  if (!piece.startsWith("@")) return await prepareBundle(piece, await bake(oven, piece, options), options);
  const read = (path: string) => readFromAc(site, path, options);
  const source = await publishedSource(piece, read); // before its carrier: it is what most often is not there
  const page = await carrier(piece, oven, options);
  const html = await graft(page, piece, source, read, options.limit);
  return await prepareBundle(piece, new TextEncoder().encode(html), options);
}

/** A bundle that is here already, as `fetchBundle` gives it. Throws `BundleError` unless it is a page that runs something. */
export async function prepareBundle(
  piece: string,
  bytes: Bytes,
  { limit, created }: BundleOptions,
): Promise<Bundle> {
  checkBundle(piece, bytes);
  const html = new TextDecoder().decode(bytes);
  const page = knownPage((await unpackPage(html, limit)) ?? html);
  if (!page) {
    if (bytes.length > limit) throw tooLarge(piece, limit);
    return { html: bytes, isNormalised: false, asks: asksOf(html) };
  }
  const normal = normalise(page, new Date(created));
  const result = new TextEncoder().encode(normal);
  if (result.length > limit) throw tooLarge(piece, limit);
  return { html: result, isNormalised: true, asks: asksOf(normal) };
}

function knownPage(html: string): AcPage | undefined {
  try {
    return parseAcPage(html);
  } catch {
    return undefined; // another's page, or AC's in a form that is not known here: it stays as it is
  }
}

async function carrier(piece: string, oven: string, options: FetchBundleOptions): Promise<AcPage> {
  let unknown: unknown;
  for (const name of CARRIERS) {
    try {
      const html = new TextDecoder().decode(await bake(oven, name, options));
      return parseAcPage((await unpackPage(html, options.limit)) ?? html);
    } catch (error) {
      if (error instanceof RangeError) {
        const what = `The oven bundles pieces in a form that ${piece} cannot be put into: ${error.message}`;
        throw new BundleError(what, { cause: error });
      }
      if (!(error instanceof UnknownPieceError)) throw error;
      unknown = error;
    }
  }
  throw new OvenError(`The oven bundles none of ${CARRIERS.join(", ")}, into which ${piece} would go`, {
    cause: unknown,
  });
}

async function readFromAc(
  site: string,
  path: string,
  { limit, retry, stop }: FetchBundleOptions,
): Promise<Found> {
  const address = `${site.replace(/\/$/, "")}/${path}`;
  const what = `AC, which has ${path},`;
  try {
    return await retry.persist(stop, async () => {
      const { response, chunks } = await get(address, { silenceMs: SILENCE_MS, stop }).catch(lost(stop));
      if (!response.ok) {
        const said = await collect(chunks(), 64 * 1024).catch(lost(stop));
        const failure = refusal(response, what);
        if (failure.kind === "busy") throw failure;
        return { status: response.status, said: said ? new TextDecoder().decode(said) : "" };
      }
      const bytes = await collect(chunks(), limit).catch(lost(stop));
      if (!bytes) throw tooLarge(path, limit);
      return { text: new TextDecoder().decode(bytes) };
    });
  } catch (error) {
    if (!(error instanceof ConnectionError || error instanceof BaseImageError)) throw error;
    throw new OvenError(error.message, { cause: error });
  }
}

function lost(stop: AbortSignal): (error: unknown) => never {
  return (error) => {
    stop.throwIfAborted();
    throw new Failure("lost", `AC cannot be reached: ${unreachable(error)}`, { cause: error });
  };
}

/** In a page of AC's the page's own site, so that no other has to allow it; elsewhere AC's. */
function ownSite(): string {
  const { location } = globalThis as { location?: Location };
  return location && /^https?:$/.test(location.protocol) ? location.origin : AC;
}
