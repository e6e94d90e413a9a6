import { createSHA256, type IHasher } from "hash-wasm";
import type { Bytes } from "./segment.ts";

/** SHA-256 of all of `bytes`, in lower-case hex, by the browser's own code. */
export async function sha256(bytes: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of `chunks` one after another, in lower-case hex, for what is too much to be held at once. */
export async function sha256OfAll(chunks: AsyncIterable<Bytes>): Promise<string> {
  const hasher = (await createSHA256()).init();
  for await (const chunk of chunks) hasher.update(chunk);
  return hasher.digest("hex");
}

const BLOCK = 64;

/**
 * Where hash-wasm's `save()` keeps things: 4 bytes that identify its build, then its C structure of a
 * half-filled block (64 bytes), the count of bytes so far (u64) and the register (8 × u32), all
 * little-endian. `load()` refuses a state whose first 4 bytes belong to another build, so only the
 * register itself can be published, and a test notices when the structure moves.
 */
const COUNT_AT = 4 + BLOCK;
const REGISTER_AT = COUNT_AT + 8;

/**
 * The SHA-256 register, H0 to H7 of FIPS 180-4 section 6.2, as 64 hex digits: all that the bytes so far
 * leave behind. Throws `RangeError` unless they came to a multiple of 64.
 */
export function registerOf(hasher: IHasher): string {
  const state = viewOf(hasher.save());
  const count = state.getBigUint64(COUNT_AT, true);
  if (count % BigInt(BLOCK) !== 0n) {
    throw new RangeError(
      `a SHA-256 register exists after whole blocks of ${BLOCK} bytes, not after ${count}`,
    );
  }
  const words = Array.from({ length: 8 }, (_, i) => state.getUint32(REGISTER_AT + 4 * i, true));
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/**
 * A SHA-256 that goes on from the register `words` as it was after `length` bytes. Throws `RangeError`
 * when there can be no such register.
 */
export async function resume(words: string, length: number): Promise<IHasher> {
  if (!/^[0-9a-f]{64}$/.test(words)) throw new RangeError("a SHA-256 register is 64 lower-case hex digits");
  if (!Number.isSafeInteger(length) || length < 0 || length % BLOCK !== 0) {
    throw new RangeError(`a SHA-256 cannot be resumed after ${length} bytes`);
  }
  const hasher = (await createSHA256()).init();
  const saved = hasher.save(); // right for everything but the two fields below
  const state = viewOf(saved);
  state.setBigUint64(COUNT_AT, BigInt(length), true);
  for (let i = 0; i < 8; i++) {
    state.setUint32(REGISTER_AT + 4 * i, Number.parseInt(words.slice(8 * i, 8 * i + 8), 16), true);
  }
  return hasher.load(saved);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
