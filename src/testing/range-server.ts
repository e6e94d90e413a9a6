import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Bytes } from "../bytes/segment.ts";
import { partOf } from "../bytes/range.ts";
import type { Latest } from "../release/latest.ts";
import type { Manifest } from "../release/manifest.ts";
import { signLatest, signManifest } from "./sign.ts";

/** A server on this machine for the time of a test. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** `METHOD /path` and the range, of every request so far. */
  readonly requests: string[];
}

/** Serve `listener` on a free port. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim());
    listener(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/**
 * Serve JSON, HTML and images by path, images with ranges, as a CDN does; and beside manifests the signature that
 * `testKey()` makes of them. A list of releases is served as the `latest.json` that `testKey()` signs.
 */
export function files(contents: Record<string, Bytes | string | object>): RequestListener {
  return (request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://any");
    const signed = contents[pathname.replace(/\.minisig$/, "")];
    const content = contents[pathname] ?? (signed && signManifest(signed as Manifest));
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (content === undefined) response.writeHead(404).end();
    else if (typeof content === "string") response.end(content);
    else if (content instanceof Uint8Array) range(content as Bytes, request.headers.range, response);
    else if ("releases" in content) response.end(signLatest(content as Partial<Latest>));
    else response.end(JSON.stringify(content));
  };
}

function range(content: Bytes, asked: string | undefined, response: ServerResponse): void {
  const { status, start, length, headers } = partOf(asked, content.length);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(status).end(content.subarray(start, start + length));
}

/** Whether what a request asks for begins at byte `start`. */
export function asksFrom(request: IncomingMessage, start: number): boolean {
  return request.headers.range?.startsWith(`bytes=${start}-`) ?? false;
}

/** As `listener`, but whoever asks from byte `start` on has to wait until `release`. */
export function holding(
  listener: RequestListener,
  start: number,
): { listener: RequestListener; release: () => void } {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  return {
    listener(request, response) {
      const turn = asksFrom(request, start) ? released : Promise.resolve();
      void turn.then(() => listener(request, response));
    },
    release,
  };
}
