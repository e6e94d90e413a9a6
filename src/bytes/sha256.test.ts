import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { createSHA256 } from "hash-wasm";
import { expect, test } from "vitest";
import { registerOf, resume } from "./sha256.ts";

const INITIAL = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"; // FIPS 180-4, section 5.3.3

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const begin = async () => (await createSHA256()).init();

test("the register starts as the standard says", async () => {
  expect(registerOf(await begin())).toBe(INITIAL);
  expect((await resume(INITIAL, 0)).digest("hex")).toBe(sha256(new Uint8Array(0)));
});

test("after one padded block the register is the digest", async () => {
  const abc = new Uint8Array(64); // FIPS 180-4, section 5.1.1: "abc", a one bit, zeros, the length in bits
  abc.set([0x61, 0x62, 0x63, 0x80]);
  abc[63] = 24;
  expect(registerOf((await begin()).update(abc))).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

test("going on from the register gives node:crypto's digest", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40), fc.uint8Array({ maxLength: 300 }), async (blocks, rest) => {
      const head = Uint8Array.from({ length: blocks * 64 }, (_, i) => (i * 167) >> 3);
      const words = registerOf((await begin()).update(head));
      const resumed = await resume(words, head.length);
      expect(registerOf(resumed)).toBe(words);
      expect(resumed.update(rest).digest("hex")).toBe(sha256(Buffer.concat([head, rest])));
    }),
  );
});

test("the count of bits may pass 2^32", async () => {
  const length = 512 * 1024 * 1024;
  const words = "c19453160ed03e104e1064e92f8b0652e52774ad065ea229c9c3c2460e0cc072";
  const judge = createHash("sha256");
  const zeros = new Uint8Array(16 * 1024 * 1024);
  for (let at = 0; at < length; at += zeros.length) judge.update(zeros);
  expect((await resume(words, length)).update("!").digest("hex")).toBe(judge.update("!").digest("hex"));
});

test.each([1, 63, 65, 127])("there is no register after %i bytes", async (length) => {
  const hasher = (await begin()).update(new Uint8Array(length));
  expect(() => registerOf(hasher)).toThrow(RangeError);
  await expect(resume(INITIAL, length)).rejects.toThrow(RangeError);
});

test.each([-64, 0.5, Number.NaN, 2 ** 53])("a length of %d is refused", async (length) => {
  await expect(resume(INITIAL, length)).rejects.toThrow(RangeError);
});

test.each(["", INITIAL.slice(1), `${INITIAL}0`, INITIAL.toUpperCase(), `${INITIAL.slice(1)}g`])(
  "%j is no register",
  async (words) => {
    await expect(resume(words, 0)).rejects.toThrow(RangeError);
  },
);
