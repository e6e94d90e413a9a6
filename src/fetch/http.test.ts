import { expect, test } from "vitest";
import { serve } from "../testing/range-server.ts";
import { get } from "./http.ts";

const never = new AbortController().signal;

test("a server that does not answer is given up", async () => {
  await using server = await serve(() => {});
  await expect(get(server.url, never, { silence: 50 })).rejects.toThrow("said nothing");
});

test("a server that falls silent is given up, a slow reader is not", async () => {
  await using server = await serve((_, response) => response.write("first"));
  const { chunks } = await get(server.url, never, { silence: 50 });
  const reader = chunks();
  expect((await reader.next()).value).toHaveLength(5);
  await new Promise((later) => setTimeout(later, 120)); // slower than the server may be
  await expect(reader.next()).rejects.toThrow("said nothing");
});

test("leaving the body ends the connection", async () => {
  let closed: () => void;
  const ended = new Promise<void>((resolve) => (closed = resolve));
  await using server = await serve((_, response) => {
    response.on("close", () => closed());
    response.write("x".repeat(100));
  });
  const { chunks } = await get(server.url, never);
  for await (const _ of chunks()) break;
  await ended;
});
