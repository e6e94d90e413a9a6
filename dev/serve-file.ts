import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { extname, resolve, sep } from "node:path";
import { pipeline } from "node:stream";
import { partOf } from "../src/bytes/range.ts";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
};

/**
 * Answer with the file that `path` (percent-encoded, beginning with a slash) names below `directory`, as it
 * stands: ETag, HEAD, 304, and single ranges with 206 and 416 by RFC 9110. Resolves to false when there is
 * no such file, and has done nothing then.
 */
export async function answerFile(
  directory: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  headers: OutgoingHttpHeaders = {},
): Promise<boolean> {
  const file = fileBelow(directory, path);
  const found = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || !found?.isFile()) return false;

  const etag = `"${found.size.toString(36)}-${Math.floor(found.mtimeMs).toString(36)}"`;
  const all = {
    "Accept-Ranges": "bytes",
    "Content-Type": types[extname(file)] ?? "application/octet-stream",
    ETag: etag,
    "Last-Modified": found.mtime.toUTCString(),
    ...headers,
  };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, all).end();
    return true;
  }
  const { range: wanted, "if-range": condition } = request.headers;
  const asked = condition === undefined || condition === etag ? wanted : undefined;
  const { status, start, length, headers: range } = partOf(asked, found.size);
  response.writeHead(status, { ...(status === 416 ? headers : all), ...range, "Content-Length": length });
  if (request.method === "HEAD" || length === 0) response.end();
  else pipeline(createReadStream(file, { start, end: start + length - 1 }), response, () => {}); // a browser may hang up
  return true;
}

function fileBelow(directory: string, path: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  const file = resolve(directory, `.${name}`);
  return file.startsWith(directory + sep) && !name.includes("\0") ? file : undefined;
}
