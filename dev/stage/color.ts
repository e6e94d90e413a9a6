import { colorNames } from "./names.ts";

/** Red, green, blue and alpha, 0 to 255. */
export type Color = readonly [number, number, number, number];

/**
 * The colour that a piece means, by AC's rules: `(r, g, b[, a])`, `(grey[, a])`, an array of these,
 * `"#rrggbb"`, a number above 255 as hex, a CSS name with or without alpha, a boolean. Nothing at all and
 * unknown names give a random colour, so that a mistake is seen.
 */
export function findColor(...args: unknown[]): Color {
  const [first, second] = args;
  if (args.length === 0 || (args.length === 1 && first === undefined)) return random();
  if (args.length === 1) {
    if (Array.isArray(first)) return findColor(...(first as unknown[]));
    if (typeof first === "boolean") return first ? [255, 255, 255, 255] : [0, 0, 0, 255];
    if (typeof first === "number") {
      return first > 255 ? fromHex(first) : complete([first, first, first, 255]);
    }
    if (typeof first === "string") return named(first) ?? random();
    throw new TypeError(`not a colour: ${String(first)}`);
  }
  if (args.length === 2) {
    if (typeof first !== "string") return complete([first, first, first, second]);
    const [r, g, b] = named(first) ?? random();
    return complete([r, g, b, alpha(second)]);
  }
  return complete(args.length === 3 ? [...args, 255] : args);
}

function named(name: string): Color | undefined {
  const hex = name.replace(/^#|^0x/, "");
  if (/^[0-9a-f]{6}$/i.test(hex)) return fromHex(parseInt(hex, 16));
  const rgb = colorNames.get(name);
  return rgb && [...rgb, 255];
}

function fromHex(value: number): Color {
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255, 255];
}

/** What is missing or no number is random. */
function complete(values: unknown[]): Color {
  const [r = NaN, g = NaN, b = NaN, a = NaN] = values.map((value) => {
    const number = Number(value);
    return Number.isNaN(number) ? Math.floor(Math.random() * 256) : Math.floor(number);
  });
  return [r, g, b, a];
}

/** From 0 to 1 it is a fraction. */
function alpha(value: unknown): number {
  const number = Number(value);
  return number >= 0 && number <= 1 ? Math.round(number * 255) : number;
}

function random(): Color {
  return complete([NaN, NaN, NaN, 255]);
}
