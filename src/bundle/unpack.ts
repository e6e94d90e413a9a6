import type { Bytes } from "../bytes/segment.ts";
import { tagsOf } from "./html.ts";

/** Before and after the packed page in AC's self-extracting bundles (`oven/bundler.mjs`, without `nocompress=1`). */
const BEFORE = "const b64='";
const AFTER = "';";

/**
 * The page in a bundle of AC's that unpacks itself: gzip in base64, in the page's one script that ends with
 * `document.open`, `write` and `close`. `undefined` for any other page, for one that comes to more than `limit` bytes, and
 * for one that is packed badly: those stay as they are.
 */
export async function unpackPage(html: string, limit: number): Promise<string | undefined> {
  const scripts = [...tagsOf(html)].filter(({ name, text }) => name === "script" && text.includes(BEFORE));
  const [script] = scripts;
  if (!script || scripts.length !== 1) return undefined;
  const start = script.text.indexOf(BEFORE) + BEFORE.length;
  const end = script.text.indexOf(AFTER, start);
  const rest = script.text.slice(end);
  const unpacks = rest.includes("DecompressionStream('gzip')") && rest.includes("document.open()");
  if (end < 0 || script.text.includes(BEFORE, end) || !unpacks) return undefined;
  const packed = bytesOfBase64(script.text.slice(start, end));
  const page = packed && (await gunzip(packed, limit));
  return page && new TextDecoder().decode(page);
}

function bytesOfBase64(text: string): Bytes | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

async function gunzip(packed: Bytes, limit: number): Promise<Bytes | undefined> {
  const chunks: Bytes[] = [];
  let length = 0;
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (let r = await reader.read(); !r.done; r = await reader.read()) {
      length += r.value.length;
      if (length > limit) return undefined;
      chunks.push(r.value);
    }
  } catch {
    return undefined; // not gzip, or damaged
  } finally {
    await reader.cancel().catch(() => {}); // it has failed, or is at its end
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
