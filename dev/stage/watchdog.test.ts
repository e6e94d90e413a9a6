import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Watchdog } from "./watchdog.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("calls back once, after so many seconds without a reset", () => {
  const onTimeout = vi.fn();
  const watchdog = new Watchdog(12, () => {}, onTimeout);
  vi.advanceTimersByTime(11_000);
  watchdog.reset();
  vi.advanceTimersByTime(12_000);
  expect(onTimeout).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(onTimeout).toHaveBeenCalledOnce();
});

test("ticks every second until it is stopped", () => {
  const onTick = vi.fn();
  const watchdog = new Watchdog(12, onTick, () => {});
  vi.advanceTimersByTime(3_000);
  watchdog.stop();
  vi.advanceTimersByTime(3_000);
  expect(onTick).toHaveBeenCalledTimes(3);
});
