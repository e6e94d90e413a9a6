import type { RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Bytes } from "../bytes/segment.ts";
import { pattern } from "./bytes.ts";
import { partOf } from "../bytes/range.ts";
import { serve, type TestServer } from "./range-server.ts";

/**
 * What becomes of one request for the image, as plain data. Places (`after`, `at`, `by`) are in bytes of the
 * body that would have been right, modulo its length, so that every number is a place; an `after` of -1 is
 * before the head of the answer.
 *
 * | fault       | what the server does                                                                     |
 * | ----------- | ---------------------------------------------------------------------------------------- |
 * | `ok`        | answers as it should                                                                     |
 * | `drop`      | closes the connection after so many bytes (FIN)                                          |
 * | `reset`     | the same, rudely (RST)                                                                   |
 * | `stall`     | falls silent after so many bytes, and keeps the connection                               |
 * | `garbage`   | sends bytes that are not HTTP after so many that are, and closes the connection          |
 * | `slow`      | sends `bytes` every `every` milliseconds                                                 |
 * | `whole`     | 200 and all of the image                                                                 |
 * | `short`     | the right head, and a clean end `by` bytes too early; `chunked` is without a length      |
 * | `long`      | the right head, and `by` bytes too many                                                  |
 * | `wrongByte` | one wrong bit                                                                            |
 * | `shifted`   | bytes from `by` further on; `admitted` is a `Content-Range` that says so                 |
 * | `illegal`   | a 206 that HTTP does not allow, in one of the ways of `ILLEGAL_PARTS`                    |
 * | `portal`    | 200 and a page of the network's, on which people sign in                                 |
 * | `status`    | an error, perhaps with `Retry-After`                                                     |
 * | `changed`   | answers from another image, now and ever after; it is shorter by `by` bytes              |
 */
export type Fault =
  | { readonly kind: "ok" | "whole" | "portal" }
  | { readonly kind: "illegal"; readonly how: keyof typeof ILLEGAL_PARTS }
  | { readonly kind: "drop" | "reset" | "stall" | "garbage"; readonly after: number }
  | { readonly kind: "slow"; readonly bytes: number; readonly every: number }
  | { readonly kind: "short" | "long"; readonly by: number; readonly chunked: boolean }
  | { readonly kind: "wrongByte"; readonly at: number; readonly bit: number }
  | { readonly kind: "shifted"; readonly by: number; readonly admitted: boolean }
  | { readonly kind: "status"; readonly status: number; readonly retryAfter?: RetryAfter }
  | { readonly kind: "changed"; readonly by: number };

/** What stands instead of `bytes 100-199/1000`, by what is wrong with it. */
export const ILLEGAL_PARTS = {
  absent: () => ({}),
  equals: (range: string) => ({ "Content-Range": range.replace(" ", "=") }),
  spaced: (range: string) => ({ "Content-Range": range.replace("/", " / ") }),
  backwards: (range: string) => ({
    "Content-Range": range.replace(/(\d+)-(\d+)/, (_, a, b) => `${b}9-${a}`),
  }),
  "another size": (range: string) => ({ "Content-Range": `${range}0` }),
  multipart: () => ({ "Content-Type": "multipart/byteranges; boundary=B" }),
} as const satisfies Record<string, (range: string) => Record<string, string>>;

/** In which legal way a server answers with other parts than it was asked for (RFC 9110, section 15.3.7). */
export interface PartShape {
  /** Parts begin and end at multiples of this, in bytes. */
  readonly align?: number;
  /** A part has at most so many bytes from the first one asked for on. */
  readonly cap?: number;
  /** Says `*` instead of the image's size. */
  readonly unknownSize?: boolean;
  /** What it calls bytes: `Bytes`. */
  readonly unit?: string;
}

/** Seconds, the date so many seconds from now, or any text. */
export type RetryAfter = number | { readonly date: number } | string;

/** How a server behaves: the n-th request for the image takes the n-th fault. */
export interface Behaviour {
  readonly faults: readonly Fault[];
  /** Beyond the last fault the last again and again; otherwise no fault. */
  readonly hopeless?: boolean;
  /** Knows no ranges: answers 200 and all of the image, always. */
  readonly noRange?: boolean;
  /** Its parts are others than it was asked for. */
  readonly parts?: PartShape;
}

/** A server of one image, for the time of a test. */
export interface ImageServer extends TestServer {
  /** The address of the image. */
  readonly image: string;
  /** How many requests for the image are being answered. */
  readonly open: number;
  /** Bytes of the image per second, more than 0, of all answers together and of each; may be changed at any time. */
  readonly rate: { total: number; each: number };
  /** While true, connections are closed without an answer. */
  down: boolean;
}

