import { connect } from "node:net";
import { expect, test } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { pattern } from "./bytes.ts";
import { ILLEGAL_PARTS, serveImage, type Behaviour, type Fault, type PartShape } from "./faulty-server.ts";

const IMAGE = pattern(10_000);
const FIRST = 1000;
const LENGTH = 500;
const RIGHT = IMAGE.subarray(FIRST, FIRST + LENGTH);
const RANGE = { Range: `bytes=${FIRST}-${FIRST + LENGTH - 1}` };
const RIGHT_RANGE = `bytes ${FIRST}-${FIRST + LENGTH - 1}/${IMAGE.length}`;

test("well-behaved: the range asked for, to the byte", async () => {
  const { status, headers, body } = await once({ kind: "ok" });
  expect(status).toBe(206);
  expect(headers.get("Content-Range")).toBe(RIGHT_RANGE);
  expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(body).toEqual(RIGHT);
});

test("ranges end where the image ends, and 416 is what lies beyond", async () => {
  await using server = await serveImage(IMAGE);
  const last = await fetch(server.image, { headers: { Range: "bytes=9990-12000" } });
  expect(last.headers.get("Content-Range")).toBe("bytes 9990-9999/10000");
  expect(await last.bytes()).toEqual(IMAGE.subarray(9990));
  const beyond = await fetch(server.image, { headers: { Range: "bytes=10000-10001" } });
  expect([beyond.status, beyond.headers.get("Content-Range")]).toEqual([416, "bytes */10000"]);
  const whole = await fetch(server.image);
  expect([whole.status, await whole.bytes()]).toEqual([200, IMAGE]);
});

test("the n-th request takes the n-th fault; then none, or the last for ever", async () => {
  const faults: Fault[] = [
    { kind: "status", status: 503 },
    { kind: "status", status: 404 },
  ];
  const statuses = async (behaviour: Behaviour) => {
    await using server = await serveImage(IMAGE, behaviour);
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) seen.push((await fetch(server.image, { headers: RANGE })).status);
    return seen;
  };
  expect(await statuses({ faults })).toEqual([503, 404, 206, 206]);
  expect(await statuses({ faults, hopeless: true })).toEqual([503, 404, 404, 404]);
  expect(await statuses({ faults: [], noRange: true })).toEqual([200, 200, 200, 200]);
});

test.each([
  { after: -1, head: false, length: 0 },
  { after: 0, head: true, length: 0 },
  { after: 1, head: true, length: 1 },
  { after: LENGTH - 1, head: true, length: LENGTH - 1 },
  { after: LENGTH, head: true, length: LENGTH },
  { after: LENGTH + 1, head: true, length: 0 },
])("drop, stall and garbage after $after bytes", async ({ after, head, length }) => {
  const part = RIGHT.subarray(0, length);
  const dropped = await onTheWire({ kind: "drop", after });
  expect(dropped.end).toBe("FIN");
  expect(dropped.head.includes("Content-Length: 500")).toBe(head);
  expect(dropped.body).toEqual(part);

  const stalled = await onTheWire({ kind: "stall", after }, 50);
  expect(stalled.end).toBe("none");
  expect(stalled.head.includes("Content-Length: 500")).toBe(head);
  expect(stalled.body).toEqual(part);

  const garbled = await onTheWire({ kind: "garbage", after });
  expect(garbled.end).toBe("FIN");
  expect(garbled.head.includes("Transfer-Encoding: chunked")).toBe(head);
  const chunk = length === 0 ? "" : `${length.toString(16)}\r\n${latin1(part)}\r\n`;
  expect(latin1(garbled.body)).toBe(`${chunk}SSH-2.0-OpenSSH_9.2\r\n\0\0\0\r\n\r\n`);
  await expect(once({ kind: "garbage", after })).rejects.toThrow(/fetch failed|terminated/);
});

test.each([-1, 0, 250, LENGTH])("reset after %i bytes", async (after) => {
  const { end } = await onTheWire({ kind: "reset", after });
  expect(end).toBe("RST");
});

test("slow: a few bytes at a time, all of them in the end", async () => {
  await using server = await serveImage(IMAGE, { faults: [{ kind: "slow", bytes: 100, every: 5 }] });
  const before = performance.now();
  expect(await (await fetch(server.image, { headers: RANGE })).bytes()).toEqual(RIGHT);
  expect(performance.now() - before).toBeGreaterThanOrEqual(20); // five waits, by timers that round down
});

test("whole: 200 and all of the image", async () => {
  const { status, headers, body } = await once({ kind: "whole" });
  expect([status, headers.get("Content-Range"), body]).toEqual([200, null, IMAGE]);
});

