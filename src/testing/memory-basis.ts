import fc from "fast-check";
import type { Bytes } from "../bytes/segment.ts";
import type { Basis } from "../fetch/basis.ts";
import type { Copy } from "../release/copies.ts";
import { pattern } from "./bytes.ts";

/** A part of an image that an older one has too, and how that is not so after all. */
export interface BasisPart {
  /** How many bytes after the part before it. */
  readonly gap: number;
  readonly length: number;
  /** The list names another place; the older image has another byte there; it cannot be read there. */
  readonly lie?: "elsewhere" | "damaged" | "unreadable" | undefined;
}

/** Any parts of about up to `most` bytes, a few of which may lie, or all of them. */
export function arbitraryBasis(most: number): fc.Arbitrary<readonly BasisPart[]> {
  const lie = fc.constantFrom("elsewhere", "damaged", "unreadable");
  const partsWith = (lies: fc.Arbitrary<BasisPart["lie"]>) =>
    fc.array(
      fc.record({
        gap: fc.oneof(fc.constant(0), fc.nat(most)),
        length: fc.integer({ min: 1, max: most }),
        lie: lies,
      }),
      { maxLength: 30, size: "max" },
    );
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: partsWith(fc.constant(undefined)) },
    partsWith(fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, lie)),
    partsWith(lie),
  );
}

/** An older image in memory that has these parts of `image`, in another order. */
export function memoryBasis(image: Bytes, parts: readonly BasisPart[]): Basis {
  const placed: (BasisPart & { readonly start: number })[] = [];
  let end = 0;
  for (const part of parts) {
    const start = end + part.gap;
    end = Math.min(start + part.length, image.length);
    if (start < end) placed.push({ ...part, start, length: end - start });
  }
  const older: Bytes[] = [];
  const copies: Copy[] = [];
  const unreadable: Copy[] = [];
  let size = 0;
  for (const { start, length, lie } of placed.toReversed()) {
    const before = pattern(37, size); // of the older image alone
    const bytes = image.slice(start, start + length);
    if (lie === "damaged") bytes[Math.floor(length / 2)]! ^= 1;
    const from = size + before.length;
    const copy = { start, from: lie === "elsewhere" ? Math.floor(from / 2) : from, length };
    if (lie === "unreadable") unreadable.push(copy);
    copies.unshift(copy);
    older.push(before, bytes);
    size = from + length;
  }
  const whole = Buffer.concat(older);
  return {
    copies,
    read(from, into) {
      const overlaps = (copy: Copy) => from < copy.from + copy.length && copy.from < from + into.length;
      if (unreadable.some(overlaps)) return false;
      into.set(whole.subarray(from, from + into.length));
      return true;
    },
  };
}
