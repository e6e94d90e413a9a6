import { BaseImageError, BundleError, ConnectionError, OvenError, UnknownPieceError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import { Failure, refusal } from "../fetch/failure.ts";
import { collect, get, unreachable } from "../fetch/http.ts";
import type { RetryPolicy } from "../fetch/retry.ts";

/** Bundling a piece the oven has not seen lately can take it a while, in milliseconds. */
const PATIENCE = 120_000;

/** What the oven bakes at, the one that is asked first in front; older ovens know the second alone. */
const ROUTES = ["pack-html", "bundle-html"];

/**
 * The piece's bundle, one self-contained HTML page, from AC's oven (`/pack-html`, or else `/bundle-html`;
 * KidLisp goes by `code`). An oven that is busy or out of reach is asked again while `retry` has patience. Throws
 * `UnknownPieceError`, `OvenError`, or `BundleError` for something else than a piece or for more than `limit`
 * bytes.
 */
export async function fetchBundle(
  oven: string,
  piece: string,
  limit: number,
  retry: RetryPolicy,
  stop: AbortSignal,
): Promise<Bytes> {
  const urls = bundleUrls(oven, piece);
  try {
    return await retry.persist(stop, async () => {
      let answer = await ask(urls[0] ?? "", stop);
      if (answer.response.status === 404) {
        await answer.response.body?.cancel();
        answer = await ask(urls[1] ?? "", stop);
      }
      const { response, chunks } = answer;
      if (!response.ok) {
        const said = await collect(chunks(), 64 * 1024);
        throw refused(piece, response, said && new TextDecoder().decode(said));
      }
      const bundle = await collect(chunks(), limit).catch(lost(stop));
      if (!bundle) throw new BundleError(`${piece} is larger than the ${limit} bytes there is room for`);
      checkBundle(piece, bundle);
      return bundle;
    });
  } catch (error) {
    if (!(error instanceof ConnectionError || error instanceof BaseImageError)) throw error;
    throw new OvenError(error.message, { cause: error });
  }
}

/** Where an oven has the bundle of `piece`, the address to ask first in front. Throws `OvenError`. */
export function bundleUrls(oven: string, piece: string): string[] {
  return ROUTES.map((route) => addressOf(oven, route, piece));
}

function addressOf(oven: string, route: string, piece: string): string {
  const address = `${oven.replace(/\/$/, "")}/${route}`;
  if (!URL.canParse(address)) throw new OvenError(`The oven's address, ${oven}, is none`);
  const url = new URL(address);
  url.searchParams.set(piece.startsWith("$") ? "code" : "piece", piece);
  url.searchParams.set("nocompress", "1"); // the kiosk reads from a local disk: nothing gained by packing
  url.searchParams.set("density", "8"); // what the kiosk shows pieces at
  return url.href;
}

function ask(url: string, stop: AbortSignal) {
  return get(url, stop, { silence: PATIENCE }).catch(lost(stop));
}

function lost(stop: AbortSignal): (error: unknown) => never {
  return (error) => {
    stop.throwIfAborted();
    const what = `The oven, which bundles pieces, cannot be reached: ${unreachable(error)}`;
    throw new Failure("lost", what, { cause: error });
  };
}

/** Throws `BundleError` unless `bundle` looks like a piece: an HTML page that runs something. */
export function checkBundle(piece: string, bundle: Bytes): void {
  const text = new TextDecoder().decode(bundle);
  if (text === "") throw new BundleError(`The bundle of ${piece} is empty`);
  if (!/^\s*(?:<!--(?:(?!-->)[^])*-->\s*)*<(?:!doctype html|html)[\s>]/i.test(text)) {
    throw new BundleError(`The bundle of ${piece} is not an HTML page`);
  }
  if (!/<script[\s>]/i.test(text)) {
    throw new BundleError(
      `The bundle of ${piece} is a page with nothing to run in it, perhaps an error page`,
    );
  }
}

/** The oven answers 500 with `{ error }` also for a piece it does not know: that is not asked again. */
function refused(piece: string, response: Response, body: string | undefined): Error {
  const { status } = response;
  let said = "";
  try {
    const { error } = JSON.parse(body ?? "") as { error?: unknown };
    if (typeof error === "string") said = error;
  } catch {
    // not JSON: the status has to do
  }
  const cause = new Error(`HTTP ${status}: ${said || body?.slice(0, 200)}`);
  if (status === 404 || /not found|unknown piece|no such|does not exist/i.test(said)) {
    return new UnknownPieceError(`There is no piece called ${piece}`, { cause });
  }
  const what = "The oven, which bundles pieces,";
  const failure = refusal(response, what);
  return failure.kind === "busy" && status !== 500
    ? failure
    : new OvenError(`${what} answered ${status} for ${piece}`, { cause });
}
