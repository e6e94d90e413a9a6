import { createServer, type Server } from "node:http";

/** A file that the browser may fetch. */
export interface Page {
  readonly type: string;
  readonly body: Buffer | string;
}

/** Where the piece's origin is served. */
export const HOST = "127.0.0.1";
export const PORT = 8080;
/**
 * The piece's origin: a secure context without TLS (W3C Secure Contexts, 3.1), and not by the name "localhost", from which
 * AC's bundles of KidLisp report to AC how they run.
 */
export const ORIGIN = `http://${HOST}:${PORT}`;

/**
 * Headers of every answer. Isolated from other origins, so that SharedArrayBuffer and exact clocks are there
 * (HTML, "cross-origin isolation"); `credentialless` still lets a piece that is online show others' pictures.
 */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};

/**
 * Serve `pages` by their paths on this machine alone; `/` leads to `first`. A target that is no path of theirs, however it
 * is written, is not there. Throws `Error` when the port is taken.
 */
export async function serve(pages: ReadonlyMap<string, Page>, first: string, port = PORT): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const [path = ""] = (request.url ?? "").split(/[?#]/, 1); // no URL parser: it throws at "//"
    const page = pages.get(path);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { ...HEADERS, Allow: "GET, HEAD" }).end();
    } else if (page) {
      const length = Buffer.byteLength(page.body);
      response.writeHead(200, { ...HEADERS, "Content-Type": page.type, "Content-Length": length });
      response.end(request.method === "HEAD" ? undefined : page.body);
    } else if (path === "/") {
      response.writeHead(302, { ...HEADERS, Location: first }).end();
    } else {
      response.writeHead(404, HEADERS).end();
    }
  });
  await new Promise<void>((listening, fail) => {
    server.once("error", fail);
    server.listen(port, HOST, listening);
  });
  return server;
}