test.each([false, true])("short and long end cleanly (chunked: %s)", async (chunked) => {
  const short = await once({ kind: "short", by: 1, chunked });
  expect(short.body).toEqual(RIGHT.subarray(0, -1));
  const empty = await once({ kind: "short", by: LENGTH, chunked });
  expect(empty.body).toHaveLength(0);
  const long = await once({ kind: "long", by: 7, chunked });
  expect(long.body).toHaveLength(LENGTH + 7);
  expect(long.body.subarray(0, LENGTH)).toEqual(RIGHT);
  for (const { status, headers } of [short, empty, long]) {
    expect([status, headers.get("Content-Range")]).toEqual([206, RIGHT_RANGE]);
    expect(headers.has("Content-Length")).toBe(!chunked);
  }
});

test.each([0, LENGTH - 1, LENGTH])("wrongByte: one bit, at %i", async (at) => {
  const { status, headers, body } = await once({ kind: "wrongByte", at, bit: 3 });
  expect([status, headers.get("Content-Range")]).toEqual([206, RIGHT_RANGE]);
  expect([...body].filter((byte, i) => byte !== RIGHT[i])).toEqual([RIGHT[at % LENGTH]! ^ 8]);
});

test.each([1, 4000, 9000, 9500])("shifted by %i: other bytes, admitted or not", async (by) => {
  const first = (FIRST + by) % (IMAGE.length - LENGTH + 1);
  const there = IMAGE.subarray(first, first + LENGTH);
  const admitted = await once({ kind: "shifted", by, admitted: true });
  expect(admitted.body).toEqual(there);
  expect(admitted.headers.get("Content-Range")).toBe(`bytes ${first}-${first + LENGTH - 1}/10000`);
  const denied = await once({ kind: "shifted", by, admitted: false });
  expect(denied.body).toEqual(there);
  expect(denied.headers.get("Content-Range")).toBe(RIGHT_RANGE);
});

test("shifted, of a whole image: its end before its start", async () => {
  await using server = await serveImage(IMAGE, {
    faults: [{ kind: "shifted", by: 9999, admitted: true }],
    noRange: true,
  });
  const body = await (await fetch(server.image, { headers: RANGE })).bytes();
  expect(body.subarray(0, 1)).toEqual(IMAGE.subarray(9999));
  expect(body.subarray(1)).toEqual(IMAGE.subarray(0, 9999));
});

test.each<[PartShape, string, number, number]>([
  [{ align: 400 }, "bytes 800-1599/10000", 800, 1600],
  [{ align: 500 }, "bytes 1000-1499/10000", 1000, 1500],
  [{ align: 7000 }, "bytes 0-6999/10000", 0, 7000],
  [{ align: 20_000, unknownSize: true }, "bytes 0-9999/*", 0, 10_000],
  [{ cap: 1 }, "bytes 1000-1000/10000", 1000, 1001],
  [{ cap: 499, unit: "Bytes" }, "Bytes 1000-1498/10000", 1000, 1499],
  [{ cap: 500 }, "bytes 1000-1499/10000", 1000, 1500],
  [{ align: 300, cap: 100 }, "bytes 900-1099/10000", 900, 1100],
])("other parts than asked for: %j", async (parts, range, start, end) => {
  const { status, headers, body } = await once({ kind: "ok" }, parts);
  expect([status, headers.get("Content-Range"), body]).toEqual([206, range, IMAGE.subarray(start, end)]);
});

test("illegal parts bring what was asked for, and say it wrong", async () => {
  for (const how of Object.keys(ILLEGAL_PARTS) as (keyof typeof ILLEGAL_PARTS)[]) {
    const { status, headers, body } = await once({ kind: "illegal", how });
    expect([status, body]).toEqual([206, RIGHT]);
    expect(headers.get("Content-Range")).not.toBe(RIGHT_RANGE);
  }
});

test("portal: a page, whatever was asked for", async () => {
  const { status, headers, body } = await once({ kind: "portal" });
  expect([status, headers.get("Content-Type")]).toEqual([200, "text/html"]);
  expect(latin1(body)).toMatch(/^<!doctype html>/);
});

test("status, with patience asked for in every way", async () => {
  const after = async (retryAfter?: number | { date: number } | string) => {
    const fault: Fault = { kind: "status", status: 429, ...(retryAfter !== undefined && { retryAfter }) };
    const { status, headers } = await once(fault);
    expect(status).toBe(429);
    return headers.get("Retry-After");
  };
  expect(await after()).toBeNull();
  expect(await after(1)).toBe("1");
  expect(await after("soon")).toBe("soon");
  const away = Date.parse((await after({ date: 100 })) ?? "") - Date.now();
  expect(away).toBeGreaterThan(90_000); // whole seconds, rounded down
  expect(away).toBeLessThanOrEqual(100_000);
});

