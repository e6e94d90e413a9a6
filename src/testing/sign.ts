import { blake2b } from "hash-wasm";
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { Bytes } from "../bytes/segment.ts";
import { commentOnList, formatLatest, formatList, type Latest } from "../release/latest.ts";
import { commentOn, type Manifest } from "../release/manifest.ts";

/** A minisign key for tests, which signs without the tool. */
export interface TestKey {
  /** In base64, as keys are pinned. */
  readonly publicKey: string;
  /** The text of the `.pub` file. */
  readonly publicKeyFile: string;
  /** The text of the secret key's file, which has no password. */
  secretKeyFile(): Promise<string>;
  /** In hexadecimal, as the tool writes it. */
  readonly id: string;
  /** The text of the `.minisig` file for `bytes`; `legacy` as by `minisign -S -l`. */
  sign(bytes: Bytes | string, options?: { trustedComment?: string; legacy?: boolean }): string;
}

/** The signature that `key` makes of a manifest in a file that holds `text`: its JSON, unless that is given. */
export function signManifest(manifest: Manifest, key = testKey(), text = JSON.stringify(manifest)): string {
  return key.sign(text, { trustedComment: commentOn(manifest) });
}

/** The text of a `latest.json` that `key` has signed. It holds until an hour from now, unless `latest` says otherwise. */
export function signLatest(latest: Partial<Latest>, key = testKey()): string {
  const until = new Date(Date.now() + 60 * 60 * 1000).toISOString();
  const whole: Latest = { format: 1, until, releases: [], ...latest };
  const list = formatList(whole);
  return formatLatest(list, key.sign(list, { trustedComment: commentOnList(whole) }));
}

/** PKCS #8 in front of the 32 bytes of an Ed25519 private key (RFC 8410, section 7). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** A key of this number, always the same one. Anybody can sign with it. */
export function testKey(number = 1): TestKey {
  const seed = createHash("sha256").update(`a key for tests, number ${number}`).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const point = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  const keyId = createHash("sha256").update(seed).digest().subarray(0, 8);
  const id = keyId.readBigUInt64LE().toString(16).toUpperCase();
  const publicKey = Buffer.concat([Buffer.from("Ed"), keyId, point]).toString("base64");
  return {
    publicKey,
    publicKeyFile: `untrusted comment: minisign public key ${id}\n${publicKey}\n`,
    id,
    async secretKeyFile() {
      const algorithm = Buffer.from("Ed");
      const secret = Buffer.concat([keyId, seed, point]);
      const checksum = await blake2b(Buffer.concat([algorithm, secret]), 256);
      // Without a password there is nothing to derive a key with: salt and limits are zeros.
      const whole = [algorithm, Buffer.alloc(2), Buffer.from("B2"), Buffer.alloc(48), secret];
      const base64 = Buffer.concat([...whole, Buffer.from(checksum, "hex")]).toString("base64");
      return `untrusted comment: minisign secret key for tests\n${base64}\n`;
    },
    sign(bytes, { trustedComment = "for tests", legacy = false } = {}) {
      const message = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
      const signed = sign(null, legacy ? message : createHash("blake2b512").update(message).digest(), key);
      const sealed = sign(null, Buffer.concat([signed, Buffer.from(trustedComment)]), key);
      const first = Buffer.concat([Buffer.from(legacy ? "Ed" : "ED"), keyId, signed]);
      return [
        "untrusted comment: signature for tests",
        first.toString("base64"),
        `trusted comment: ${trustedComment}`,
        sealed.toString("base64"),
        "",
      ].join("\n");
    },
  };
}
