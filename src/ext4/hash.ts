/** MD4's initial state (RFC 1320), for a file system whose seed is all zeros. */
const MD4_START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476] as const;
/** MD4's constants (RFC 1320): the square roots of 2 and 3. */
const ROOT2 = 0x5a827999;
const ROOT3 = 0x6ed9eba1;
/** For each round: the order of the words, the rotations, and the constant that is added. */
const ROUNDS = [
  { order: [0, 1, 2, 3, 4, 5, 6, 7], rotations: [3, 7, 11, 19], constant: 0 },
  { order: [1, 3, 5, 7, 0, 2, 4, 6], rotations: [3, 5, 9, 13], constant: ROOT2 },
  { order: [3, 7, 2, 6, 1, 5, 0, 4], rotations: [3, 9, 11, 15], constant: ROOT3 },
] as const;

const state = new Int32Array(4);
const words = new Int32Array(8);

/** `DX_HASH_HALF_MD4`, the hash in use here. */
export const HALF_MD4 = 1;

/** A name's hash: `major` decides where it stands in a directory, `minor` breaks ties. */
export interface NameHash {
  readonly major: number;
  readonly minor: number;
}

/**
 * The hash of a name (`length` bytes of `name`) as `DX_HASH_HALF_MD4` has it, bytes taken as signed: MD4's three
 * rounds with eight steps each over 32 bytes at a time. `seed` is `s_hash_seed`, four words. The lowest bit of `major`
 * is zero: directory indexes use it for themselves.
 */
export function nameHash(name: Uint8Array, length: number, seed: readonly number[]): NameHash {
  state.set(seed.some((word) => word !== 0) ? seed : MD4_START);
  for (let at = 0; at < length; at += 32) {
    fillWords(name, at, length - at);
    halfMd4();
  }
  const major = (state[1]! & ~1) >>> 0;
  // The kernel reserves the highest hash for the end of a directory (EXT4_HTREE_EOF).
  return { major: major === 0xffff_fffe ? 0xffff_fffc : major, minor: state[2]! >>> 0 };
}

/** Up to 32 bytes as eight words, first byte highest, padded with the length of what is left. */
function fillWords(name: Uint8Array, start: number, left: number): void {
  const byte = left & 0xff;
  const padding = byte | (byte << 8) | (byte << 16) | (byte << 24);
  const end = Math.min(left, 32);
  for (let i = 0; i < 8; i++) {
    let word = padding;
    for (let k = 4 * i; k < Math.min(4 * i + 4, end); k++) {
      word = (((name[start + k]! << 24) >> 24) + (word << 8)) | 0;
    }
    words[i] = word;
  }
}

function halfMd4(): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  for (let round = 0; round < 3; round++) {
    const { order, rotations, constant } = ROUNDS[round]!;
    for (let step = 0; step < 8; step++) {
      const mixed = round === 0 ? d ^ (b & (c ^ d)) : round === 1 ? (b & c) + ((b ^ c) & d) : b ^ c ^ d;
      const sum = (a + mixed + words[order[step]!]! + constant) | 0;
      const rotation = rotations[step & 3]!;
      a = d;
      d = c;
      c = b;
      b = (sum << rotation) | (sum >>> (32 - rotation));
    }
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
}