/** Serve `image`, at `/base.img`, to pages of any origin; `others` answers for all other paths. */
export async function serveImage(
  image: Bytes,
  { faults, hopeless = false, noRange = false, parts = {} }: Behaviour = { faults: [] },
  others: RequestListener = (_, response) => response.writeHead(404).end(),
): Promise<ImageServer> {
  const rate = { total: Infinity, each: Infinity };
  const total = new Throttle(() => rate.total);
  const sockets = new Set<Socket>();
  const answering = new Set<ServerResponse>();
  let down = false;
  let current = image;
  let count = 0;

  const imageListener: RequestListener = (request, response) => {
    answering.add(response.on("close", () => answering.delete(response)));
    const fault: Fault = (faults[count++] ?? (hopeless && faults.at(-1))) || { kind: "ok" };
    if (fault.kind === "changed") current = pattern(image.length - (fault.by % image.length), 99);
    const asked = noRange ? undefined : request.headers.range;
    void misbehave(
      fault,
      { image: current, parts },
      asked,
      new Wire(response, [total, new Throttle(() => rate.each)]),
    );
  };

  const server = await serve((request, response) => {
    const { socket } = request;
    if (!sockets.has(socket)) sockets.add(socket.on("close", () => sockets.delete(socket)));
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Headers", "Range");
    response.setHeader("Access-Control-Expose-Headers", "Content-Range, Retry-After");
    if (down) socket.destroy();
    else if (request.method === "OPTIONS") response.writeHead(204).end();
    else if (request.url === "/base.img") imageListener(request, response);
    else others(request, response);
  });

  return {
    ...server,
    image: `${server.url}/base.img`,
    rate,
    get open() {
      return answering.size;
    },
    get down() {
      return down;
    },
    set down(value) {
      down = value;
      if (down) for (const socket of sockets) socket.destroy();
    },
  };
}

/** What a server has, and how it gives parts of it. */
interface Served {
  readonly image: Bytes;
  readonly parts: PartShape;
}

async function misbehave(fault: Fault, served: Served, asked: string | undefined, wire: Wire): Promise<void> {
  const right = rightAnswer(served, asked);
  const { body } = right;
  switch (fault.kind) {
    case "ok":
    case "changed":
      return wire.send(right);
    case "drop":
      await wire.begin(right, fault.after);
      return wire.close();
    case "reset":
      await wire.begin(right, fault.after);
      return wire.reset();
    case "stall":
      if ((await wire.begin(right, fault.after)) === body.length) wire.end(); // there is nothing left to wait for
      return;
    case "garbage":
      await wire.begin({ ...right, chunked: true }, fault.after);
      await wire.raw("SSH-2.0-OpenSSH_9.2\r\n\0\0\0\r\n\r\n");
      return wire.close();
    case "slow":
      wire.paces.push({ size: fault.bytes, take: () => delay(fault.every) });
      return wire.send(right);
    case "whole":
      return wire.send(rightAnswer(served, undefined));
    case "short":
      return wire.send({ ...right, ...fault, body: body.subarray(0, -within(fault.by, body.length)) });
    case "long":
      return wire.send({ ...right, ...fault, body: joined(body, new Uint8Array(fault.by)) });
    case "wrongByte": {
      const wrong = body.slice();
      wrong[fault.at % body.length]! ^= 1 << fault.bit;
      return wire.send({ ...right, body: wrong });
    }
    case "shifted": {
      const other = elsewhere(served, asked, fault.by);
      return wire.send(fault.admitted ? other : { ...right, body: other.body });
    }
    case "illegal": {
      const { "Content-Range": range, ...headers } = right.headers;
      if (range === undefined) return wire.send(right); // not a part
      return wire.send({ ...right, headers: { ...headers, ...ILLEGAL_PARTS[fault.how](range) } });
    }
    case "portal":
      return wire.send({ status: 200, headers: { "Content-Type": "text/html" }, body: PORTAL });
    case "status":
      return wire.send({ status: fault.status, headers: retryAfter(fault.retryAfter), body: NO });
  }
}

/** What is said to a request; without a `Content-Length` when `chunked`. */
interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Bytes;
  readonly chunked?: boolean;
}

const NO = new TextEncoder().encode("no");
const PORTAL = new TextEncoder().encode("<!doctype html><title>Welcome</title>");

