import { etc, Point, verifyAsync } from "@noble/ed25519";
import { blake2b } from "hash-wasm";
import { SignatureError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";

/** What a signature says beside the bytes, once it has been verified. */
export interface Signed {
  /** A line that whoever signed the bytes signed along with them. */
  readonly trustedComment: string;
  /** Which key it was, in hexadecimal, as the tool `minisign` writes it. */
  readonly keyId: string;
}

/** A line of base64, an untrusted comment above it; and again, the second comment being signed. */
const FILE =
  /^untrusted comment: [^\0\r\n]*\r?\n([^\r\n]+)\r?\ntrusted comment: ([^\0\r\n]*)\r?\n([^\r\n]+)(?:\r?\n)?$/;

const LEGACY = "Ed"; // the bytes themselves are signed
const PREHASHED = "ED"; // their BLAKE2b-512 is

/**
 * Check that one of `keys` (minisign's public keys: the second line of a `.pub` file) has signed `bytes`, where
 * `signature` is the text of the `.minisig` file. The format is minisign's own
 * (https://jedisct1.github.io/minisign/#signature-format): algorithm (2 bytes), key id (8) and Ed25519 signature
 * (64); the trusted comment; an Ed25519 signature of signature and trusted comment. Throws `SignatureError` for
 * everything else, also when `keys` is empty. `what` is what messages call the bytes.
 *
 * The signature does not cover the algorithm's name: with the name of the other algorithm, the signature of a hashed
 * message is a valid signature of the 64 bytes of its hash. No manifest looks like that.
 */
export async function verifySignature(
  bytes: Bytes,
  signature: string,
  keys: readonly string[],
  what = "The base image's manifest",
): Promise<Signed> {
  if (keys.length === 0) throw new SignatureError("No key is set up that base images must be signed with");
  const known = keys.map((key, i) => parseKey(key, i + 1));
  const { algorithm, keyId, signed, trustedComment, sealed } = parseFile(signature);
  const key = known.find((each) => each.keyId === keyId);
  if (!key) {
    const ids = known.map((each) => each.keyId).join(" or ");
    throw new SignatureError(`${what} is signed with the key ${keyId} instead of ${ids}`);
  }
  const message = algorithm === LEGACY ? bytes : etc.hexToBytes(await blake2b(bytes, 512));
  if (!(await verify(key.point, signed, message))) {
    throw new SignatureError(`${what} is not what the key ${keyId} has signed`);
  }
  const comment = new TextEncoder().encode(trustedComment);
  if (!(await verify(key.point, sealed, etc.concatBytes(signed, comment)))) {
    throw new SignatureError(`The trusted comment on it is not what the key ${keyId} has signed`);
  }
  return { trustedComment, keyId };
}

/** The id of a public key, as `minisign` writes it. Throws `SignatureError` when it is none. */
export function keyIdOf(key: string): string {
  return parseKey(key, 1).keyId;
}

interface Key {
  readonly keyId: string;
  /** Encoded as in RFC 8032, 5.1.2. */
  readonly point: Bytes;
}

/**
 * A key is refused unless it is a point of the curve, the one way to write it, and not of small order: with such a
 * point for a key, one signature fits every message. Node's WebCrypto takes it, the specification leaves it open,
 * noble (with `zip215: false`) and libsodium refuse. Seen in the tests.
 */
function parseKey(text: string, number: number): Key {
  const bytes = decode(text, 42);
  if (!bytes || head(bytes) !== LEGACY) {
    throw new SignatureError(`Key ${number} for base images is no minisign public key`);
  }
  const point = bytes.slice(10);
  if (!isSound(point)) throw new SignatureError(`Key ${number} for base images is no sound Ed25519 key`);
  return { keyId: idOf(bytes), point };
}

function isSound(point: Bytes): boolean {
  try {
    return !Point.fromBytes(point, false).isSmallOrder();
  } catch {
    return false;
  }
}

function parseFile(text: string) {
  const [, first, trustedComment, second] = FILE.exec(text) ?? [];
  if (first === undefined || trustedComment === undefined || second === undefined) {
    throw new SignatureError("The base image's signature is not a minisign file of four lines");
  }
  const bytes = decode(first, 74);
  const sealed = decode(second, 64);
  const algorithm = bytes && head(bytes);
  if (!bytes || !sealed || (algorithm !== LEGACY && algorithm !== PREHASHED)) {
    throw new SignatureError("The base image's signature is not one that minisign makes");
  }
  return { algorithm, keyId: idOf(bytes), signed: bytes.slice(10), trustedComment, sealed };
}

/** `length` bytes from base64, in the one way to write them; `undefined` for anything else. */
function decode(base64: string, length: number): Bytes | undefined {
  let binary: string;
  try {
    binary = atob(base64);
  } catch {
    return undefined;
  }
  if (binary.length !== length || btoa(binary) !== base64) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function head(bytes: Bytes): string {
  return String.fromCharCode(...bytes.subarray(0, 2));
}

function idOf(bytes: Bytes): string {
  return new DataView(bytes.buffer).getBigUint64(2, true).toString(16).toUpperCase();
}

/**
 * Ed25519 by WebCrypto, and by noble where it has none (before Chrome 137, Firefox 129, Safari 17). Both refuse a
 * signature whose S is the group's order or more. They differ (a factor of 8 in the equation) only on signatures
 * that none but the owner of the key can make.
 */
async function verify(point: Bytes, signature: Bytes, message: Uint8Array): Promise<boolean> {
  const bytes = new Uint8Array(message);
  try {
    const key = await crypto.subtle.importKey("raw", point, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, bytes);
  } catch {
    return await verifyAsync(signature, bytes, point, { zip215: false }); // WebCrypto does not know Ed25519 here
  }
}
