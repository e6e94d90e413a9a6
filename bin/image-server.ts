import type { FileHandle } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP, type Socket } from "node:net";
import { hostname } from "node:os";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { partOf } from "../src/bytes/range.ts";
import type { Route } from "../src/netboot/routes.ts";
import type { Run } from "../src/netboot/served-image.ts";
import { systemReason } from "./reason.ts";
import { limited, Transfers } from "./transfers.ts";

/** What to serve, where, and to whom. */
export interface ServerOptions {
  /** The image; read again and again while this serves, and not closed. */
  readonly handle: FileHandle;
  readonly routes: ReadonlyMap<string, Route>;
  /** An IPv4 address of this computer, or 0.0.0.0 for all; and a port, 0 for any free one. */
  readonly address: string;
  readonly port: number;
  /** Whether the computer with an address may have it. */
  readonly mayFetch: (address: string) => boolean;
  /** Told, in a line each, who fetches what. */
  readonly say: (line: string) => void;
}

/** A server that runs. */
export interface ImageServer {
  readonly port: number;
  /** The computers that are in the middle of something long. */
  readonly unfinished: () => string[];
  readonly close: () => Promise<void>;
}

/** Bytes that are read at once for one of those that fetch: thirty of them take 8 MB. */
const CHUNK = 256 * 1024;
/** A computer that has taken nothing for so long is gone: firmware and GRUB read without pauses. */
const SILENCE_MS = 120_000;
/** Connections at a time, in all and of one computer: a browser takes six, firmware and GRUB one or two. */
const MOST_CONNECTIONS = 256;
const MOST_OF_ONE = 16;
/** Requests of one connection that wait for the answer to another: nothing that starts a computer sends any. */
const MOST_WAITING = 8;
/** The longest path that is said in a line. */
const MOST_SAID = 100;

/**
 * Serve the routes of an image over HTTP, and nothing else: whole, by single ranges (RFC 9110, 14), and by If-Range and
 * If-None-Match. Throws `RangeError` with one sentence when the port cannot be had.
 */