/** The answer to a `Range` header, `asked`, without any fault. */
function rightAnswer({ image, parts }: Served, asked: string | undefined): Answer {
  const { status, start, length, headers } = partOf(asked, image.length);
  if (status === 416) return { status, headers, body: NO };
  if (status === 200) return { status, headers, body: image };
  const { align = 1, cap = Infinity, unknownSize = false, unit = "bytes" } = parts;
  const first = Math.floor(start / align) * align;
  const aligned = Math.min(Math.ceil((start + length) / align) * align, image.length);
  const end = Math.min(aligned, start + cap);
  const range = `${unit} ${first}-${end - 1}/${unknownSize ? "*" : image.length}`;
  return { status, headers: { "Content-Range": range }, body: image.subarray(first, end) };
}

/** The right answer to the same question about another place; of a whole image, its end before its start. */
function elsewhere(served: Served, asked: string | undefined, by: number): Answer {
  const right = rightAnswer(served, asked);
  const { length } = right.body;
  const size = served.image.length;
  const places = size - length + 1;
  if (right.status !== 206 || places === 1) {
    const at = within(by, length - 1);
    return { ...right, body: joined(right.body.subarray(at), right.body.subarray(0, at)) };
  }
  const start = (partOf(asked, size).start + within(by, places - 1)) % places;
  return rightAnswer({ ...served, parts: {} }, `bytes=${start}-${start + length - 1}`);
}

function joined(...parts: Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

function retryAfter(after: RetryAfter | undefined): Record<string, string> {
  if (after === undefined) return {};
  if (typeof after !== "object") return { "Retry-After": String(after) };
  return { "Retry-After": new Date(Date.now() + after.date * 1000).toUTCString() };
}

/** `by` as one of 1…`most`. */
function within(by: number, most: number): number {
  return 1 + ((by - 1) % Math.max(1, most));
}

/** How fast a body goes: `size` bytes at most, after waiting for them. */
interface Pace {
  readonly size: number;
  take(bytes: number): Promise<void>;
}

/** One response, down to its socket. */
class Wire {
  readonly paces: Pace[];
  readonly #response: ServerResponse;
  readonly #closed: Promise<void>;

  constructor(response: ServerResponse, paces: Pace[]) {
    this.#response = response;
    this.#closed = new Promise((closed) => response.on("close", closed));
    this.paces = paces;
  }

  async send(answer: Answer): Promise<void> {
    this.#head(answer);
    await this.#body(answer.body);
    this.end();
  }

  /** The head and `after` bytes of the body, modulo its length, or nothing at all for -1. Returns how many. */
  async begin(answer: Answer, after: number): Promise<number> {
    if (after < 0) return after;
    const part = answer.body.subarray(0, after % (answer.body.length + 1));
    this.#head(answer);
    await this.#body(part);
    return part.length;
  }

  end(): void {
    this.#response.end();
  }

  /** Bytes that HTTP knows nothing of. */
  async raw(text: string): Promise<void> {
    await this.#passed((done) => this.#response.socket?.write(text, done));
  }

  close(): void {
    this.#response.socket?.destroy();
  }

  reset(): void {
    const { socket } = this.#response;
    if (!socket) return;
    socket.destroySoon = () => socket.destroy(); // all is written, and a FIN would go ahead of the RST
    socket.resetAndDestroy();
  }

  #head({ status, headers, body, chunked }: Answer): void {
    const length = chunked ? {} : { "Content-Length": body.length };
    this.#response.writeHead(status, { "Content-Type": "application/octet-stream", ...length, ...headers });
    this.#response.flushHeaders();
  }

  async #body(body: Bytes): Promise<void> {
    for (let at = 0; at < body.length && !this.#response.destroyed;) {
      const size = Math.max(1, Math.min(...this.paces.map((pace) => pace.size)));
      const piece = body.subarray(at, at + size);
      for (const pace of this.paces) await pace.take(piece.length);
      await this.#passed((done) => this.#response.write(piece, done));
      at += piece.length;
    }
    await this.raw(""); // behind everything that the response has still to write
  }

  /** Wait until the system has what `write` writes, or the connection is gone. */
  async #passed(write: (done: () => void) => void): Promise<void> {
    await Promise.race([new Promise<void>((done) => write(done)), this.#closed]);
  }
}

/** So many bytes per second, whatever the rate says at the moment. */
class Throttle implements Pace {
  readonly #rate: () => number;
  #due = 0;

  constructor(rate: () => number) {
    this.#rate = rate;
  }

  /** A tenth of a second's worth. */
  get size(): number {
    return Math.min(1024 * 1024, Math.floor(this.#rate() / 10));
  }

  async take(bytes: number): Promise<void> {
    const rate = this.#rate();
    if (rate === Infinity) return;
    const now = performance.now();
    this.#due = Math.max(this.#due, now) + (bytes / rate) * 1000;
    await delay(this.#due - now);
  }
}
