import { open } from "node:fs/promises";
import { createSHA256 } from "hash-wasm";
import type { Bytes } from "../../../src/bytes/segment.ts";
import { registerOf } from "../../../src/bytes/sha256.ts";
import { checkBackupGpt, GPT_LENGTH, parseGpt } from "../../../src/image/gpt.ts";
import { type Manifest, WINDOW } from "../../../src/release/manifest.ts";
import { digestOf } from "../../../src/release/windows.ts";

/** What a manifest says that follows from the bytes of its image: all that a browser checks downloads by. */
type ImageFacts = Pick<Manifest, "piecePartition" | "digests" | "sha256State" | "files"> & {
  readonly image: Pick<Manifest["image"], "size" | "sha256">;
};

const PIECE_LABEL = "FEDAC-PIECE";

/** Where a file lies in an image, in bytes. */
type FilePlace = Pick<Manifest["files"][number], "path" | "start" | "length">;

/**
 * Read the base image in `path` once, from front to back, and the `files` that lie in it. Throws `RangeError` for a
 * broken partition table, or one without exactly one FEDAC-PIECE.
 */
export async function factsOf(path: string, files: readonly FilePlace[]): Promise<ImageFacts> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { start: pieceStart, length, label } = await piecePartition(await read(file, 0, GPT_LENGTH), size);
    const whole = (await createSHA256()).init();
    const digests: string[] = [];
    const hashed = await Promise.all(
      files.map(async (place) => ({ place, hash: (await createSHA256()).init() })),
    );
    let words = "";
    for (let start = 0; start < size; start += WINDOW) {
      if (start === pieceStart) words = registerOf(whole);
      const bytes = await read(file, start, Math.min(WINDOW, size - start));
      whole.update(bytes);
      for (const { place, hash } of hashed) {
        const from = Math.max(0, place.start - start);
        hash.update(bytes.subarray(from, Math.max(from, place.start + place.length - start)));
      }
      digests.push(isZero(bytes) ? "zeros" : await digestOf(bytes));
      if (start + bytes.length === size) await checkBackupGpt(bytes, size);
    }
    return {
      image: { size, sha256: whole.digest("hex") },
      piecePartition: { start: pieceStart, length, label },
      digests,
      sha256State: { words, length: pieceStart },
      files: hashed.map(({ place, hash }) => {
        return { path: place.path, start: place.start, length: place.length, sha256: hash.digest("hex") };
      }),
    };
  } finally {
    await file.close();
  }
}

/** The first thing that a manifest says otherwise than its image is; undefined when there is none. */
export function disagreement(manifest: ImageFacts, facts: ImageFacts): string | undefined {
  const pairs: [what: string, said: unknown, is: unknown][] = [
    ["size", manifest.image.size, facts.image.size],
    ["start of the piece partition", manifest.piecePartition.start, facts.piecePartition.start],
    ["length of the piece partition", manifest.piecePartition.length, facts.piecePartition.length],
    ["label of the piece partition", manifest.piecePartition.label, facts.piecePartition.label],
    ["number of windows", manifest.digests.length, facts.digests.length],
    ...facts.digests.map((digest, i): [string, unknown, unknown] => [
      `digest of window ${i}`,
      manifest.digests[i],
      digest,
    ]),
    ...facts.files.map((file, i): [string, unknown, unknown] => [
      `SHA-256 of ${file.path}`,
      manifest.files[i]?.sha256,
      file.sha256,
    ]),
    ["length of the SHA-256 state", manifest.sha256State.length, facts.sha256State.length],
    ["SHA-256 state", manifest.sha256State.words, facts.sha256State.words],
    ["SHA-256", manifest.image.sha256, facts.image.sha256],
  ];
  const wrong = pairs.find(([, said, is]) => said !== is);
  return wrong && `its ${wrong[0]} is ${String(wrong[2])}, not ${String(wrong[1])}`;
}

async function piecePartition(head: Bytes, size: number) {
  const found = (await parseGpt(head, size)).filter(({ label }) => label === PIECE_LABEL);
  const [piece] = found;
  if (!piece || found.length > 1)
    throw new RangeError(`${found.length} partitions are called ${PIECE_LABEL}`);
  return piece;
}

async function read(file: Awaited<ReturnType<typeof open>>, start: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, start);
  if (bytesRead !== length) throw new RangeError(`${bytesRead} of ${length} bytes at ${start}`);
  return bytes;
}

function isZero(bytes: Bytes): boolean {
  return new BigUint64Array(bytes.buffer, 0, bytes.length / 8).every((word) => word === 0n);
}
