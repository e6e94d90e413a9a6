import { expect, test } from "vitest";
import { dark, light } from "./palette.ts";
import { MACHINE, machine, PICTURE, pictures, sprite } from "./pictures.ts";

test("a run of a letter is one box, in its colour", () => {
  expect(sprite([".oo.l", "b...."], 10, 20, 3)).toEqual([
    { kind: "box", x: 13, y: 20, w: 6, h: 3, color: "body" },
    { kind: "box", x: 22, y: 20, w: 3, h: 3, color: "light" },
    { kind: "box", x: 10, y: 23, w: 3, h: 3, color: "bar" },
  ]);
});

test.each(Object.entries(pictures))("%s is drawn, within the size that all pictures have", (_name, draw) => {
  expect(draw(5, 7, 2).length).toBeGreaterThan(5);
  for (const it of draw(5, 7, 2)) {
    const [w, h] = it.kind === "text" ? [it.text.length * 6 * it.size, 9 * it.size] : [it.w, it.h];
    expect(it.x).toBeGreaterThanOrEqual(5);
    expect(it.y).toBeGreaterThanOrEqual(7);
    expect(it.x + w).toBeLessThanOrEqual(5 + 2 * PICTURE.w);
    expect(it.y + h).toBeLessThanOrEqual(7 + 2 * PICTURE.h);
  }
});

test("no two faces are alike, and each is on the machine's screen", () => {
  const faces = (["calm", "glad", "busy", "asleep", "sad"] as const).map((face) => machine(face, 0, 0, 1));
  expect(new Set(faces.map((items) => JSON.stringify(items))).size).toBe(5);
  for (const it of faces.flat()) {
    if (it.kind !== "box") throw new Error("a machine is drawn in boxes");
    expect(it.x + it.w).toBeLessThanOrEqual(MACHINE.w);
    expect(it.y + it.h).toBeLessThanOrEqual(MACHINE.h);
  }
});

/** WCAG 2.2's contrast of two colours. */
function contrast(a: readonly number[], b: readonly number[]): number {
  const luminance = (color: readonly number[]) => {
    const [r = 0, g = 0, blue = 0] = color.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

test.each([
  ["dark", dark],
  ["light", light],
] as const)("%s: all that is written can be read on what lies behind it", (_name, colors) => {
  for (const ink of ["title", "text", "dim", "key", "good", "bad"] as const) {
    for (const paper of ["back", "scan", "panel"] as const) {
      expect.soft(contrast(colors[ink], colors[paper]), `${ink} on ${paper}`).toBeGreaterThan(4.5);
    }
  }
});
