import type { Bytes } from "../bytes/segment.ts";
import { BundleError } from "../errors.ts";
import { isHtmlPage, tagsOf } from "./html.ts";

/** Throws `BundleError` unless `bundle` looks like a piece: an HTML page that runs something. */
export function checkBundle(piece: string, bundle: Bytes): void {
  const html = new TextDecoder().decode(bundle);
  if (html === "") throw new BundleError(`The bundle of ${piece} is empty`);
  if (!isHtmlPage(html)) throw new BundleError(`The bundle of ${piece} is not an HTML page`);
  for (const { name } of tagsOf(html)) if (name === "script") return;
  throw new BundleError(`The bundle of ${piece} is a page with nothing to run in it, perhaps an error page`);
}
