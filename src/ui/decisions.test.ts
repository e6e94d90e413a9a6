import { expect, test } from "vitest";
import { info, several } from "../testing/states.ts";
import { decisionsOf, foreseen, including } from "./decisions.ts";

const { pieces } = decisionsOf(several, undefined);
const frog = "@jeffrey/frog";
const namesOf = (chosen: typeof pieces) => chosen.map(({ name }) => name);

test("one that is left out goes, and comes back last, with what it may use", () => {
  const without = including(frog, pieces, several);
  expect(namesOf(without)).toEqual(["notepat", "line"]);
  const left = { name: frog, message: "", size: 5, allow: ["midi"] } as const;
  const again = including(frog, without, { ...several, leftOut: [left] });
  expect(again).toEqual([...without, { name: frog, allow: ["midi"] }]);
});

test("one that there was no room for comes in the place of another, and one that was left out does not", () => {
  const leftOut = [
    { name: "large", message: "There is no room for large.", size: 5 },
    { name: "away", message: "", size: 5 },
    { name: "frogg", message: "There is no piece called frogg." },
  ];
  expect(namesOf(including("line", pieces, { ...several, leftOut }))).toEqual(["notepat", frog, "large"]);
});

test("the last one stays, and what is not to be had stays away", () => {
  const only = decisionsOf(info, undefined).pieces;
  expect(including("notepat", only, info)).toEqual(only);
  const leftOut = [{ name: "frogg", message: "There is no piece called frogg." }];
  expect(including("frogg", only, { ...info, leftOut })).toEqual(only);
  expect(including("notepat", only, { ...info, leftOut })).toEqual(only);
  expect(including("never", only, info)).toEqual(only);
});

test("the piece alone is seen to be so at once, stays so when something else is said, and the whole comes back", () => {
  const alone = foreseen(several, { ...decisionsOf(several, undefined), only: "piece" });
  expect(alone).toMatchObject({ only: "piece", sha256: "" });
  expect(decisionsOf(alone, undefined)).toMatchObject({ pieces, only: "piece" });
  expect(foreseen(alone, { pieces })).not.toHaveProperty("only");
});

test("what is chosen is seen before the image is known", () => {
  const next = { ...decisionsOf({ ...several, by: "@jeffrey", start: "line" }, undefined), start: frog };
  const allowed = { ...next, pieces: next.pieces.map(({ name }) => ({ name, allow: ["network"] as const })) };
  const seen = foreseen({ ...several, start: "line" }, allowed);
  expect(seen).toMatchObject({ sha256: "", start: frog, by: "@jeffrey", allow: ["network"] });
  expect(seen.pieces.map(({ allow }) => allow)).toEqual([["network"], ["network"], ["network"]]);
  expect(foreseen({ ...several, start: "line", by: "@jeffrey" }, { pieces })).not.toMatchObject({
    start: "line",
  });
});
