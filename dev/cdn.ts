import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { answerFile } from "./files.ts";
import { listen, type Running } from "./server.ts";

const built = resolve(import.meta.dirname, "../base/out/cdn");

/**
 * Serve base images as a CDN does, from an origin of their own: Range, CORS, ETag, nothing compressed.
 * Releases never change; `latest.json`, which points to them, is soon asked for anew.
 */
export async function serveBase(directory = built, port = 0): Promise<Running> {
  if (!existsSync(directory))
    throw new Error(`There is no base image in ${directory}: run base/build.sh first.`);
  return listen("base images", port, async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://any");
    const cors = {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Expose-Headers": "Content-Range, Content-Length, ETag, Accept-Ranges",
    };
    if (request.method === "OPTIONS") {
      const allow = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Range, If-Range",
      };
      response.writeHead(204, { ...cors, ...allow }).end();
      return;
    }
    const age = pathname === "/latest.json" ? "public, max-age=60" : "public, max-age=31536000, immutable";
    if (await answerFile(directory, pathname, request, response, { ...cors, "Cache-Control": age })) return;
    response.writeHead(404, { ...cors, "Content-Type": "text/plain" }).end("Not found\n"); // with CORS, or a page could not tell
  });
}
