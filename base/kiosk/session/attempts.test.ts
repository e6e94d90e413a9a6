import { expect, test } from "vitest";
import { attempt } from "./attempts.ts";

test("the first attempt begins at once, with the graphics drivers", () => {
  expect(attempt(0, 8)).toEqual({ accelerated: true, pauseSeconds: 0, timeoutSeconds: 60 });
});

test("after two that failed the processor draws", () => {
  expect([0, 1, 2, 3, 50].map((failures) => attempt(failures, 8).accelerated)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("the processor draws at once where no driver can", () => {
  expect(attempt(0, 8, false)).toEqual({ accelerated: false, pauseSeconds: 0, timeoutSeconds: 60 });
});

test("pauses grow, and end growing", () => {
  expect([1, 2, 3, 6, 50].map((failures) => attempt(failures, 8).pauseSeconds)).toEqual([1, 2, 4, 30, 30]);
});

test("a slow machine is given more time", () => {
  expect(attempt(0, 100).timeoutSeconds).toBe(600);
  expect(attempt(1, 100).timeoutSeconds).toBe(1200);
});
