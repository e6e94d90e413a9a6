import { expect, test } from "vitest";
import { Raster, picture } from "./raster.ts";

/** What `draw` leaves on a small black picture: `#` where it is white. */
function drawn(draw: (raster: Raster) => void, width = 8, height = 6): string[] {
  const raster = new Raster(picture(width, height));
  raster.clear([0, 0, 0, 255]);
  draw(raster);
  const { pixels } = raster.target;
  const marks = Array.from({ length: width * height }, (_, i) => (pixels[i * 4] ? "#" : ".")).join("");
  return marks.match(new RegExp(`.{${width}}`, "g")) ?? [];
}

test.each([
  ["fill", ["........", "........", "..###...", "..###...", "........", "........"]],
  ["outline", ["........", ".#####..", ".#...#..", ".#...#..", ".#####..", "........"]],
  ["inline", ["........", "........", "..###...", "..###...", "........", "........"]],
  ["outline:2", ["#######.", "#######.", "##...##.", "##...##.", "#######.", "#######."]],
  ["fill*center", [".......", "###....", "###....", ".......", ".......", "......."].map((row) => `${row}.`)],
])("a box in mode %s", (mode, rows) => {
  expect(drawn((raster) => raster.box(2, 2, 3, 2, mode))).toEqual(rows);
});

test.each([0, NaN])("a box %d wide is nothing", (width) => {
  expect(drawn((raster) => raster.box(2, 2, width, 2)).join("")).not.toContain("#");
});

test("a box of negative size reaches back from its pixel", () => {
  expect(drawn((raster) => raster.box(4, 3, -2, -2))).toEqual(drawn((raster) => raster.box(3, 2, 2, 2)));
});

test("a line has both its ends, in any direction, and stays inside", () => {
  expect(drawn((raster) => raster.line(1, 1, 4, 4))).toEqual(drawn((raster) => raster.line(4, 4, 1, 1)));
  expect(drawn((raster) => raster.line(-50, 2, 50, 2))[2]).toBe("########");
  expect(drawn((raster) => raster.line(3, -9, 3, 99)).join("")).toMatch(/^(\.{3}#\.{4}){6}$/);
});

test("half an alpha is half a colour", () => {
  const raster = new Raster(picture(1, 1));
  raster.clear([0, 0, 0, 255]);
  raster.color = [200, 100, 50, 128];
  raster.plot(0, 0);
  expect([...raster.target.pixels]).toEqual([100, 50, 25, 255]);
});

test("what is pasted is blended, and where it is empty nothing changes", () => {
  const small = new Raster(picture(2, 1));
  small.plot(1, 0);
  expect(drawn((raster) => raster.paste(small.target, 2, 2, 2)).slice(1, 5)).toEqual([
    "........",
    "....##..",
    "....##..",
    "........",
  ]);
});
