import * as v from "valibot";
import { ManifestError } from "../errors.ts";
import { parseAs, time, url, versionNumber, word } from "./manifest.ts";

// `latest.json`, the one file of a base server that changes: a list of releases and the signature over it. Both are in
// one file, so that a reader can never meet the one without the other, and a publisher replaces both at once.

const listed = { version: versionNumber, flavor: word, arch: word, created: time, manifest: url };

const listSchema = v.object({
  format: v.literal(1),
  /** Until when the list holds, in ISO 8601: what is older than that may be an old list in the place of a newer one. */
  until: time,
  /** Of each flavor, the one that is offered first. `manifest` is a URL relative to this file. */
  releases: v.array(v.object(listed)),
  /** No longer offered, but kept for those who are downloading one: until some days after `since`. */
  retired: v.optional(v.array(v.object({ ...listed, since: time }))),
});

const fileSchema = v.object({
  format: v.literal(1),
  /** The list's JSON, to the byte as it was signed. */
  list: v.string(),
  /** The text of minisign's signature file over it. */
  signature: v.string(),
});

/** The list of releases: it only points to manifests. */
export type Latest = v.InferOutput<typeof listSchema>;

/** A list with its signature: what `latest.json` holds. */
export type SignedList = v.InferOutput<typeof fileSchema>;

/** Whether this JSON is a `latest.json` rather than a manifest. */
export function isLatest(json: unknown): boolean {
  return typeof json === "object" && json !== null && "list" in json;
}

/** The text of a list as it is signed. */
export function formatList(latest: Latest): string {
  return JSON.stringify(latest, null, 2) + "\n";
}

/** The text of a `latest.json`. */
export function formatLatest(list: string, signature: string): string {
  return JSON.stringify({ format: 1, list, signature } satisfies SignedList, null, 2) + "\n";
}

/** The list's text and its signature, from a `latest.json` of any shape. Nothing is verified. Throws `ManifestError`. */
export function parseSignedList(json: unknown): SignedList {
  return parseAs(fileSchema, json, "list of releases");
}

/** A list from its text. Throws `ManifestError` unless it is one of format 1. */
export function parseList(text: string): Latest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ManifestError("The list of base images is not JSON", { cause: error });
  }
  return parseAs(listSchema, json, "list of releases");
}

/**
 * The list in a `latest.json`, **unverified**: for a directory on this computer that only its builder writes to. What
 * comes from elsewhere goes through `verifyLatest`. Throws `ManifestError`.
 */
export function parseLatest(json: unknown): Latest {
  return parseList(parseSignedList(json).list);
}

/** What whoever signs a list says of it in the trusted comment, which is signed as well. */
export function commentOnList({ until }: Latest): string {
  return `latest.json until ${until}`;
}
