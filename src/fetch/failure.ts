import type { Trouble } from "../messages.ts";

/**
 * One attempt to fetch something came to nothing. Another may do better: what is made of it, and when it is
 * given up, is for `retry.ts` to say.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: Trouble["kind"];
  /** The server asked to be left alone for so many milliseconds. */
  readonly retryAfter: number;

  constructor(kind: Trouble["kind"], message: string, { retryAfter = 0, cause }: FailureDetails = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

interface FailureDetails {
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/** Statuses that pass: a timeout, too early, too many requests, and a server's own troubles. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What an answer other than the one hoped for means (RFC 9110, section 15). */
export function refusal(response: Response, what: string): Failure {
  const { status } = response;
  if (!PASSING.has(status)) return new Failure("refused", `${what} answered ${status}`);
  const retryAfter = waitOf(response.headers.get("Retry-After"), Date.now());
  return new Failure("busy", `${what} answered ${status}`, { retryAfter });
}

/**
 * `Retry-After` in milliseconds from `now`: seconds or a date (RFC 9110, section 10.2.3), 0 for anything
 * else. A page sees it only where the server exposes it.
 */
export function waitOf(header: string | null, now: number): number {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
