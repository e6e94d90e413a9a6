import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseLatest } from "../src/release/latest.ts";
import { answerFile } from "./serve-file.ts";
import { listen, type Running } from "./http-server.ts";

const built = resolve(import.meta.dirname, "../base/out/cdn");
const keys = resolve(import.meta.dirname, "../base/out/keys");

/**
 * Serve base images as a CDN does, from an origin of their own: Range, CORS, ETag, nothing compressed.
 * Releases never change; `latest.json`, which points to them, and signatures, which another key may replace, are soon
 * asked for anew.
 */
export async function serveBase(directory = built, port = 0): Promise<Running> {
  if (!existsSync(directory))
    throw new Error(`There is no base image in ${directory}: run base/build/build.sh first.`);
  return listen("base images", port, async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://any");
    const cors = {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Expose-Headers": "Content-Range, Content-Length, ETag, Retry-After, Accept-Ranges",
    };
    if (request.method === "OPTIONS") {
      const allow = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Range, If-Range",
      };
      response.writeHead(204, { ...cors, ...allow }).end();
      return;
    }
    const changes = pathname === "/latest.json" || pathname.endsWith(".minisig");
    const age = changes ? "public, max-age=60" : "public, max-age=31536000, immutable";
    if (await answerFile(directory, pathname, request, response, { ...cors, "Cache-Control": age })) return;
    response.writeHead(404, { ...cors, "Content-Type": "text/plain" }).end("Not found\n"); // with CORS, or a page could not tell
  });
}

/** The public keys that base/build/build.sh has signed with: the one for development, and the one it was given. */
export async function signingKeys(directory = keys): Promise<string[]> {
  const names = existsSync(directory)
    ? (await readdir(directory)).filter((name) => name.endsWith(".pub"))
    : [];
  if (names.length === 0)
    throw new Error(`There is no public key in ${directory}: run base/build/build.sh first.`);
  const texts = await Promise.all(names.toSorted().map((name) => readFile(resolve(directory, name), "utf8")));
  return texts.map((text) => text.split("\n")[1] ?? "");
}

/** The flavors of base images that have been built, the newest first. */
export async function builtFlavors(directory = built): Promise<string[]> {
  const { releases } = parseLatest(JSON.parse(await readFile(resolve(directory, "latest.json"), "utf8")));
  return [...new Set(releases.map(({ flavor }) => flavor))];
}
