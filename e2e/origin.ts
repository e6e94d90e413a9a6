import { createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Condition } from "../src/fetch/condition.ts";
import { WINDOW, type Manifest } from "../src/release/manifest.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { partOf } from "../src/bytes/range.ts";
import { signManifest, testKey } from "../src/testing/sign.ts";

/** A base image to be served, whether it lies in memory or is made up as it is asked for. */
export interface Served {
  readonly manifest: Manifest;
  read(start: number, length: number): Bytes;
}

const SLICE = 64 * 1024; // bytes

/** Serves a base image and one piece, as a CDN and an oven do, as slowly and as badly as a test wants. */
export class Origin implements AsyncDisposable {
  /** Of the image, by window, in bytes. */
  readonly sent: number[] = [];
  /** Nothing from here on is sent. */
  holdAt = Infinity;
  /** In bytes per second, over all connections. */
  rate = Infinity;
  /** Answer requests for the image by this status, if any. */
  refuse: number | undefined;
  readonly #base: Served;
  readonly #bundle: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #changed = new Condition();
  #port = 0;
  #free = 0; // when the line is free again, in milliseconds

  private constructor(base: Served, bundle: string) {
    this.#base = base;
    this.#bundle = bundle;
  }

  static async of(base: Served, bundle: string): Promise<Origin> {
    const origin = new Origin(base, bundle);
    await origin.mend();
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Break all connections, and accept no more. */
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Listen, again where it was. */
  async mend(): Promise<void> {
    await new Promise<void>((ready) => this.#server.listen(this.#port, "127.0.0.1", ready));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Send everything, at once. */
  release(): void {
    this.holdAt = Infinity;
    this.rate = Infinity;
    this.refuse = undefined;
    this.#changed.notifyAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    if (this.#server.listening) await this.cut();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "", "http://any");
    const manifest = JSON.stringify(this.#base.manifest);
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (pathname === "/manifest.json") response.end(manifest);
    else if (pathname === "/manifest.json.minisig") response.end(signManifest(this.#base.manifest));
    else if (pathname === "/pack-html") response.end(this.#bundle);
    else if (pathname === `/${this.#base.manifest.image.url}`) await this.#range(request, response);
    else response.writeHead(404).end();
  }

  async #range(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { size } = this.#base.manifest.image;
    if (this.refuse !== undefined) {
      response.writeHead(this.refuse).end();
      return;
    }
    const part = partOf(request.headers.range, size);
    response.writeHead(part.status, { ...part.headers, "Content-Length": part.length });
    response.flushHeaders();
    const end = part.start + part.length;
    for (let at = part.start; at < end;) {
      const length = Math.min(SLICE, end - at, WINDOW - (at % WINDOW));
      await this.#turn(at, length, response);
      if (response.destroyed) return;
      const index = Math.floor(at / WINDOW);
      this.sent[index] = (this.sent[index] ?? 0) + length;
      if (!response.write(this.#base.read(at, length))) await drained(response);
      at += length;
    }
    response.end();
  }

  /** Resolves when these bytes may go. */
  async #turn(at: number, length: number, response: ServerResponse): Promise<void> {
    while (at >= this.holdAt && !response.destroyed) await this.#changed.wait(gone(response)).catch(() => {});
    if (this.rate === Infinity) return;
    const now = performance.now();
    this.#free = Math.max(now, this.#free) + (1000 * length) / this.rate;
    await new Promise((due) => setTimeout(due, this.#free - now));
  }
}

/**
 * As much as a site's policy may forbid. The stage, as AC, imports pieces from blob:, and the preview is a blob:
 * frame; WebAssembly is what AC's own policy allows with 'unsafe-eval'.
 */
export const STRICT_POLICY =
  "script-src 'self' blob: 'wasm-unsafe-eval'; worker-src 'self'; frame-src 'self' blob:; object-src 'none'";

/**
 * Another origin for the stage at `stage`, whose settings are `config`, and which sends `headers` with everything: no
 * browser needs to be told how to intercept a request. Everything else is passed on.
 */
export async function configuredSite(
  stage: string,
  config: object,
  headers: Record<string, string> = {},
): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    if (request.url?.split("?")[0] === "/aesthetic.computer/os/config.json") {
      response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(JSON.stringify({ keys: [testKey().publicKey], ...config }));
      return;
    }
    const there = new URL(request.url ?? "/", stage);
    const passed = ask(there, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...headers });
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

function gone(response: ServerResponse): AbortSignal {
  const stop = new AbortController();
  response.once("close", () => stop.abort());
  return stop.signal;
}
