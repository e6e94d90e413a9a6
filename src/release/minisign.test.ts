import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as ed from "@noble/ed25519";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SignatureError } from "../errors.ts";
import { verifySignature } from "./minisign.ts";
import type { Bytes } from "../bytes/segment.ts";
import { testKey } from "../testing/sign.ts";
import { run } from "../testing/tools.ts";

// The judge is Debian's minisign, which signs here and says what it thinks of changed files.
const folder = mkdtempSync(path.join(tmpdir(), "minisign-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const message = new Uint8Array(Buffer.from(`{ "format": 1, "name": "fedac-os" }\n${"x".repeat(100)}`));
const messageFile = file("message", message);
const key = generate("key");
const other = generate("other");
const comment = "fedac-os tiny 2026.11.24 x86_64 – ünicode";
const formats = [
  ["prehashed", sign("prehashed.minisig", "-t", comment)],
  ["legacy", sign("legacy.minisig", "-l", "-t", comment)],
] as const;
const [[, prehashed], [, legacy]] = formats;

const runtimes: [string, () => void, () => boolean][] = [
  [
    "WebCrypto",
    () => void vi.spyOn(crypto.subtle, "verify"),
    () => vi.mocked(crypto.subtle.verify).mock.calls.length > 0,
  ],
  [
    "noble, where WebCrypto has no Ed25519",
    () => {
      const without = new DOMException("Unrecognized name", "NotSupportedError");
      vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(without);
      vi.spyOn(crypto.subtle, "verify").mockRejectedValue(without);
    },
    () => vi.mocked(crypto.subtle.importKey).mock.calls.length > 0,
  ],
];

describe.each(runtimes)("by %s", (_, enter, used) => {
  beforeEach(enter);

  test.each(formats)("believes what the tool has signed, %s", async (_format, signature) => {
    const signed = { trustedComment: comment, keyId: key.id };
    expect(await verifySignature(message, signature, [key.publicKey])).toEqual(signed);
    expect(await verifySignature(message, signature, [other.publicKey, key.publicKey])).toEqual(signed);
    expect(await verifySignature(message, signature.replaceAll("\n", "\r\n"), [key.publicKey])).toEqual(
      signed,
    );
    expect(await verifySignature(message, signature.trimEnd(), [key.publicKey])).toEqual(signed);
    expect(used()).toBe(true);
  });

  test.each([0, 1, 127, 128, 129, 70_000])("bytes of any number: %i", async (length) => {
    const bytes = new Uint8Array(length).fill(7);
    for (const flags of [[], ["-l"]]) {
      const signature = sign("some.minisig", ...flags, "-m", file("some", bytes));
      expect(await verifySignature(bytes, signature, [key.publicKey])).toMatchObject({ keyId: key.id });
    }
  });

  test.each(formats)(
    "any changed byte of signature or message is refused, %s",
    async (_format, signature) => {
      const text = Buffer.from(signature);
      const free = signature.indexOf("\n"); // the untrusted comment is nobody's word
      await fc.assert(
        fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
          const changed = Buffer.from(text);
          changed[at]! ^= mask;
          const verdict = verifySignature(message, changed.toString(), [key.publicKey]);
          if (at >= free || at < "untrusted comment: ".length) {
            await expect(verdict).rejects.toThrow(SignatureError);
          } else {
            const signed = await verdict.catch((error: unknown) => error);
            if (!(signed instanceof SignatureError)) {
              expect(signed).toEqual({ trustedComment: comment, keyId: key.id });
            }
          }
        }),
        { numRuns: 400 },
      );
      await fc.assert(
        fc.asyncProperty(fc.nat(message.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
          const changed = message.slice();
          changed[at]! ^= mask;
          await expect(verifySignature(changed, signature, [key.publicKey])).rejects.toThrow(
            `is not what the key ${key.id} has signed`,
          );
        }),
        { numRuns: 60 },
      );
    },
  );

  test("a comment of another signature is refused, and so is another key under this id", async () => {
    const [first, signed, , sealed] = prehashed.split("\n");
    const theirs = sign("theirs.minisig", "-t", "another", "-m", file("theirs", new Uint8Array(3))).split(
      "\n",
    );
    const swapped = [first, signed, theirs[2], theirs[3], ""].join("\n");
    const renamed = [first, signed, "trusted comment: 2036", sealed, ""].join("\n");
    for (const text of [swapped, renamed]) {
      await expect(verifySignature(message, text, [key.publicKey])).rejects.toThrow(/trusted comment on/);
    }
    const posing = Buffer.from(other.publicKey, "base64");
    Buffer.from(key.publicKey, "base64").copy(posing, 2, 2, 10);
    await expect(verifySignature(message, prehashed, [posing.toString("base64")])).rejects.toThrow(
      `is not what the key ${key.id} has signed`,
    );
  });

  test("S and S plus the group's order are not both a signature", async () => {
    const bytes = Buffer.from(prehashed.split("\n")[1] ?? "", "base64");
    const s = BigInt(`0x${Buffer.from(bytes.subarray(42).toReversed()).toString("hex")}`);
    const more = (s + ed.Point.CURVE().n).toString(16).padStart(64, "0");
    bytes.set(Buffer.from(more, "hex").toReversed(), 42);
    const text = prehashed.replace(/\n.*/, `\n${bytes.toString("base64")}`);
    const verdict = verifySignature(message, text, [key.publicKey]);
    await expect(verdict).rejects.toThrow(`is not what the key ${key.id} has signed`);
    expect(used()).toBe(true);
  });

  // The neutral point for R, 0 for S: right for every message, if the key is a point of small order.
  test.each([
    ["the neutral point", `01${"00".repeat(31)}`],
    ["of order 2", `ec${"ff".repeat(30)}7f`],
    ["of order 4", "00".repeat(32)],
    ["the neutral point, written otherwise", `ee${"ff".repeat(30)}7f`],
    ["written as more than it is", `f0${"ff".repeat(30)}7f`],
    ["on no curve", `02${"00".repeat(31)}`],
  ])("a key that is %s is refused", async (_point, hex) => {
    const text = Buffer.concat([Buffer.from("Ed12345678"), Buffer.from(hex, "hex")]).toString("base64");
    const zero = Buffer.concat([Buffer.from("ED12345678\x01"), Buffer.alloc(63)]).toString("base64");
    const seal = Buffer.concat([Buffer.from("\x01"), Buffer.alloc(63)]).toString("base64");
    const signature = `untrusted comment: \n${zero}\ntrusted comment: \n${seal}\n`;
    await expect(verifySignature(message, signature, [text])).rejects.toThrow(
      /Key 1 .* no sound Ed25519 key/,
    );
  });
});

