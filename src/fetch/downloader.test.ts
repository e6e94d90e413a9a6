import type { IncomingMessage, RequestListener } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import { BaseImageError, CaptivePortalError, ConnectionError } from "../errors.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Trouble } from "../messages.ts";
import type { Bytes } from "../bytes/segment.ts";
import { gather, pattern } from "../testing/bytes.ts";
import { Computer } from "../testing/computer.ts";
import { digestOfWindow } from "../testing/test-base.ts";
import { files, serve, type TestServer } from "../testing/range-server.ts";
import { memorySeed } from "../testing/memory-seed.ts";
import { copiedIn } from "../release/copies.ts";
import { contentLength, type Windows } from "../release/windows.ts";
import { orderedWindows, type WindowSources } from "./downloader.ts";
import { Failure } from "./failure.ts";
import { StandstillError } from "./http.ts";
import { RetryPolicy, type RetryTimes } from "./retry.ts";
import { SUSPECT_AFTER } from "./source-pool.ts";
import { Source } from "./source.ts";

const WINDOW = 4096;
const RETRY: RetryTimes = { silenceMs: 20_000, firstWaitMs: 2, longestWaitMs: 20, giveUpAfterMs: 300 };

/** 40 windows: the last is short, and 3, 10 to 14 and 38 are zeros. */
const image = pattern(39 * WINDOW + 1000);
for (const index of [3, 10, 11, 12, 13, 14, 38]) image.fill(0, index * WINDOW, (index + 1) * WINDOW);
const windows: Windows = {
  size: image.length,
  window: WINDOW,
  digests: Array.from({ length: 40 }, (_, index) => {
    const window = image.slice(index * WINDOW, (index + 1) * WINDOW);
    return window.some((byte) => byte !== 0) ? digestOfWindow(window) : "zeros";
  }),
};
const good = files({ "/image": image });
const never = new AbortController().signal;
afterEach(() => void vi.restoreAllMocks());

test("what has to be fetched is known before", () => {
  expect(contentLength(windows)).toBe(32 * WINDOW + 1000);
});

test("windows come in order, in spans, and zeros are not fetched", async () => {
  await using server = await serve(good);
  const { bytes, retry } = await fetchImage(server);
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe(32 * WINDOW + 1000);
  const asked = server.requests.map((request) => /bytes=(\d+)-(\d+)/.exec(request)?.slice(1).map(Number));
  const spans = asked.map(([start = 0, end = 0] = []) => [start / WINDOW, Math.ceil((end + 1) / WINDOW)]);
  expect(spans.toSorted(([a = 0], [b = 0]) => a - b)).toEqual([
    [0, 3],
    [4, 8],
    [8, 10],
    [15, 19],
    [19, 23],
    [23, 27],
    [27, 31],
    [31, 35],
    [35, 38],
    [39, 40],
  ]);
});

test("nothing is asked for before the reader asks, nor much beyond", async () => {
  await using server = await serve(good);
  const retry = new RetryPolicy(RETRY);
  const reading = orderedWindows(sourcesAt(server, { retry }), 0, 40, new BufferPool(WINDOW), never);
  expect(server.requests).toEqual([]);
  await reading.next();
  // Windows 0 to 9 but for 3, over three connections. The next one, 15, is too far ahead until window 4 is read.
  await expect.poll(() => [retry.fetched / WINDOW, server.requests.length]).toEqual([9, 3]);
  for (let index = 1; index <= 3; index++) await reading.next();
  expect(server.requests).toHaveLength(3);
  await reading.next();
  await expect.poll(() => server.requests.at(3)).toContain(`bytes=${15 * WINDOW}-`);
  await reading.return(undefined);
});

test("a reader that leaves ends all requests", async () => {
  let open = 0;
  await using server = await serve((request, response) => {
    open++;
    response.once("close", () => open--);
    if (request.headers.range?.startsWith("bytes=0-")) good(request, response);
    else response.writeHead(206, { "Content-Range": askedOf(request) }).write("and nothing more");
  });
  const reading = orderedWindows(sourcesAt(server), 0, 40, new BufferPool(WINDOW), never);
  await reading.next();
  await reading.return(undefined);
  await expect.poll(() => open).toBe(0);
});

