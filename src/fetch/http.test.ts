import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { serve } from "../testing/range-server.ts";
import { get, isWebPage, StandstillError } from "./http.ts";

const stop = new AbortController().signal;
const silenceMs = 1000;

// Only what `get` measures silence with is made up: sockets are real, and go on as they do.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

test("a server that does not answer is given up", async () => {
  let ask = () => {};
  const asked = new Promise<void>((resolve) => (ask = resolve));
  await using server = await serve(() => ask());
  let over = false;
  const answer = get(server.url, { silenceMs, stop }).finally(() => (over = true));
  const failed = expect(answer).rejects.toThrow("the server said nothing for 1 s");
  await asked;
  vi.advanceTimersByTime(silenceMs - 1);
  await new Promise(setImmediate);
  expect(over).toBe(false);
  vi.advanceTimersByTime(1);
  await failed;
});

test("a server that falls silent is given up, a slow reader is not", async () => {
  await using server = await serve((_, response) => response.write("first"));
  const { chunks } = await get(server.url, { silenceMs, stop });
  const reader = chunks();
  expect((await reader.next()).value).toHaveLength(5);
  vi.advanceTimersByTime(10 * silenceMs); // the reader takes its time
  let over = false;
  const second = reader.next().finally(() => (over = true));
  const failed = expect(second).rejects.toThrow("the server said nothing for 1 s");
  vi.advanceTimersByTime(silenceMs - 1);
  await new Promise(setImmediate);
  expect(over).toBe(false);
  vi.advanceTimersByTime(1);
  await failed;
});

test.each([true, false])("this computer sleeps, and the connection outlives it: %s", async (outlives) => {
  let server: ServerResponse | undefined;
  await using served = await serve((_, response) => {
    server = response;
    response.write("first");
  });
  const { chunks } = await get(served.url, { silenceMs: 20 * silenceMs, stop });
  const reader = chunks();
  await reader.next();
  const second = reader.next().catch((error: unknown) => error);
  vi.setSystemTime(Date.now() + 165_000); // no timer runs meanwhile
  vi.advanceTimersByTime(2900); // one look at the clock, and nearly two seconds
  if (outlives) {
    server?.write("second");
    expect(await second).toMatchObject({ value: { length: 6 } });
  } else {
    vi.advanceTimersByTime(100);
    expect(await second).toBeInstanceOf(StandstillError);
  }
  await reader.return(undefined);
});

test.each([
  ["given up when it comes to next to nothing", 100, false],
  ["not given up when it is slow and steady", 1000, true],
])("what trickles in is %s", async (_, length, enough) => {
  let server: ServerResponse | undefined;
  await using served = await serve((_request, response) => {
    server = response;
    response.write("x".repeat(length));
  });
  const { chunks } = await get(served.url, { silenceMs, stop });
  const reader = chunks();
  const read = async () => {
    for (let i = 0; i < 4; i++) {
      const next = reader.next();
      vi.advanceTimersByTime(600);
      server?.write("x".repeat(length));
      await next;
    }
  };
  if (enough) await read();
  else await expect(read()).rejects.toThrow("the server all but stopped");
  await reader.return(undefined);
});

test("leaving the body ends the connection", async () => {
  let closed: () => void;
  const ended = new Promise<void>((resolve) => (closed = resolve));
  await using server = await serve((_, response) => {
    response.on("close", () => closed());
    response.write("x".repeat(100));
  });
  const { chunks } = await get(server.url, { silenceMs, stop });
  for await (const _ of chunks()) break;
  await ended;
});

test.each([
  ["<html>", true],
  ["<!DOCTYPE html>\n<html>", true],
  ["\ufeff \r\n<HTML lang=en>", true],
  ["<!-- hotspot -->\n<!doctype  html>", true],
  ['<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">', true],
  ["<script>location.href='http://login/'</script>", true],
  ['<META http-equiv="refresh" content="0">', true],
  ["", false],
  ['{"format":1}', false],
  ["untrusted comment: <html>", false],
  ["\0<html>", false],
  ["<htmlx>", false],
  ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', false],
  [`${" ".repeat(1024)}<html>`, false],
])("%j is a web page: %s", (text, expected) => {
  expect(isWebPage(new TextEncoder().encode(text))).toBe(expected);
});

test.each([
  "data:application/json,{}",
  "blob:https://ac.example/1",
  "file:///etc/passwd",
  "javascript:1",
  "//x",
  "",
])("%s is not asked", async (url) => {
  await expect(get(url, { silenceMs, stop })).rejects.toThrow("is not on the web");
});

test("no cookies go along", async () => {
  const fetched = vi.spyOn(globalThis, "fetch");
  await using server = await serve((_, response) => response.end("{}"));
  await get(server.url, { silenceMs, stop });
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({ credentials: "omit" });
  fetched.mockRestore();
});

test("redirects lead to the same server, or to an encrypted one, and to no other", async () => {
  await using other = await serve((_, response) => response.end("of somebody's own network"));
  await using server = await serve((request, response) => {
    const to = { "/same": "/end", "/other": other.url }[request.url ?? ""];
    if (to) response.writeHead(302, { Location: to }).end();
    else response.end("at its end");
  });
  expect((await get(`${server.url}/same`, { silenceMs, stop })).response.status).toBe(200);
  await expect(get(`${server.url}/other`, { silenceMs, stop })).rejects.toThrow(/leads from .* to /);

  const redirected = (url: string) => Object.defineProperty(new Response("x"), "url", { value: url });
  const fetched = vi.spyOn(globalThis, "fetch");
  for (const [to, isRight] of [
    ["https://other.example/x", true],
    ["http://a.example/x", false],
    ["http://192.168.0.1/x", false],
    ["http://localhost/x", false],
  ] as const) {
    fetched.mockResolvedValueOnce(redirected(to));
    const answer = get("https://a.example/x", { silenceMs, stop });
    if (isRight) await answer;
    else await expect(answer).rejects.toThrow(/leads from/);
  }
  fetched.mockRestore();
});
