import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Watchdog } from "./watchdog.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("barks once, after so many seconds without food", () => {
  const bark = vi.fn();
  const watchdog = new Watchdog(12, () => {}, bark);
  vi.advanceTimersByTime(11_000);
  watchdog.feed();
  vi.advanceTimersByTime(12_000);
  expect(bark).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(bark).toHaveBeenCalledOnce();
});

test("ticks every second until it is stopped", () => {
  const tick = vi.fn();
  const watchdog = new Watchdog(12, tick, () => {});
  vi.advanceTimersByTime(3_000);
  watchdog.stop();
  vi.advanceTimersByTime(3_000);
  expect(tick).toHaveBeenCalledTimes(3);
});
