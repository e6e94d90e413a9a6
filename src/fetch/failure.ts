import type { Trouble } from "../messages.ts";

/** What a server has refused this often it will not give. */
export const MAX_REFUSALS = 3;

/**
 * One attempt to fetch something failed. Another may succeed; when the next one is made, and when there is none, is
 * decided in `retry.ts`.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: Trouble["kind"];
  /** For how long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(kind: Trouble["kind"], message: string, { retryAfterMs = 0, cause }: FailureDetails = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

interface FailureDetails {
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** Statuses that pass: a timeout, too early, too many requests, and a server's own troubles. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The failure that an unexpected status means (RFC 9110, section 15). `server` is what messages call the server. */
export function refusal(response: Response, server: string): Failure {
  const message = `${server} answered ${response.status}`;
  if (!PASSING.has(response.status)) return new Failure("refused", message);
  const retryAfterMs = parseRetryAfter(response.headers.get("Retry-After"), Date.now());
  return new Failure("busy", message, { retryAfterMs });
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
