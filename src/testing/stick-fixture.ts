import type { Bytes } from "../bytes/segment.ts";
import { RetryPolicy } from "../fetch/retry.ts";
import { formatOsJson } from "../image/os-json.ts";
import { WINDOW, type Manifest } from "../release/manifest.ts";
import { handleFolder } from "../stick/handle-folder.ts";
import { install, type StickRequest, type StickRun } from "../stick/install.ts";
import { pieceFolder } from "../stick/layout.ts";
import type { StickBase, StickPieceFiles } from "../stick/plan.ts";
import { pattern } from "./bytes.ts";
import type { MemoryStick } from "./memory-stick.ts";
import { signManifest, testKey } from "./sign.ts";
import { sha256Of, type TestBase } from "./test-base.ts";

const KEY = testKey(1);

/** What the functions of `src/stick/install.ts` need to work on `stick`, whose bases are signed with a key of the tests'. */
export function runOn(stick: MemoryStick, stop: AbortSignal = new AbortController().signal): StickRun {
  return { folder: handleFolder(stick.handle), keys: [KEY.publicKey], onProgress: () => {}, stop };
}

/** A signed base as a server has it, and where its windows come from. */
export function suppliesOf({ image, manifest }: TestBase): {
  base: StickBase;
  sources: StickRequest["sources"];
} {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  const seed = {
    has: () => true,
    read: async (index: number, pool: { acquire(length: number): Bytes }) => {
      const window = image.subarray(index * WINDOW, (index + 1) * WINDOW);
      const copy = pool.acquire(window.length);
      copy.set(window);
      return copy;
    },
  };
  const sources = { servers: [], retry: new RetryPolicy(), seeds: [seed] };
  return { base: { manifest, bytes, signature: signManifest(manifest, KEY) }, sources };
}

/** The same base in another version, with these files instead. */
export function anotherVersion({ image, manifest }: TestBase, files: Manifest["files"]): TestBase {
  return { image, manifest: { ...manifest, version: "2026.1.2", files } };
}

/** A small piece, ready for a stick. */
export function testPiece(name: string): StickPieceFiles {
  const html = new TextEncoder().encode(`<!doctype html><title>${name}</title>`);
  const sha256 = sha256Of(html);
  const os = formatOsJson({ format: 1, piece: name, size: html.length, sha256, base: "test", allow: [] });
  const files = [
    { path: "piece.html", content: html },
    { path: "os.json", content: new TextEncoder().encode(os) },
    { path: "splash.png", content: pattern(300, 4) },
  ];
  return { piece: name, folder: pieceFolder(name, [{ sha256 }]), files, blank: [] };
}

/** Put a base and a piece onto `stick`. */
export async function putOn(
  stick: MemoryStick,
  base: TestBase,
  piece: StickPieceFiles,
  options: Partial<StickRequest> = {},
): Promise<void> {
  const request = { pieces: [piece], starts: piece.folder, replace: false, readBase: false, ...options };
  await install({ ...suppliesOf(base), ...request }, runOn(stick));
}
