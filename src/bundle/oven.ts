import { BaseImageError, BundleError, ConnectionError, OvenError, UnknownPieceError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import { Failure, refusal } from "../fetch/failure.ts";
import { collect, get, unreachable } from "../fetch/http.ts";
import type { RetryPolicy } from "../fetch/retry.ts";
import { checkBundle } from "./check.ts";

/** For how long an oven may be silent: bundling a piece that it has not seen lately takes a while. */
const SILENCE_MS = 120_000;

/** The paths of an oven's bundles, the first asked first; older ovens have only the second. */
const ROUTES = ["pack-html", "bundle-html"];

/**
 * The piece's bundle, one self-contained HTML page, from AC's oven (`/pack-html`, or else `/bundle-html`;
 * KidLisp goes by `code`). An oven that is busy or out of reach is asked again until `retry` gives up. Throws
 * `UnknownPieceError`, `OvenError`, `BundleError` for anything but a piece or for more than `limit` bytes, and the
 * reason that `stop` is aborted with.
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

/** The addresses of the bundle of `piece`, the first to be asked first. Throws `OvenError` when `oven` is no address. */
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
  return get(url, { silenceMs: SILENCE_MS, stop }).catch(lost(stop));
}

function lost(stop: AbortSignal): (error: unknown) => never {
  return (error) => {
    stop.throwIfAborted();
    const what = `The oven, which bundles pieces, cannot be reached: ${unreachable(error)}`;
    throw new Failure("lost", what, { cause: error });
  };
}

/**
 * The error for an answer that is no bundle: a `Failure` where another attempt may succeed. The oven answers 500 with
 * `{ error }` also for a piece that it does not know.
 */
function refused(piece: string, response: Response, body: string | undefined): Error {
  const { status } = response;
  let said = "";
  try {
    const { error } = JSON.parse(body ?? "") as { error?: unknown };
    if (typeof error === "string") said = error;
  } catch {
    // not JSON: there is only the status
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
