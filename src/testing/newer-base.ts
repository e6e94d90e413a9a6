import { gzipSync } from "node:zlib";
import type { Bytes } from "../bytes/segment.ts";
import { copiesName, formatCopies, type Copy } from "../release/copies.ts";
import { WINDOW, type Manifest } from "../release/manifest.ts";
import { joined, pattern } from "./bytes.ts";
import { testBase, type TestBase } from "./test-base.ts";

/** A base that came after another one. */
export interface NewerBase extends TestBase {
  /** What a server has for `files`. */
  readonly parts: Record<string, Bytes | Manifest>;
  /** How many bytes of it are not in the older one, and neither zeros nor in the last window, which is made. */
  readonly left: number;
  /** Where the list of copies is. */
  readonly listPath: string;
}

/** What is new in it: these bytes have moved all others of their window. */
const NEW = pattern(5000, 3);

/** The release after `older`, of the same flavor: its first window and `NEW` are new. */
export async function newerBase(older: TestBase): Promise<NewerBase> {
  const { image: before } = older;
  const { image, manifest: plain } = await testBase(
    joined([NEW, before.slice(WINDOW, 2 * WINDOW - NEW.length)]),
  );
  const manifest = { ...plain, version: "2026.2.1", image: { ...plain.image, url: "newer.img" } };
  const copies: Copy[] = [
    { start: WINDOW + NEW.length, from: WINDOW, length: WINDOW - NEW.length },
    { start: 2 * WINDOW, from: 2 * WINDOW, length: 2 * WINDOW },
  ];
  const list = formatCopies(copies, { size: image.length, olderSize: before.length });
  const listPath = `/${copiesName(older.manifest.image.sha256)}`;
  const parts = {
    "/manifest.json": manifest,
    "/newer.img": image,
    [listPath]: new Uint8Array(gzipSync(list)),
  };
  return { image, manifest, parts, left: WINDOW + NEW.length, listPath };
}
