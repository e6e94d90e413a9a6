import type { Trouble } from "../messages.ts";

/**
 * What a server has refused this often, and for this long, it will not give: 403 and 404 also come for a few seconds
 * while a release is published, and a CDN has one copy and not yet the other.
 */
export const MAX_REFUSALS = 3;
export const REFUSED_FOR_MS = 5_000;

/**
 * One attempt to fetch something failed. Another may succeed; when the next one is made, and when there is none, is
 * decided in `retry.ts`.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: Trouble["kind"];
  /** For how long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number;
  /** Whether this is likely to be the server's last word: no, or an answer that cannot be one. */
  readonly isRefusal: boolean;

  constructor(
    kind: Trouble["kind"],
    message: string,
    { retryAfterMs = 0, isRefusal = kind === "refused", cause }: FailureDetails = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
    this.isRefusal = isRefusal;
  }
}

/** An answer that shows that a server does not honour ranges (RFC 9110, section 14.2): it can be asked for all. */
export class NoRanges extends Failure {}

interface FailureDetails {
  readonly retryAfterMs?: number;
  readonly isRefusal?: boolean;
  readonly cause?: unknown;
}

/** Statuses below 500 that pass: a timeout, too early, too many requests. */
const PASSING = new Set([408, 425, 429]);

/** Statuses from 500 on that do not: a method, or a version of HTTP, that the server does not know. */
const LASTING = new Set([501, 505]);

/**
 * The failure that an unexpected status means (RFC 9110, section 15; RFC 6585, section 6). `server` is what messages call
 * the server. 5xx are a server's own troubles, those that nobody has registered too: 507, 509, and the 520 to 530 of
 * a CDN that does not reach the server behind it.
 */
export function refusal(response: Response, server: string): Failure {
  const { status } = response;
  if (status === 511) return portal(server);
  const message = `${server} answered ${status}`;
  const passes = PASSING.has(status) || (status >= 500 && !LASTING.has(status));
  if (!passes) return new Failure("refused", message);
  const retryAfterMs = parseRetryAfter(response.headers.get("Retry-After"), Date.now());
  return new Failure("busy", message, { retryAfterMs });
}

/** The failure that it is when a network's login page comes in the place of what `server` has (a captive portal). */
export function portal(server: string): Failure {
  return new Failure(
    "portal",
    `${server} answered with a web page: perhaps this network asks you to sign in`,
  );
}

/**
 * `Retry-After` in milliseconds from `now`: seconds or a date (RFC 9110, section 10.2.3), 0 for anything
 * else. A page sees it only where the server exposes it.
 */
export function parseRetryAfter(header: string | null, now: number): number {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
