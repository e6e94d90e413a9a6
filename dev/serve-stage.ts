import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { resolve } from "node:path";
import { createServer } from "vite";
import { answerFile } from "./serve-file.ts";
import { listen, type Answer, type Running } from "./http-server.ts";

const root = resolve(import.meta.dirname, "..");
const OS = "/aesthetic.computer/os";

/** As AC sends with everything; there is no COEP. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin-allow-popups" };

const unwatched = ["dist", "base", "e2e", "bench", "docs"].map((name) => resolve(root, name, "**"));

/** All that served modules need of Vite's client, which would look for a WebSocket. */
const client = "export const injectQuery = (url) => url;";

/** What `serveStage` serves, and where. */
export interface StageOptions {
  readonly port?: number;
  /** Where `config.json` sends the page module: the `latest.json` of base images, and the oven. */
  readonly latest: string;
  readonly oven: string;
  /** Which flavor of base is taken when none is asked for; a function is asked anew by every page. */
  readonly flavor?: string | (() => Promise<string>);
  /** Public keys, one of which must have signed a base. */
  readonly keys?: readonly string[];
  /** What `vite build` made, of which the very bytes are served. */
  readonly directory?: string;
  /** Look at the stage's own sources for every page, as for who works on them. */
  readonly watch?: boolean;
}

/** As AC answers `/media/@handle/piece/<name>.mjs`, with what lies in `pieces/published/`. */
async function answerPublished(pathname: string, response: ServerResponse): Promise<void> {
  const [, handle, name] = /^\/media\/(@[\w.-]+)\/piece\/([\w-]+\.mjs)$/.exec(pathname) ?? [];
  const folder = resolve(root, "dev/pieces/published");
  const source = handle && name && (await readFile(resolve(folder, handle, name)).catch(() => undefined));
  const cors = { "Access-Control-Allow-Origin": "*" };
  if (source) response.writeHead(200, { ...cors, "Content-Type": "application/javascript" }).end(source);
  else response.writeHead(404, { ...cors, "Content-Type": "text/plain" }).end("Not found\n");
}

/**
 * Serve the stage, with what is shipped below `/aesthetic.computer/`: only `config.json` is answered
 * otherwise than in `dist`. Every other address is a piece's, and shows the stage.
 */
export async function serveStage(options: StageOptions): Promise<Running> {
  const {
    port = 0,
    latest,
    oven,
    flavor,
    keys = [],
    directory = resolve(root, "dist"),
    watch = false,
  } = options;
  const vite = await createServer({
    root,
    configFile: false,
    publicDir: false,
    appType: "custom",
    clearScreen: false,
    logLevel: "warn",
    optimizeDeps: { noDiscovery: true },
    // Nothing is pushed to the page: what runs there is what was loaded, also while files are being edited.
    server: {
      middlewareMode: true,
      hmr: false,
      ws: false,
      watch: watch ? { ignored: unwatched } : null,
      headers,
    },
  });

  const show = async (response: ServerResponse) => {
    const html = await readFile(resolve(root, "dev/stage/index.html")); // as it stands: without Vite's own client
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache" });
    response.end(html);
  };

  const answer: Answer = async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://any");
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (pathname === `${OS}/config.json`) {
      const now = typeof flavor === "function" ? await flavor() : flavor;
      response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache" });
      response.end(JSON.stringify({ latest, oven, keys, flavor: now }));
    } else if (pathname === "/@vite/client") {
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(client);
    } else if (pathname.startsWith("/aesthetic.computer/")) {
      const fresh = { "Cache-Control": "no-cache" };
      if (await answerFile(directory, pathname, request, response, fresh)) return;
      response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found\n");
    } else if (pathname.startsWith("/media/")) {
      await answerPublished(pathname, response);
    } else if (request.headers.accept?.includes("text/html")) {
      await show(response);
    } else {
      vite.middlewares(request, response, () => void show(response));
    }
  };

  try {
    const server = await listen("the stage", port, answer);
    return {
      url: server.url,
      async close() {
        await server.close();
        await vite.close();
      },
    };
  } catch (error) {
    await vite.close();
    throw error;
  }
}