// Node 20's WebCrypto accepts any signature of this form under this key; Node 24's refuses the key.
test("a key of small order verifies nothing", async () => {
  const point = Buffer.from(`01${"00".repeat(31)}`, "hex");
  const signature = Buffer.concat([point, Buffer.alloc(32)]);
  expect(await ed.verifyAsync(signature, message, point, { zip215: false })).toBe(false);
});

const lines = prehashed.split("\n");
const put = (line: number, text: string) => lines.map((old, i) => (i === line ? text : old)).join("\n");
const signedLine = lines[1] ?? "";
const algorithm = (name: string) =>
  Buffer.concat([Buffer.from(name), Buffer.from(signedLine, "base64").subarray(2)]).toString("base64");

const malformed: [string, string][] = [
  ["nothing", ""],
  ["a web page", "<!doctype html><title>404</title>"],
  ["a public key", `untrusted comment: minisign public key\n${key.publicKey}\n`],
  ["no comments", `${lines[1]}\n${lines[3]}\n`],
  ["another first word", put(0, "comment: x")],
  ["a fifth line", `${prehashed}more\n`],
  ["an empty line below", `${prehashed}\n`],
  ["lines ended by carriage returns", prehashed.replaceAll("\n", "\r")],
  ["no base64", put(1, "*".repeat(100))],
  ["no base64 below", put(3, "*".repeat(88))],
  ["a byte less", put(1, Buffer.from(signedLine, "base64").subarray(0, 73).toString("base64"))],
  [
    "a byte more",
    put(1, Buffer.concat([Buffer.from(signedLine, "base64"), Buffer.of(0)]).toString("base64")),
  ],
  ["no padding", put(1, signedLine.replace("=", ""))],
  [
    "a bit to spare",
    put(
      1,
      signedLine.replace(/.=$/, (end) => `${next(end[0] ?? "")}=`),
    ),
  ],
  ["a space", put(1, `${signedLine} `)],
  ["a space in the middle", put(1, signedLine.replace(/^..../, "$& "))],
  ["other base64", put(1, signedLine.replace(/^./, "-"))],
  ["another algorithm", put(1, algorithm("eD"))],
  ["one that is no text", put(1, algorithm("\x00\x00"))],
  ["64 bytes more", put(3, `${lines[3]}${lines[3]}`)],
  ["a megabyte", put(3, "A".repeat(1_000_000))],
];
test.each(malformed)("a signature file of %s is refused", async (_, text) => {
  const verdict = verifySignature(message, text, [key.publicKey]);
  await expect(verdict).rejects.toThrow(SignatureError);
  await expect(verdict).rejects.toThrow(/^The base image's signature is not (a minisign file|one that)/);
});

test("no key, no trust", async () => {
  const verdict = verifySignature(message, prehashed, []);
  await expect(verdict).rejects.toThrow(SignatureError);
  await expect(verdict).rejects.toThrow("No key is set up that base images must be signed with");
});

const bytesOfKey = Buffer.from(key.publicKey, "base64");
test.each([
  ["nothing", ""],
  ["a word", "release"],
  ["a whole .pub file", readFileSync(path.join(folder, "key.pub"), "utf8")],
  ["a key and a line's end", `${key.publicKey}\n`],
  ["a byte less", bytesOfKey.subarray(0, 41).toString("base64")],
  ["a byte more", Buffer.concat([bytesOfKey, Buffer.of(0)]).toString("base64")],
  ["the key alone", bytesOfKey.subarray(10).toString("base64")],
  ["another algorithm", Buffer.concat([Buffer.from("ED"), bytesOfKey.subarray(2)]).toString("base64")],
])("a key list with %s in it is refused, also beside a good key", async (_, text) => {
  const verdict = verifySignature(message, prehashed, [key.publicKey, text]);
  await expect(verdict).rejects.toThrow(SignatureError);
  await expect(verdict).rejects.toThrow("Key 2 for base images is no minisign public key");
});

test("an unknown key is said by its id, with those that are known", async () => {
  await expect(verifySignature(message, prehashed, [other.publicKey])).rejects.toThrow(
    `signed with the key ${key.id} instead of ${other.id}`,
  );
});

test("any text for a signature or a key ends in a SignatureError", async () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.base64String(),
    fc
      .array(fc.constantFrom(...lines, ...legacy.split("\n"), "\r", "\0", "="), { maxLength: 6 })
      .map((all) => all.join("\n")),
  );
  await fc.assert(
    fc.asyncProperty(text, text, fc.boolean(), async (signature, pinned, hostile) => {
      fc.pre(signature.trimEnd() !== prehashed.trimEnd() && signature.trimEnd() !== legacy.trimEnd());
      const verdict = verifySignature(message, signature, [hostile ? pinned : key.publicKey]);
      await expect(verdict).rejects.toThrow(SignatureError);
    }),
    { numRuns: 500 },
  );
});