export async function serveImage(options: ServerOptions): Promise<ImageServer> {
  const { handle, address, port, mayFetch, say } = options;
  const tell = limited(say);
  const transfers = new Transfers(tell);
  const opened = await handle.stat({ bigint: true });
  const version = `${opened.size.toString(36)}-${opened.mtimeNs.toString(36)}`;
  const isSame = async () => {
    const now = await handle.stat({ bigint: true });
    return now.size === opened.size && now.mtimeNs === opened.mtimeNs;
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const client = request.socket.remoteAddress ?? "somebody";
    const { method = "", headers } = request;
    if (!isOurs(headers.host)) {
      response.writeHead(421, PLAIN).end("This is served by address: http:// and its numbers.\n");
      return;
    }
    if (method !== "GET" && method !== "HEAD") {
      response.writeHead(405, { ...PLAIN, Allow: "GET, HEAD" }).end("This is for fetching alone.\n");
      return;
    }
    const path = pathOf(request.url ?? "");
    const route = options.routes.get(path.toLowerCase());
    if (!route) {
      tell(client, `asks for ${path.slice(0, MOST_SAID)}, which is not here`);
      response.writeHead(404, PLAIN).end("There is no such file here.\n");
      return;
    }
    const { content } = route;
    if (typeof content === "function") {
      const { localAddress = "", localPort } = request.socket;
      const page = Buffer.from(content(`http://${localAddress}:${localPort}`));
      const all = { ...SAFE, "Content-Type": route.type, "Cache-Control": "no-store" };
      response.writeHead(200, { ...all, "Content-Length": page.length, "Content-Security-Policy": POLICY });
      response.end(method === "HEAD" ? undefined : page);
      return;
    }
    if (!(await isSame())) {
      tell(client, `gets no ${route.name}: ${CHANGED}`);
      response.writeHead(503, PLAIN).end(`${CHANGED}\n`);
      return;
    }
    const size = content instanceof Uint8Array ? content.length : lengthOf(content);
    const etag = `"${version}-${path.toLowerCase().replace(/[^a-z0-9]/g, "")}"`;
    const common = { ...SAFE, "Accept-Ranges": "bytes", "Cache-Control": "no-cache", ETag: etag };
    if (matches(headers["if-none-match"], etag)) {
      response.writeHead(304, common).end();
      return;
    }
    // Ranges are for GET alone (RFC 9110, 14.2); If-Range with a time never holds: the file may change twice in a second
    const { range, "if-range": condition } = headers;
    const asked = method === "GET" && (condition === undefined || condition === etag) ? range : undefined;
    const part = partOf(asked, size);
    const { status, start, length } = part;
    const type = status === 416 ? {} : { "Content-Type": route.type };
    response.writeHead(status, { ...common, ...type, ...part.headers, "Content-Length": length });
    if (method === "HEAD" || length === 0) {
      if (method === "HEAD") tell(client, `asks about ${route.name}`);
      response.end();
      return;
    }
    const name = status === 206 ? `a part of ${route.name}` : route.name;
    const transfer = transfers.begin(client, name, length);
    try {
      const chunks =
        content instanceof Uint8Array
          ? [content.subarray(start, start + length)]
          : chunksOf(handle, content, start, length);
      const sent = counted(ofOneFile(chunks, isSame), transfer.sent);
      await pipeline(Readable.from(sent, { objectMode: false }), response);
    } catch (error) {
      // Whoever fetched has gone: that is said below. Else the file could not be read, and the connection ends before its length
      if (!isGone(error)) tell(client, `cannot be sent ${route.name}: ${systemReason(error)}`);
    } finally {
      transfer.ended();
    }
  }

  // Node begins all requests of a connection as they come, and each would read ahead: here one waits for the other
  const turns = new WeakMap<Socket, { last: Promise<void>; waiting: number }>();
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    const { socket } = request;
    const turn = turns.get(socket) ?? { last: Promise.resolve(), waiting: 0 };
    turns.set(socket, turn);
    if (++turn.waiting > MOST_WAITING) socket.destroy();
    turn.last = turn.last
      .then(() => (socket.destroyed ? undefined : answer(request, response)))
      .catch((error: unknown) => {
        tell(socket.remoteAddress ?? "somebody", `cannot be answered: ${systemReason(error)}`);
        response.destroy();
      })
      .finally(() => turn.waiting--);
  });
  const refused = new Set<string>();
  const connections = new Map<string, number>();
  server.on("connection", (socket) => {
    const from = socket.remoteAddress ?? "";
    if (mayFetch(from)) {
      const count = (connections.get(from) ?? 0) + 1;
      if (count > MOST_OF_ONE) {
        socket.destroy();
        return;
      }
      connections.set(from, count);
      socket.once("close", () => {
        const left = connections.get(from)! - 1;
        if (left === 0) connections.delete(from);
        else connections.set(from, left);
      });
      return;
    }
    socket.destroy();
    if (refused.size > MOST_CONNECTIONS || refused.has(from)) return;
    refused.add(from);
    say(`${from} is refused: it is in no local network`);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = SILENCE_MS;
  await new Promise<void>((ready, fail) => {
    server.once("error", (error) => fail(new RangeError(noServer(error, address, port), { cause: error })));
    server.listen(port, address, ready);
  });
  const listening = server.address();
  return {
    port: typeof listening === "object" && listening ? listening.port : port,
    unfinished: () => transfers.unfinished,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

const CHANGED = "the file has been changed since it is served: end this, and serve it again";
/** For a page that nothing may be added to. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const SAFE = { "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };
const PLAIN = { ...SAFE, "Content-Type": "text/plain; charset=utf-8" };

/**
 * Whether a request is for this computer, by an address or its own name. A page of the internet can give a name of its own an
 * address of the local network, and would read, in a browser there, what is answered to that name (DNS rebinding).
 */
function isOurs(host: string | undefined): boolean {
  const name = host?.replace(/:\d*$/, "").toLowerCase();
  const own = hostname().toLowerCase();
  const first = own.split(".")[0]!;
  return !name || isIP(name) !== 0 || ["localhost", own, first, `${first}.local`].includes(name);
}

/** What a request names, as it stands: a path, or an address in whole (RFC 9112, 3.2), without what follows "?". */
function pathOf(target: string): string {
  return target.replace(/^http:\/\/[^/?]*(?=[/?]|$)/i, "").replace(/\?.*$/s, "") || "/";
}

function matches(header: string | undefined, etag: string): boolean {
  const tags = header?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(etag) || tags.includes("*");
}

function lengthOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}

/** `length` bytes of `runs` from the byte `start` of all of them on. Throws `RangeError` when the file ends before. */
async function* chunksOf(handle: FileHandle, runs: readonly Run[], start: number, length: number) {
  let skip = start;
  let left = length;
  for (const run of runs) {
    let at = run.start + Math.min(skip, run.length);
    skip -= Math.min(skip, run.length);
    const end = Math.min(run.start + run.length, at + left);
    while (at < end) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(CHUNK, end - at)); // not shared: it is passed on
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
      if (bytesRead === 0) throw new RangeError(`the file ends at byte ${at}`);
      yield bytes.subarray(0, bytesRead);
      at += bytesRead;
      left -= bytesRead;
    }
  }
}

/**
 * The chunks, the last of which is held back until it is known that all are of the file as it was: whoever fetches it for minutes
 * would else have a mixture, whole by its length. Throws `RangeError`.
 */
async function* ofOneFile(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  isSame: () => Promise<boolean>,
) {
  let last: Uint8Array | undefined;
  for await (const chunk of chunks) {
    if (last) yield last;
    last = chunk;
  }
  if (!(await isSame())) throw new RangeError(CHANGED);
  if (last) yield last;
}

async function* counted(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  sent: (bytes: number) => void,
) {
  for await (const chunk of chunks) {
    yield chunk;
    sent(chunk.length); // asked for the next: this one is on its way
  }
}

function isGone(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE", "ERR_STREAM_DESTROYED"].includes(code);
}

function noServer(error: NodeJS.ErrnoException, address: string, port: number): string {
  if (error.code === "EADDRINUSE") {
    return `Port ${port} is taken by another program: end that, or name another port with --port`;
  }
  if (error.code === "EACCES") {
    return `Port ${port} is for root alone on this system: name one from 1024 on with --port`;
  }
  return `Port ${port} of ${address} cannot be listened on: ${systemReason(error)}`;
}