test("stopping ends a read in progress with the reason given", async () => {
  await using server = await serve((request, response) =>
    response.writeHead(206, { "Content-Range": askedOf(request) }).write("a few bytes"),
  );
  const stop = new AbortController();
  const retry = new RetryPolicy(RETRY);
  const reading = fetchImage(server, { retry, stop: stop.signal });
  const stopped = expect(reading).rejects.toThrow("enough");
  await expect.poll(() => retry.fetched).toBeGreaterThan(0);
  stop.abort(new Error("enough"));
  await stopped;
});

test("an answer that breaks off is resumed where it did", async () => {
  let broken = 0;
  await using server = await serve((request, response) => {
    const [, start, end] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? []).map(Number);
    if (start === undefined || end === undefined || broken >= 7) return good(request, response);
    broken++;
    response.writeHead(206, rangeHeaders(start, end));
    response.write(image.subarray(start, start + 100), () => request.socket.destroy());
  });
  const { bytes, retry } = await fetchImage(server);
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe(32 * WINDOW + 1000); // not a byte twice
});

test("a wrong window is fetched again, and from somebody else", async () => {
  const wrong = image.slice();
  wrong[5 * WINDOW + 7]! ^= 1;
  await using one = await serve(files({ "/image": wrong }));
  await using other = await serve(good);
  const { bytes } = await fetchImage([one, other]);
  expect(bytes.equals(image)).toBe(true);
  expect(other.requests).toContain(`GET /image bytes=${5 * WINDOW}-${6 * WINDOW - 1}`);
});

test("after a mismatch a window comes whole from one source, so that it is known whom to blame", async () => {
  const wrong = image.slice();
  wrong[5]! ^= 1;
  let broken = 0;
  await using liar = await serve(files({ "/image": wrong }));
  await using honest = await serve((request, response) => {
    if (broken++ >= 3) return good(request, response);
    const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1]);
    response.writeHead(206, rangeHeaders(start, WINDOW - 1));
    return response.write(image.subarray(start, start + 20), () => request.socket.destroy());
  });
  const sources = sourcesAt([liar, honest]);
  const bytes = await gather(orderedWindows(sources, 0, 1, new BufferPool(WINDOW), never));
  expect(Buffer.concat(bytes).equals(image.subarray(0, WINDOW))).toBe(true);
  const from = ({ requests }: TestServer) => requests.map((each) => Number(/bytes=(\d+)/.exec(each)?.[1]));
  expect(from(honest)).toEqual([0, 20, 40, 0]); // resumed, and begun again after the other one had its turn
  expect(from(liar)).toEqual([0, 0]);
});

test.each([0, WINDOW, 5 * WINDOW - 1, 9 * WINDOW, image.length - 1])(
  "one wrong bit at %i everywhere ends it, and nothing from there on is passed on",
  async (at) => {
    const wrong = image.slice();
    wrong[at]! ^= 1;
    await using server = await serve(files({ "/image": wrong }));
    const seen: Bytes[] = [];
    const error = await fetchImage(server, { seen }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BaseImageError);
    expect((error as Error).message).toMatch(/not the one its manifest describes/);
    expect(seen).toHaveLength(Math.floor(at / WINDOW));
  },
);

