import { expect, test, vi } from "vitest";
import { BaseImageError, ConnectionError } from "../errors.ts";
import type { Trouble } from "../messages.ts";
import { Computer } from "../testing/computer.ts";
import { Failure, parseRetryAfter, portal, refusal } from "./failure.ts";
import { nextAttempt, RetryPolicy } from "./retry.ts";

const times = { silenceMs: 1000, firstWaitMs: 100, longestWaitMs: 1000, giveUpAfterMs: 10_000 };
const never = new AbortController().signal;
const lost = new Failure("lost", "The server was lost");
const busy = (retryAfterMs: number) => new Failure("busy", "The server answered 503", { retryAfterMs });

test.each<[string, Failure, { tries: number; troubleMs: number; jitter: number }, number]>([
  ["the first wait", lost, { tries: 1, troubleMs: 0, jitter: 1 }, 100],
  ["jitter takes off up to half", lost, { tries: 1, troubleMs: 0, jitter: 0 }, 50],
  ["twice as long for each attempt", lost, { tries: 4, troubleMs: 0, jitter: 1 }, 800],
  ["up to the longest", lost, { tries: 5, troubleMs: 0, jitter: 1 }, 1000],
  ["however many attempts", lost, { tries: 5000, troubleMs: 0, jitter: 1 }, 1000],
  ["to the last millisecond", lost, { tries: 9, troubleMs: 10_000, jitter: 1 }, 1000],
  ["as long as the server asks", busy(5000), { tries: 1, troubleMs: 0, jitter: 1 }, 5000],
  ["no shorter since the server would like that", busy(1), { tries: 1, troubleMs: 0, jitter: 1 }, 100],
  ["as long as there is left", busy(7000), { tries: 1, troubleMs: 3000, jitter: 1 }, 7000],
])("the wait is %s", (_, failure, attempts, waitMs) => {
  expect(nextAttempt(failure, { refusedMs: 0, ...attempts }, times)).toEqual({ waitMs });
});

test.each<[string, Failure, number, new (message: string) => Error, string]>([
  [
    "nothing has come for too long",
    lost,
    10_001,
    ConnectionError,
    "The server was lost, and nothing came for 10 s",
  ],
  [
    "the server asks for more time than there is",
    busy(7001),
    3000,
    BaseImageError,
    "The server answered 503 and asks to be left alone for 7 s",
  ],
  [
    "it asks for hours",
    busy(7_200_000),
    0,
    BaseImageError,
    "The server answered 503 and asks to be left alone for 120 minutes",
  ],
])("it is given up when %s", (_, failure, troubleMs, kind, message) => {
  const next = nextAttempt(failure, { tries: 3, troubleMs, refusedMs: 0, jitter: 1 }, times);
  expect(next).toEqual({ giveUp: expect.any(kind) });
  expect("giveUp" in next && next.giveUp).toMatchObject({ message, cause: failure });
});

const refused = new Failure("refused", "The server answered 404");
const wrong = new Failure("wrong", 'The server sent "bytes 1-2/3"', { isRefusal: true });
const mismatch = new Failure("wrong", "The base image is not the one its manifest describes");
test.each<[string, Failure, { tries: number; refusedMs: number }, boolean]>([
  ["not three times", refused, { tries: 2, refusedMs: 60_000 }, false],
  ["not for five seconds", refused, { tries: 9, refusedMs: 5000 }, false],
  ["three times, and for more than five seconds", refused, { tries: 3, refusedMs: 5001 }, true],
  ["that often and that long, by what cannot be right", wrong, { tries: 3, refusedMs: 5001 }, true],
  ["nor has who sent wrong bytes, whom others judge", mismatch, { tries: 9, refusedMs: 5001 }, false],
  ["and then answered otherwise", busy(0), { tries: 9, refusedMs: 5001 }, false],
])("a server has refused %s", (_, failure, attempts, isBelieved) => {
  const next = nextAttempt(failure, { troubleMs: 0, jitter: 1, ...attempts }, times);
  if (!isBelieved) expect(next).toEqual({ waitMs: expect.any(Number) });
  else expect("giveUp" in next && next.giveUp).toMatchObject({ name: "BaseImageError", cause: failure });
});

test("a network that asks people to sign in has its own time, and its own name", () => {
  const failure = portal("The server");
  const attempts = { tries: 9, refusedMs: 0, jitter: 1 };
  const longer = { ...times, signInMs: 60_000 };
  expect(nextAttempt(failure, { ...attempts, troubleMs: 60_000 }, longer)).toEqual({ waitMs: 1000 });
  for (const [troubleMs, its] of [
    [60_001, longer],
    [10_001, times],
  ] as const) {
    const next = nextAttempt(failure, { ...attempts, troubleMs }, its);
    expect("giveUp" in next && next.giveUp).toMatchObject({ name: "CaptivePortalError", cause: failure });
    expect("giveUp" in next && next.giveUp).toBeInstanceOf(ConnectionError);
  }
});