test.each([0, 9000])("changed: another image, shorter by %i bytes, ever after", async (by) => {
  await using server = await serveImage(IMAGE, { faults: [{ kind: "ok" }, { kind: "changed", by }] });
  const get = async () => {
    const response = await fetch(server.image, { headers: { Range: "bytes=500-1499" } });
    return { range: response.headers.get("Content-Range"), body: await response.bytes() };
  };
  expect((await get()).body).toEqual(IMAGE.subarray(500, 1500));
  const changed = await get();
  expect(changed.range).toBe(by ? "bytes 500-999/1000" : "bytes 500-1499/10000");
  expect(changed.body.subarray(0, 100)).not.toEqual(IMAGE.subarray(500, 600));
  expect(await get()).toEqual(changed);
});

test("rates: of each answer, and of all together", async () => {
  await using server = await serveImage(pattern(20_000));
  const seconds = async () => {
    const before = performance.now();
    await Promise.all([1, 2].map(async () => (await fetch(server.image)).bytes()));
    return (performance.now() - before) / 1000;
  };
  server.rate.each = 100_000;
  expect(await seconds()).toBeGreaterThan(0.18);
  server.rate.total = 100_000;
  expect(await seconds()).toBeGreaterThan(0.38);
});

test("down: what is under way breaks off, and there is no answer until it is up again", async () => {
  await using server = await serveImage(IMAGE, { faults: [{ kind: "stall", after: 10 }] });
  const underWay = await fetch(server.image);
  expect(server.open).toBe(1);
  server.down = true;
  await expect(underWay.bytes()).rejects.toThrow("terminated");
  await expect(fetch(server.image)).rejects.toThrow("fetch failed");
  server.down = false;
  expect((await fetch(server.image)).status).toBe(200);
});

test("an answer is open until it is over or its reader has gone", async () => {
  await using server = await serveImage(IMAGE, { faults: [{ kind: "stall", after: 10 }], hopeless: true });
  const reader = new AbortController();
  await Promise.all([1, 2].map(() => fetch(server.image, { signal: reader.signal })));
  expect(server.open).toBe(2);
  reader.abort();
  await expect.poll(() => server.open).toBe(0);
});

test("what is not the image is for others to answer", async () => {
  await using server = await serveImage(
    IMAGE,
    { faults: [{ kind: "status", status: 500 }] },
    (request, response) => response.end(request.url),
  );
  expect(await (await fetch(`${server.url}/manifest.json`)).text()).toBe("/manifest.json");
  expect((await fetch(server.image)).status).toBe(500);
});

/** What `fetch` makes of one range of a server that has this fault. */
async function once(
  fault: Fault,
  parts: PartShape = {},
): Promise<{ status: number; headers: Headers; body: Bytes }> {
  await using server = await serveImage(IMAGE, { faults: [fault], parts });
  const response = await fetch(server.image, { headers: RANGE });
  return { status: response.status, headers: response.headers, body: await response.bytes() };
}

/**
 * The bytes of one answer and how they end. With `silence`, "none" is a connection on which nothing has come
 * for so many milliseconds since its first bytes, or since the server has had the request.
 */
async function onTheWire(
  fault: Fault,
  silence?: number,
): Promise<{ head: string; body: Bytes; end: string }> {
  await using server = await serveImage(IMAGE, { faults: [fault] });
  const parts: Buffer[] = [];
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", allowHalfOpen: true });
  const end = new Promise<string>((ended) => {
    socket.on("data", (part) => parts.push(part));
    socket.on("error", () => ended("RST"));
    // Some kernels report a reset as an end, but none lets us write after it.
    socket.on("end", () => socket.write("?", (error) => ended(error ? "RST" : "FIN")));
    socket.on("timeout", () => ended("none"));
  });
  socket.write(`GET /base.img HTTP/1.1\r\nHost: test\r\nRange: ${RANGE.Range}\r\n\r\n`);
  if (silence !== undefined) {
    await expect.poll(() => server.requests).toHaveLength(1);
    socket.setTimeout(silence);
  }
  const how = await end;
  socket.destroy();
  const all = Buffer.concat(parts);
  const border = all.includes("HTTP/1.1") ? all.indexOf("\r\n\r\n") + 4 : 0;
  return { head: latin1(all.subarray(0, border)), body: new Uint8Array(all.subarray(border)), end: how };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