test.each<[string, RequestListener, new (message: string) => Error, RegExp]>([
  ["404", (_, response) => response.writeHead(404).end("no"), BaseImageError, /answered 404/],
  ["403", (_, response) => response.writeHead(403).end("no"), BaseImageError, /answered 403/],
  ["503", (_, response) => response.writeHead(503).end("no"), ConnectionError, /answered 503.*nothing came/],
  ["silence", () => {}, ConnectionError, /said nothing/],
  [
    "a request to wait",
    (_, response) => response.writeHead(429, { "Retry-After": "3600" }).end(),
    BaseImageError,
    /answered 429 and asks to be left alone for 60 minutes/,
  ],
  [
    "an answer that does not say which part it is",
    (_, response) => response.writeHead(206).end(image),
    BaseImageError,
    /without saying which \(no Content-Range\)/,
  ],
  [
    "an empty answer",
    (request, response) => response.writeHead(206, { "Content-Range": askedOf(request) }).end(),
    ConnectionError,
    /stopped after 0 of/,
  ],
  [
    "a page to sign in on",
    (_, response) => response.end("<html>"),
    CaptivePortalError,
    /perhaps this network asks you to sign in/,
  ],
  ["511", (_, response) => response.writeHead(511).end("no"), CaptivePortalError, /asks you to sign in/],
  ["520", (_, response) => response.writeHead(520).end("no"), ConnectionError, /answered 520.*nothing came/],
  ["501", (_, response) => response.writeHead(501).end("no"), BaseImageError, /answered 501$/],
  [
    "another range",
    (_, response) =>
      response
        .writeHead(206, { "Content-Range": `bytes 1-${WINDOW}/${image.length}` })
        .end(image.subarray(1)),
    BaseImageError,
    /sent "bytes 1-4096\/160744"/,
  ],
])("a server that has only %s for us", async (_, listener, kind, message) => {
  await using server = await serve(listener);
  const retry = new RetryPolicy({ ...RETRY, silenceMs: 200 });
  const error = await fetchImage(server, { retry }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toMatch(message);
});

test("a server without ranges is read in one stream", async () => {
  await using server = await serve((_, response) => response.end(image));
  const { bytes } = await fetchImage(server);
  expect(bytes.equals(image)).toBe(true);
  expect(server.requests).toHaveLength(3 + 1); // the connections find out, the stream brings it
});

test("one stream that breaks off begins again, and drops what is here", async () => {
  let broken = 0;
  await using server = await serve((request, response) => {
    if (broken++ > 5) return response.end(image);
    response.writeHead(200, { "Content-Length": image.length });
    return response.write(image.subarray(0, broken * 3 * WINDOW), () => request.socket.destroy());
  });
  const { bytes } = await fetchImage(server);
  expect(bytes.equals(image)).toBe(true);
});

test("a source found to honour no ranges is read in one stream, also by connections that were waiting", async () => {
  let aWaits = () => {};
  const waiting = new Promise<void>((resolve) => (aWaits = resolve));
  const retry = new RetryPolicy(RETRY, { onTrouble: aWaits });
  /** The first connection finds out while the second one waits for its next attempt. */
  class Slow extends Source {
    override async *read(...[start, end, , stop]: Parameters<Source["read"]>): AsyncGenerator<Bytes> {
      if (this.health.ranges === false) return yield image.slice(start, end);
      if (start > 0) throw new Failure("lost", "The second connection was lost");
      await waiting;
      this.health.ranges = false;
      await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve()));
      throw stop.reason as Error;
    }
  }
  const sources = { windows, servers: [new Slow("", image.length)], retry, seeds: [], connections: 2 };
  const bytes = await gather(orderedWindows(sources, 0, 40, new BufferPool(WINDOW), never));
  expect(Buffer.concat(bytes).equals(image)).toBe(true);
});

test("what a seed has is not fetched, unless it is wrong", async () => {
  const wrong = image.slice();
  wrong[6 * WINDOW]! ^= 1;
  await using server = await serve(good);
  const seed = memorySeed(windows, wrong, (index) => index < 20);
  const { bytes, retry } = await fetchImage(server, { seeds: [seed] });
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe((40 - 20 - 1) * WINDOW - (WINDOW - 1000) + WINDOW);
  expect(server.requests).toContain(`GET /image bytes=${6 * WINDOW}-${7 * WINDOW - 1}`);
});

/** More than half of the image: in one piece, and in two right behind each other. */
const COPIES = [
  { start: 100, from: 0, length: 20 * WINDOW },
  { start: 21 * WINDOW - 7, from: 25 * WINDOW, length: 10 },
  { start: 21 * WINDOW + 3, from: 21 * WINDOW, length: 3 * WINDOW },
];
const older = new Uint8Array(26 * WINDOW);
for (const { start, from, length } of COPIES) older.set(image.subarray(start, start + length), from);

test("what an older image has is not asked for, and each part in between is asked for once", async () => {
  await using server = await serve(good);
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { bytes, retry } = await fetchImage(server, { basis: { copies: COPIES, read: readOlder } });
  expect(bytes.equals(image)).toBe(true);
  const copied = windows.digests.reduce((sum, digest, index) => {
    return sum + (digest === "zeros" ? 0 : copiedIn(COPIES, { start: index * WINDOW, length: WINDOW }));
  }, 0);
  expect(retry.fetched).toBe(32 * WINDOW + 1000 - copied);
  expect(server.requests.map(askedRange).toSorted(([a = 0], [b = 0]) => a - b)).toEqual([
    [0, 100],
    [20 * WINDOW + 100, 21 * WINDOW - 7],
    [24 * WINDOW + 3, 27 * WINDOW], // a span ends
    [27 * WINDOW, 31 * WINDOW],
    [31 * WINDOW, 35 * WINDOW],
    [35 * WINDOW, 38 * WINDOW],
    [39 * WINDOW, image.length],
  ]);
  expect(warn).not.toHaveBeenCalled();
});

