import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Watchdog } from "./watchdog.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("barks once, after twelve unanswered seconds", () => {
  const bark = vi.fn();
  const watchdog = new Watchdog(() => {}, bark);
  vi.advanceTimersByTime(11_000);
  watchdog.pong();
  vi.advanceTimersByTime(12_000);
  expect(bark).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(bark).toHaveBeenCalledOnce();
});

test("asks every second", () => {
  const ping = vi.fn();
  const watchdog = new Watchdog(ping, () => {});
  vi.advanceTimersByTime(3_000);
  watchdog.stop();
  vi.advanceTimersByTime(3_000);
  expect(ping).toHaveBeenCalledTimes(3);
});
