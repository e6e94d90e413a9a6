import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { resolve } from "node:path";
import { AC_PIECES, acBundle } from "../src/testing/ac-bundle.ts";
import { listen, type Running } from "./http-server.ts";

const ours = resolve(import.meta.dirname, "pieces");
const cors = { "Access-Control-Allow-Origin": "*" };

/**
 * What is baked in AC's own form, around a stand-in for its runtime: `wipe`, into whose bundle published pieces go, and a
 * KidLisp piece. Each carries the time of baking, as AC's do.
 */
const STAND_INS: Readonly<Record<string, () => string>> = {
  wipe: () => acBundle({ piece: "wipe", source: AC_PIECES.animates, packed: new Date() }),
  $cow: () => acBundle({ piece: "$cow", kidlisp: "purple, ink, line", packed: new Date() }),
};

/**
 * An oven, answering `/pack-html?piece=` and `?code=`, and `/bundle-html`, as AC's does, also in what it answers when it
 * fails: 400 without a name, 500 with `{ error }` for a piece it does not know; with `format=stream` in events that say how
 * far it is. It bakes what lies in `pieces/`, and stand-ins for two of AC's.
 */
export async function serveOven(directory = ours, port = 0): Promise<Running> {
  return listen("the oven", port, async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://any");
    if (request.method === "OPTIONS") return response.writeHead(204, cors).end();
    if (!["/pack-html", "/bundle-html"].includes(pathname)) {
      return refuse(response, 404, `No route for ${pathname}`);
    }
    const code = searchParams.get("code");
    const name = searchParams.get("piece") || (code && `$${code.replace(/^\$/, "")}`);
    if (!name) return refuse(response, 400, "Missing 'piece' or 'code' parameter");
    const html = await bake(directory, name);
    const error = `Piece '${name}' not found${name.startsWith("$") ? "" : ` at disks/${name}.mjs`}`;
    if (searchParams.get("format") === "stream") return stream(response, name, html, error);
    if (html === undefined) return refuse(response, 500, error);
    response.writeHead(200, {
      ...cors,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Disposition": `attachment; filename="${name}.html"`,
      "Cache-Control": "public, max-age=3600",
    });
    response.end(html);
  });
}

async function bake(directory: string, name: string): Promise<string | undefined> {
  if (Object.hasOwn(STAND_INS, name)) return STAND_INS[name]?.();
  if (!/^[\w-]+$/.test(name)) return undefined;
  return await readFile(resolve(directory, `${name}.html`), "utf8").catch(() => undefined);
}

/** 200 whatever happens: how it went is in the last event. */
function stream(response: ServerResponse, name: string, html: string | undefined, error: string): void {
  response.writeHead(200, { ...cors, "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  const send = (type: string, data: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  send("progress", { stage: "init", message: `Bundling ${name}...` });
  if (html === undefined) send("error", { error });
  else {
    const content = Buffer.from(html).toString("base64");
    send("complete", { filename: `${name}.html`, content, sizeKB: Math.round(html.length / 1024) });
  }
  response.end();
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { ...cors, "Content-Type": "application/json" }).end(JSON.stringify({ error }));
}