test("a window that a copy has made wrong is fetched whole, and nobody is blamed for it", async () => {
  await using server = await serve(good);
  const wrong = [{ ...COPIES[0]!, start: 101, length: 500 }];
  const troubles: (Trouble | undefined)[] = [];
  const retry = new RetryPolicy(RETRY, { onTrouble: (trouble) => troubles.push(trouble) });
  const { bytes } = await fetchImage(server, { retry, basis: { copies: wrong, read: readOlder } });
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe(33 * WINDOW + 1000 - 500);
  expect(server.requests.map(askedRange)).toContainEqual([0, WINDOW]);
  expect(troubles).toEqual([]);
});

test("after three such windows nothing is copied any more", async () => {
  await using server = await serve(good);
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  let reads = 0;
  const read = (_: number, into: Bytes) => (into.fill(reads++), true);
  const copies = [{ start: 0, from: 0, length: image.length }];
  const { bytes, retry } = await fetchImage(server, { basis: { copies, read } });
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe(32 * WINDOW + 1000);
  expect(reads).toBeLessThan(33); // those that were put together already before the third was known to be wrong
  expect(warn).toHaveBeenCalledOnce();
});

test("what cannot be read is fetched", async () => {
  await using server = await serve(good);
  const read = async (from: number, into: Bytes) => from >= 2 * WINDOW && readOlder(from, into);
  const { bytes, retry } = await fetchImage(server, { basis: { copies: [COPIES[0]!], read } });
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe(32 * WINDOW + 1000 - (11 * WINDOW + 100)); // 4 to 9, 15 to 19, and a part of 20
});

test("a server without ranges sends all, whatever an older image has", async () => {
  await using server = await serve((_, response) => void response.end(image));
  const { bytes } = await fetchImage(server, { basis: { copies: [COPIES[0]!], read: readOlder } });
  expect(bytes.equals(image)).toBe(true);
});

test("a window that a source has sent wrong comes whole from another, also where an older image has parts of it", async () => {
  const wrong = image.slice();
  wrong[5 * WINDOW + 500]! ^= 1;
  await using one = await serve((_, response) => void response.end(wrong)); // it knows no ranges
  let busy = 0;
  await using other = await serve((request, response) => {
    if (++busy > SUSPECT_AFTER) good(request, response);
    else response.writeHead(503).end();
  });
  const copies = [{ start: 5 * WINDOW, from: 5 * WINDOW - 100, length: 100 }];
  const { bytes } = await fetchImage([one, other], { basis: { copies, read: readOlder } });
  expect(bytes.equals(image)).toBe(true);
  expect(other.requests.map(askedRange)).toContainEqual([5 * WINDOW, 6 * WINDOW]);
});

test("many small parts come over the same connections", async () => {
  let connections = 0;
  await using server = await serve((request, response) => {
    if (!sockets.has(request.socket)) connections++;
    sockets.add(request.socket);
    good(request, response);
  });
  const sockets = new WeakSet<object>();
  const copies = Array.from({ length: 100 }, (_, i) => {
    return { start: i * 1500 + 700, from: i * 1500 + 700, length: 800 };
  });
  const read = (from: number, into: Bytes) => (into.set(image.subarray(from, from + into.length)), true);
  const { bytes } = await fetchImage(server, { basis: { copies, read } });
  expect(bytes.equals(image)).toBe(true);
  expect(server.requests.length).toBeGreaterThan(60);
  expect(connections).toBeLessThan(10);
});

function readOlder(from: number, into: Bytes): boolean {
  into.set(older.subarray(from, from + into.length));
  return true;
}

/** The bytes that a request asks for, up to but not including the second. */
function askedRange(request: string): number[] {
  const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request) ?? [];
  return [Number(first), Number(last) + 1];
}

test("a pause closes connections, and what came of a window is not lost", async () => {
  let open = 0;
  let hold = true;
  await using server = await serve((request, response) => {
    open++;
    response.once("close", () => open--);
    const [, start, end] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? []).map(Number);
    if (!hold || start === undefined || end === undefined) return good(request, response);
    response.writeHead(206, rangeHeaders(start, end));
    return response.write(image.subarray(start, start + 100));
  });
  const retry = new RetryPolicy(RETRY);
  const reading = fetchImage(server, { retry });
  await expect.poll(() => retry.fetched).toBe(300);
  retry.pause();
  await expect.poll(() => open).toBe(0);
  expect(server.requests).toHaveLength(3); // had any of them tried again, it would be open
  hold = false;
  retry.resume();
  const { bytes } = await reading;
  expect(bytes.equals(image)).toBe(true);
  expect(retry.fetched).toBe(32 * WINDOW + 1000);
});

