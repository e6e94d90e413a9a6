import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { resolve } from "node:path";
import { listen, type Running } from "./http-server.ts";

const ours = resolve(import.meta.dirname, "pieces");
const cors = { "Access-Control-Allow-Origin": "*" };

/**
 * An oven, answering `/pack-html?piece=` and `?code=` as AC's does, also in what it answers when it fails:
 * 400 without a name, 500 with `{ error }` for a piece it does not know. It bakes what lies in `pieces/`.
 */
export async function serveOven(directory = ours, port = 0): Promise<Running> {
  return listen("the oven", port, async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://any");
    if (request.method === "OPTIONS") return response.writeHead(204, cors).end();
    if (pathname !== "/pack-html") return refuse(response, 404, `No route for ${pathname}`);
    const name = searchParams.get("piece") ?? searchParams.get("code");
    if (!name) return refuse(response, 400, "Missing 'piece' or 'code' parameter");
    const html =
      /^[\w-]+$/.test(name) && (await readFile(resolve(directory, `${name}.html`)).catch(() => false));
    if (!html) return refuse(response, 500, `Piece not found: ${name}`);
    response.writeHead(200, {
      ...cors,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Disposition": `attachment; filename="${name}.html"`,
      "Cache-Control": "public, max-age=3600",
    });
    response.end(html);
  });
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { ...cors, "Content-Type": "application/json" }).end(JSON.stringify({ error }));
}
