import { BundleError, OvenError, UnknownPieceError } from "../errors.ts";
import type { Bytes } from "../segment.ts";
import { collect, get, unreachable } from "./http.ts";

/** Bundling a piece the oven has not seen lately can take it a while, in milliseconds. */
const PATIENCE = 120_000;

/**
 * The piece's bundle, one self-contained HTML page, from AC's oven (`/pack-html`; KidLisp goes by `code`).
 * Throws `UnknownPieceError`, `OvenError`, or `BundleError` for something else than a piece or for more
 * than `limit` bytes.
 */
export async function fetchBundle(
  oven: string,
  piece: string,
  limit: number,
  signal: AbortSignal,
): Promise<Bytes> {
  const address = `${oven.replace(/\/$/, "")}/pack-html`;
  if (!URL.canParse(address)) throw new OvenError(`The oven's address, ${oven}, is none`);
  const url = new URL(address);
  url.searchParams.set(piece.startsWith("$") ? "code" : "piece", piece);
  url.searchParams.set("nocompress", "1"); // the kiosk reads from a local disk: nothing gained by packing
  url.searchParams.set("density", "8"); // what the kiosk shows pieces at
  try {
    const { response, chunks } = await get(url.href, signal, { patience: PATIENCE });
    if (!response.ok) {
      const said = await collect(chunks(), 64 * 1024);
      throw refusal(piece, response.status, said && new TextDecoder().decode(said));
    }
    const bundle = await collect(chunks(), limit);
    if (!bundle) throw new BundleError(`${piece} is larger than the ${limit} bytes there is room for`);
    checkBundle(piece, bundle);
    return bundle;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OvenError || error instanceof BundleError || error instanceof UnknownPieceError)
      throw error;
    throw new OvenError(`The oven, which bundles pieces, cannot be reached: ${unreachable(error)}`, {
      cause: error,
    });
  }
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

/** The oven answers 500 with `{ error }` also for a piece it does not know. */
function refusal(piece: string, status: number, body: string | undefined): Error {
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
  return new OvenError(`The oven, which bundles pieces, answered ${status} for ${piece}`, { cause });
}