test("trouble is told, and that it is over", async () => {
  let broken = 0;
  await using server = await serve((request, response) => {
    if (broken++ < 4) request.socket.destroy();
    else good(request, response);
  });
  const told: (Trouble | undefined)[] = [];
  const { bytes } = await fetchImage(server, {
    retry: new RetryPolicy(RETRY, { onTrouble: (trouble) => told.push(trouble) }),
  });
  expect(bytes.equals(image)).toBe(true);
  expect(told[0]).toMatchObject({ kind: "lost", tries: 1 });
  expect(told.at(-1)).toBeUndefined();
});

test("offline, nothing is given up", async () => {
  const computer = new Computer();
  let online = false;
  await using server = await serve((request, response) => {
    if (online) good(request, response);
    else request.socket.destroy();
  });
  const told: (Trouble | undefined)[] = [];
  const retry = new RetryPolicy(RETRY, {
    onTrouble: (trouble) => told.push(trouble),
    isOnline: () => online,
    clock: computer.clock,
  });
  const reading = fetchImage(server, { retry });
  await expect.poll(() => told[0]?.kind).toBe("offline");
  computer.run(10 * RETRY.giveUpAfterMs);
  const before = told.length;
  await expect.poll(() => told.length).toBeGreaterThan(before + 6); // each of the connections has tried again
  online = true;
  retry.retryNow();
  expect((await reading).bytes.equals(image)).toBe(true);
  expect(told.at(-1)).toBeUndefined();
});

test("a computer that slept asks at once, on new connections, and counts it as nobody's failure", async () => {
  const told: (Trouble | undefined)[] = [];
  await using server = await serve(good);
  let slept = 0;
  class Interrupted extends Source {
    override async *read(...args: Parameters<Source["read"]>): AsyncGenerator<Bytes> {
      for await (const chunk of super.read(...args)) {
        yield chunk.subarray(0, 1000);
        if (slept++ < 30) throw new StandstillError("the connection has not outlived");
        yield chunk.subarray(1000);
      }
    }
  }
  const sources = {
    windows,
    servers: [new Interrupted(`${server.url}/image`, image.length)],
    retry: new RetryPolicy({ ...RETRY, firstWaitMs: 60_000 }, { onTrouble: (trouble) => told.push(trouble) }),
    seeds: [],
  };
  const bytes = await gather(orderedWindows(sources, 0, 40, new BufferPool(WINDOW), never));
  expect(Buffer.concat(bytes).equals(image)).toBe(true);
  expect(told).toEqual([]);
  expect(sources.servers[0]?.health.failures).toBe(0);
});

function rangeHeaders(start: number, end: number) {
  return { "Content-Length": end + 1 - start, "Content-Range": `bytes ${start}-${end}/${image.length}` };
}

/** The `Content-Range` that answers a request. */
function askedOf({ headers }: IncomingMessage): string {
  return `${headers.range?.replace("=", " ")}/${image.length}`;
}

interface Options {
  readonly retry?: RetryPolicy;
  readonly seeds?: WindowSources["seeds"];
  readonly basis?: WindowSources["basis"];
  readonly stop?: AbortSignal;
  /** Takes copies of the windows as they come. */
  readonly seen?: Bytes[];
}

function sourcesAt(
  servers: TestServer | TestServer[],
  { retry = new RetryPolicy(RETRY), seeds = [], basis }: Options = {},
): WindowSources {
  return {
    windows,
    servers: [servers].flat().map(({ url }) => new Source(`${url}/image`, image.length)),
    retry,
    seeds,
    basis,
  };
}

async function fetchImage(servers: TestServer | TestServer[], options: Options = {}) {
  const { stop = never, seen = [], retry = new RetryPolicy(RETRY) } = options;
  const sources = sourcesAt(servers, { ...options, retry });
  for await (const window of orderedWindows(sources, 0, 40, new BufferPool(WINDOW), stop)) {
    seen.push(window.slice());
  }
  return { bytes: Buffer.concat(seen), retry };
}