test("what the tool refuses is refused here", async () => {
  const changed = file("changed.minisig", "");
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(prehashed, legacy),
      fc.nat(),
      fc.nat(3),
      fc.string({ unit: fc.constantFrom("\n", "\r", " ", "=", "A", ":", "\t", "\0"), maxLength: 3 }),
      async (signature, position, gone, added) => {
        const at = position % (signature.length + 1);
        const text = signature.slice(0, at) + added + signature.slice(at + gone);
        const ours = await verifySignature(message, text, [key.publicKey]).catch(() => undefined);
        if (!ours) return; // stricter than the tool we may be
        writeFileSync(changed, text);
        const judge = spawnSync("minisign", ["-VQ", "-P", key.publicKey, "-m", messageFile, "-x", changed]);
        expect([judge.status, judge.stdout.toString()]).toEqual([0, `${ours.trustedComment}\n`]);
      },
    ),
    { numRuns: 600 },
  );
});

describe("src/testing/sign.ts", () => {
  const mine = testKey();

  test.each([false, true])("signs as the tool does (legacy: %s)", async (old) => {
    const signature = mine.sign(message, { trustedComment: comment, legacy: old });
    const pub = file("mine.pub", mine.publicKeyFile);
    const minisig = file("mine.minisig", signature);
    const said = run("minisign", "-VQ", ...(old ? [] : ["-H"]), "-p", pub, "-m", messageFile, "-x", minisig);
    expect(said).toBe(`${comment}\n`);
    const signed = { trustedComment: comment, keyId: mine.id };
    expect(await verifySignature(message, signature, [mine.publicKey])).toEqual(signed);
  });

  test("the tool finds a changed byte in it, and another key", () => {
    const minisig = file("mine.minisig", mine.sign(message));
    const verify = (publicKey: string, bytes: Bytes) =>
      spawnSync("minisign", ["-V", "-P", publicKey, "-m", file("theirs", bytes), "-x", minisig]).status;
    expect(verify(mine.publicKey, message)).toBe(0);
    expect(verify(mine.publicKey, message.with(0, 0))).toBe(1);
    expect(verify(testKey(2).publicKey, message)).toBe(1);
  });

  test("the same key every time, and another for another number", () => {
    expect(testKey().sign("x")).toBe(mine.sign("x"));
    expect(testKey(2).publicKey).not.toBe(mine.publicKey);
  });
});

/** The base64 digit after this one: the same byte, with another bit to spare. */
function next(digit: string): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return digits[digits.indexOf(digit) + 1] ?? "";
}

function file(name: string, content: Uint8Array | string): string {
  const whole = path.join(folder, name);
  writeFileSync(whole, content);
  return whole;
}

function generate(name: string): { publicKey: string; id: string } {
  const pub = path.join(folder, `${name}.pub`);
  run("minisign", "-G", "-W", "-p", pub, "-s", path.join(folder, `${name}.key`));
  const [, id = "", publicKey = ""] = /public key ([0-9A-F]+)\n(.+)/.exec(readFileSync(pub, "utf8")) ?? [];
  return { publicKey, id };
}

/** The signature of the message, or of what `-m` names, by the first key. */
function sign(name: string, ...args: string[]): string {
  const minisig = path.join(folder, name);
  const what = args.includes("-m") ? [] : ["-m", messageFile];
  run("minisign", "-S", "-s", path.join(folder, "key.key"), "-x", minisig, ...args, ...what);
  return readFileSync(minisig, "utf8");
}
