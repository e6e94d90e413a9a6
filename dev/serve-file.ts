import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { extname, resolve, sep } from "node:path";
import { pipeline } from "node:stream";

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
  const range = condition === undefined || condition === etag ? rangeOf(wanted, found.size) : undefined;
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...headers, "Content-Range": `bytes */${found.size}` }).end();
    return true;
  }
  const { start, end } = range ?? { start: 0, end: found.size - 1 };
  const part = range ? { "Content-Range": `bytes ${start}-${end}/${found.size}` } : {};
  response.writeHead(range ? 206 : 200, { ...all, ...part, "Content-Length": end - start + 1 });
  if (request.method === "HEAD" || end < start) response.end();
  else pipeline(createReadStream(file, { start, end }), response, () => {}); // a browser may hang up
  return true;
}

/** First and last byte of a `Range` header; nothing for none, several, or what is no range at all. */
export function rangeOf(header: string | undefined, size: number) {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined; // not a range: ignored
  return end < start ? "unsatisfiable" : { start, end };
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
