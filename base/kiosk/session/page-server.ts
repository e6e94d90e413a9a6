import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A file that the browser may fetch. */
export interface Page {
  readonly type: string;
  readonly body: Buffer | string;
}

/** What one address of this machine has: a piece, or the menu. */
export interface Site {
  readonly host: string;
  /** By their paths. What is set later is there then. */
  readonly pages: ReadonlyMap<string, Page>;
  /** The path that `/` leads to. */
  readonly first: string;
  /** Whether its pages are kept from other computers, where pieces beside it may reach them. */
  readonly isOffline?: boolean;
}

export const PORT = 8080;

/**
 * The host of an origin of its own: 0 for the only piece or for the menu, and from 1 on for each of several pieces, so that
 * storage and permissions are their own. Not other ports, which share cookies. All of 127.0.0.0/8 is this machine, and a
 * secure context without TLS (W3C Secure Contexts, 3.1); not by the name "localhost", from which AC's bundles of KidLisp
 * report to AC how they run.
 */
export function hostOf(index: number): string {
  return `127.0.0.${index + 1}`;
}

/** The origin of a site at that host. */
export function originOf(host: string, port = PORT): string {
  return `http://${host}:${port}`;
}

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
 * What keeps a page from other computers (Content Security Policy Level 3): all that it fetches, frames and connects to is
 * its own; it may still make code and pictures of its own bytes. Where it can go is a policy's of the browser's, and WebRTC is
 * taken from it in page.ts.
 */
const OFFLINE = {
  "Content-Security-Policy":
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; form-action 'self'",
};

/**
 * Serve `sites` on this machine alone, all at one port. A target that is no path of a site, however it is written, is not
 * there. Of several sites none is given to a page of another: nobody but the session leads from one to the next. Returns a
 * server for each. Throws `Error` when the port is taken.
 */
export async function serve(sites: readonly Site[], port = PORT): Promise<Server[]> {
  const servers: Server[] = [];
  let at = port;
  for (const site of sites) {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      answer(site, sites.length > 1, request, response);
    });
    await new Promise<void>((listening, fail) => {
      server.once("error", fail);
      server.listen(at, site.host, listening);
    });
    at = (server.address() as AddressInfo).port; // of any that is free, when a test asks for 0
    servers.push(server);
  }
  return servers;
}

function answer(
  { pages, first, isOffline = false }: Site,
  hasOthers: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const headers = { ...HEADERS, ...(isOffline && OFFLINE) };
  const [path = ""] = (request.url ?? "").split(/[?#]/, 1); // no URL parser: it throws at "//"
  const page = pages.get(path);
  const from = request.headers["sec-fetch-site"] ?? "none"; // W3C Fetch Metadata: none is the session, by the browser
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { ...headers, Allow: "GET, HEAD" }).end();
  } else if (hasOthers && from !== "none" && from !== "same-origin") {
    response.writeHead(403, headers).end();
  } else if (page) {
    const length = Buffer.byteLength(page.body);
    response.writeHead(200, { ...headers, "Content-Type": page.type, "Content-Length": length });
    response.end(request.method === "HEAD" ? undefined : page.body);
  } else if (path === "/") {
    response.writeHead(302, { ...headers, Location: first }).end();
  } else {
    response.writeHead(404, headers).end();
  }
}