test.each<[Trouble["kind"], number[]]>([
  ["busy", [408, 425, 429, 500, 502, 503, 504, 507, 508, 509, 520, 521, 522, 525, 530, 599]],
  ["refused", [400, 401, 403, 404, 405, 410, 416, 451, 501, 505]],
  ["portal", [511]],
])("%s: %j", (kind, statuses) => {
  const kinds = statuses.map((status) => refusal(new Response(null, { status }), "The server").kind);
  expect(kinds).toEqual(statuses.map(() => kind));
});

const now = Date.parse("2026-01-01T00:00:00Z");
test.each([
  [null, 0],
  ["", 0],
  ["0", 0],
  ["120", 120_000],
  [" 7 ", 7000],
  ["1.5", 0],
  ["-1", 0],
  ["soon", 0],
  ["1234567890", 0],
  ["Thu, 01 Jan 2026 00:00:10 GMT", 10_000],
  ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
])("Retry-After: %s is %i ms", (header, milliseconds) => {
  expect(parseRetryAfter(header, now)).toBe(milliseconds);
});

/** A policy whose waits are over at once, and whose clock goes only when it is told to. */
function policy({ online = true } = {}) {
  const state = { ran: 0, online };
  const told: (Trouble | undefined)[] = [];
  const retry = new RetryPolicy(
    { ...times, firstWaitMs: 0, longestWaitMs: 0 },
    {
      clock: { now: () => state.ran, onWake: () => () => {} },
      isOnline: () => state.online,
      onTrouble: (trouble) => told.push(trouble),
    },
  );
  return { retry, state, told };
}

test("it is given up when nothing has come for too long, and progress starts the time anew", async () => {
  const { retry, state, told } = policy();
  await retry.backoff(lost, 1, never);
  state.ran += times.giveUpAfterMs;
  await retry.backoff(lost, 2, never);
  retry.onProgress();
  expect(told).toMatchObject([{ kind: "lost", tries: 1 }, { kind: "lost", tries: 2 }, undefined]);
  state.ran += 1;
  await retry.backoff(lost, 1, never);
  state.ran += times.giveUpAfterMs + 1;
  await expect(retry.backoff(lost, 2, never)).rejects.toThrow(ConnectionError);
});

test("time offline does not count", async () => {
  const { retry, state, told } = policy({ online: false });
  await retry.backoff(lost, 1, never);
  state.ran += 10 * times.giveUpAfterMs;
  await retry.backoff(lost, 2, never);
  expect(told).toMatchObject([{ kind: "offline" }, { kind: "offline" }]);
  state.online = true;
  await retry.backoff(lost, 3, never);
  expect(told.at(-1)).toMatchObject({ kind: "lost" });
});

test("retryNow ends a wait, and connections only when they have been silent", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const retry = new RetryPolicy();
  const waiting = retry.backoff(busy(60_000), 1, never);
  retry.onBytes(1);
  const busyNow = retry.attemptSignal;
  retry.retryNow();
  await waiting;
  expect(busyNow.aborted).toBe(false);
  vi.setSystemTime(Date.now() + 3001);
  retry.retryNow();
  expect(busyNow.aborted).toBe(true);
  expect(retry.attemptSignal.aborted).toBe(false);
  vi.useRealTimers();
});

test("a computer that sleeps ends a wait when it wakes, and what it slept does not count", async () => {
  const computer = new Computer();
  const told: (Trouble | undefined)[] = [];
  const retry = new RetryPolicy(
    { ...times, firstWaitMs: 3600_000, longestWaitMs: 3600_000, giveUpAfterMs: 28_000 },
    { clock: computer.clock, onTrouble: (trouble) => told.push(trouble) },
  );
  for (let tries = 1; tries <= 10; tries++) {
    const waiting = retry.backoff(lost, tries, never);
    computer.run(500);
    computer.sleep(30_000);
    computer.run(1000);
    await waiting;
  }
  expect(told).toHaveLength(10);
});

test("persist tries again after failures, but not when the server goes on refusing, nor after other errors", async () => {
  const attempts = (errors: Error[], ms = 0) => {
    let tries = 0;
    const { retry, state } = policy();
    const attempt = () => {
      const error = errors[tries++];
      state.ran += ms;
      return error ? Promise.reject(error) : Promise.resolve("done");
    };
    return retry.persist(never, attempt).catch((error: unknown) => error);
  };
  expect(await attempts([lost, refused, lost, refused])).toBe("done");
  expect(await attempts([refused, refused, refused, refused, refused])).toBe("done");
  expect(await attempts([refused, refused, lost, refused, refused], 1800)).toBe("done");
  expect(await attempts([refused, refused, refused, refused, refused], 1800)).toMatchObject({
    name: "BaseImageError",
    cause: refused,
  });
  const other = new RangeError("no failure");
  expect(await attempts([lost, other])).toBe(other);
});

test("persist waits while paused, and ends with the reason it is stopped for", async () => {
  const { retry } = policy();
  retry.pause();
  let tries = 0;
  const result = retry.persist(never, () => Promise.resolve(++tries));
  const stop = new AbortController();
  const stopped = expect(retry.persist(stop.signal, () => Promise.resolve(++tries))).rejects.toThrow(
    "enough",
  );
  stop.abort(new Error("enough"));
  await stopped;
  expect(tries).toBe(0);
  retry.resume();
  expect(await result).toBe(1);
});
