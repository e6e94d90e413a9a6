import type { Bytes } from "../../bytes/segment.ts";

/** Numbers from a seed, the same on every machine. */
export class Random {
  #state: number;

  /** Different seeds, also neighbours, give streams that have nothing to do with each other. */
  constructor(...seeds: readonly (number | string)[]) {
    let hash = 0x811c_9dc5; // FNV-1a
    for (const character of seeds.join(" ")) {
      hash = Math.imul(hash ^ character.charCodeAt(0), 0x0100_0193);
    }
    this.#state = hash >>> 0;
  }

  /** A whole number from 0 to `below - 1` (mulberry32). */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  /** Small ones mostly, up to `below - 1`. */
  skewed(below: number): number {
    return this.below(this.below(below) + 1);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

/** Values at which lengths, counts and offsets go wrong. */
const EXTREMES = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  0x8001n,
  0xffffn,
].concat([
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fffen,
  0xffff_ffffn,
  0x1_0000_0000n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
]);

type Change = (bytes: Bytes, random: Random, others: readonly Bytes[]) => Bytes;

/** Changes within the length. `start` and `length` are where. */
const IN_PLACE: readonly ((bytes: Bytes, random: Random, start: number, length: number) => void)[] = [
  (bytes, random, start, length) => void (bytes[start + random.below(length)]! ^= 1 << random.below(8)),
  (bytes, random, start, length) => void (bytes[start + random.below(length)] = random.below(256)),
  writeExtreme,
  writeExtreme,
  writeExtreme,
  (bytes, random, start, length) => {
    const at = start + random.below(length);
    bytes[at] = bytes[at]! + random.below(33) - 16;
  },
  (bytes, random, start, length) => {
    const [from, to] = [start + random.below(length), start + random.below(length)];
    bytes.copyWithin(
      to,
      from,
      Math.min(from + random.skewed(256) + 1, start + length - Math.max(0, to - from)),
    );
  },
  (bytes, random, start, length) => {
    const at = start + random.below(length);
    bytes.fill(
      random.of([0, 0xff, random.below(256)]),
      at,
      Math.min(at + random.skewed(64) + 1, start + length),
    );
  },
];

/** Change bytes `start, length` in place, once. */
export function mutateInPlace(bytes: Bytes, random: Random, start = 0, length = bytes.length): void {
  if (length > 0) random.of(IN_PLACE)(bytes, random, start, length);
}

function writeExtreme(bytes: Bytes, random: Random, start: number, length: number): void {
  const width = random.of([1, 2, 4, 8].filter((each) => each <= length));
  const at = start + Math.floor(random.below(length - width + 1) / width) * width;
  const value = BigInt.asUintN(width * 8, random.of(EXTREMES));
  const little = random.below(4) > 0;
  for (let i = 0; i < width; i++) {
    bytes[at + (little ? i : width - 1 - i)] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
}

/** Changes that make it shorter, longer or another. */
const RESHAPE: readonly Change[] = [
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)), // cut off
  (bytes, random) => bytes.slice(random.skewed(bytes.length + 1)),
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + random.skewed(64))));
  },
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    const some = bytes.subarray(from, from + 1 + random.skewed(64));
    const at = random.below(bytes.length + 1);
    const times = random.once(8) ? 1 + random.skewed(2000) : 1;
    return joined(bytes.subarray(0, at), ...Array.from({ length: times }, () => some), bytes.subarray(at));
  },
  (bytes, random, others) => {
    const other = random.of(others);
    return joined(
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length + 1)),
    );
  },
];

/**
 * A changed copy of `bytes`: one to eight bit flips, extreme numbers, cuts, repetitions, splices with `others`, and words
 * of `tokens` put in.
 */
export function mutate(
  bytes: Bytes,
  random: Random,
  others: readonly Bytes[],
  tokens: readonly string[] = [],
): Bytes {
  let changed = bytes.slice();
  for (let i = random.skewed(8); i >= 0; i--) {
    const kind = random.below(tokens.length > 0 ? 4 : 2);
    if (kind === 0) changed = random.of(RESHAPE)(changed, random, others);
    else if (kind === 1) mutateInPlace(changed, random);
    else changed = insertToken(changed, random, random.of(tokens));
  }
  return changed;
}

/** `token`, in the place of something or before it. */
function insertToken(bytes: Bytes, random: Random, token: string): Bytes {
  const at = random.below(bytes.length + 1);
  const replaced = random.once(2) ? token.length : 0;
  return joined(bytes.subarray(0, at), new TextEncoder().encode(token), bytes.subarray(at + replaced));
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}
