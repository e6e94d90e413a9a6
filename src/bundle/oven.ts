import {
  BaseImageError,
  BundleError,
  CaptivePortalError,
  ConnectionError,
  OvenError,
  UnknownPieceError,
} from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import { Failure, refusal } from "../fetch/failure.ts";
import { type Answer, collect, get, unreachable } from "../fetch/http.ts";
import type { RetryPolicy } from "../fetch/retry.ts";
import { eventsIn } from "./events.ts";

/** For how long an oven may be silent: bundling a piece that it has not seen lately takes a while. */
const SILENCE_MS = 120_000;

/** The paths of an oven's bundles, the first asked first; older ovens have only the second. */
const ROUTES = ["pack-html", "bundle-html"];

/** How `bake` asks. */
export interface BakeOptions {
  /** How many bytes the bundle may have. */
  readonly limit: number;
  readonly retry: RetryPolicy;
  readonly stop: AbortSignal;
  readonly onBaking?: ((words: string) => void) | undefined;
}

/**
 * The piece's bundle, one self-contained HTML page, as AC's oven sends it (`/pack-html`, or else `/bundle-html`;
 * KidLisp goes by `code`). The oven is asked for a stream of events, in which it tells how far it has got; from one that
 * sends the page itself that is taken. An oven that is busy or out of reach is asked again until `retry` gives up. Throws
 * `UnknownPieceError`, `OvenError`, `BundleError` for more than `limit` bytes, and the reason that `stop` is aborted with.
 */
export async function bake(
  oven: string,
  piece: string,
  { limit, retry, stop, onBaking }: BakeOptions,
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
        const body = await collect(chunks(), 64 * 1024).catch(lost(stop));
        throw refused(piece, response, body ? new TextDecoder().decode(body) : "");
      }
      const isStream = /^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "");
      const whole = isStream
        ? await bakedIn(answer, piece, limit, onBaking).catch(tooLargeOr(lost(stop)))
        : await collect(chunks(), limit).catch(lost(stop));
      if (!whole) throw new BundleError(`${piece} is larger than the ${limit} bytes there is room for`);
      return whole;
    });
  } catch (error) {
    if (error instanceof CaptivePortalError) throw error; // the network's, whoever was asked
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
  url.searchParams.set("noboxart", "1"); // a picture that the page hides at once, with the time of packing in it
  url.searchParams.set("format", "stream");
  return url.href;
}

function ask(url: string, stop: AbortSignal): Promise<Answer> {
  return get(url, { silenceMs: SILENCE_MS, stop }).catch(lost(stop));
}

/** The page at the end of a stream of events; `undefined` when it is too large. */
async function bakedIn(
  { chunks, response }: Answer,
  piece: string,
  limit: number,
  onBaking: BakeOptions["onBaking"],
): Promise<Bytes | undefined> {
  const room = Math.ceil(limit / 3) * 4 + 64 * 1024; // in base64, and the words before it
  for await (const { type, data } of eventsIn(chunks(), room)) {
    const { message, content, error } = objectIn(data);
    if (type === "progress" && typeof message === "string") onBaking?.(message);
    if (type === "error") throw answered(piece, response.status, typeof error === "string" ? error : data);
    if (type !== "complete") continue;
    const bytes = typeof content === "string" ? bytesOfBase64(content) : undefined;
    if (!bytes) throw new OvenError(`The oven, which bundles pieces, sent ${piece} badly packed`);
    return bytes.length > limit ? undefined : bytes;
  }
  throw new Failure("lost", "The oven, which bundles pieces, broke off before its bundle was ready");
}

function lost(stop: AbortSignal): (error: unknown) => never {
  return (error) => {
    stop.throwIfAborted();
    if (error instanceof Failure || error instanceof OvenError || error instanceof UnknownPieceError)
      throw error;
    const what = `The oven, which bundles pieces, cannot be reached: ${unreachable(error)}`;
    throw new Failure("lost", what, { cause: error });
  };
}

/** An event that is too large has the bundle in it. */
function tooLargeOr(otherwise: (error: unknown) => never): (error: unknown) => undefined {
  return (error) => (error instanceof RangeError ? undefined : otherwise(error));
}

/** The error for an answer that is no bundle: a `Failure` where another attempt may succeed. */
function refused(piece: string, response: Response, body: string): Error {
  const { status } = response;
  const { error, message } = objectIn(body);
  const said = [error, message].filter((words) => typeof words === "string").join(": ") || body.slice(0, 200);
  if (status === 500) return answered(piece, status, said);
  const cause = new Error(`HTTP ${status}: ${said}`);
  if (status === 404) return new UnknownPieceError(`There is no piece called ${piece}`, { cause });
  const failure = refusal(response, "The oven, which bundles pieces,");
  return failure.kind === "refused" ? answered(piece, status, said) : failure;
}

/**
 * AC's oven answers 500 with `{ error }` for whatever goes wrong, also for a piece that it does not know, which is told by
 * its words: `Piece 'x' not found at disks/x.mjs`, `Piece '$x' not found`. Other words with "not found" in them (a
 * file, a module, a host) are the oven's own trouble.
 */
function answered(piece: string, status: number, said: string): Error {
  const cause = new Error(`HTTP ${status}: ${said}`);
  if (/^(?:piece\b.{0,200}\bnot found|piece not found|unknown piece)/i.test(said)) {
    return new UnknownPieceError(`There is no piece called ${piece}`, { cause });
  }
  const words = said.replace(/[^\x20-\x7e]+/g, " ").slice(0, 100);
  const why = status === 200 ? `could not bundle ${piece}: ${words}` : `answered ${status} for ${piece}`;
  return new OvenError(`The oven, which bundles pieces, ${why}`, { cause });
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as Record<string, unknown> | null) };
  } catch {
    return {};
  }
}

function bytesOfBase64(text: string): Bytes | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
