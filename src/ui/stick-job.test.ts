import { expect, test } from "vitest";
import { stickJobOf } from "./stick-job.ts";

test.each([
  { do: "choose" },
  { do: "again" },
  { do: "leave" },
  { do: "stop" },
  { do: "look" },
  { do: "put", replace: true },
  { do: "put", replace: false },
  { do: "repair" },
  { do: "start", folder: "notepat-1" },
  { do: "remove", folder: "notepat-1" },
  { do: "check" },
  { do: "takeOff" },
])("%j is taken as it is", (job) => expect(stickJobOf(job)).toEqual(job));

test.each([
  undefined,
  null,
  "takeOff",
  7,
  [],
  {},
  { do: "format" },
  { do: "constructor" },
  { do: ["takeOff"] },
  { do: "start" },
  { do: "remove", folder: 7 },
  { do: "remove", folder: ["notepat-1"] },
])("%j is nothing to do", (asked) => expect(stickJobOf(asked)).toBeUndefined());

test("what does not belong to it is left out, and only true is yes", () => {
  expect(stickJobOf({ do: "put", replace: "no", evil: () => {} })).toEqual({ do: "put", replace: false });
  expect(stickJobOf({ do: "put" })).toEqual({ do: "put", replace: false });
});
