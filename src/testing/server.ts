import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Bytes } from "../segment.ts";

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

/** Serve JSON, HTML and images by path, images with ranges, as a CDN does. */
export function files(contents: Record<string, Bytes | string | object>): RequestListener {
  return (request, response) => {
    const content = contents[new URL(request.url ?? "", "http://any").pathname];
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (content === undefined) return void response.writeHead(404).end();
    if (!(content instanceof Uint8Array)) {
      return void response.end(typeof content === "string" ? content : JSON.stringify(content));
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (first === undefined || last === undefined) return void response.writeHead(200).end(content);
    response.setHeader("Content-Range", `bytes ${first}-${last}/${content.length}`);
    response.writeHead(206).end(content.subarray(Number(first), Number(last) + 1));
  };
}
