import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve } from "./page-server.ts";

const PIECE = { type: "text/html; charset=utf-8", body: Buffer.from("<!doctype html>♪") };
let server: Server;
let origin: string;

beforeAll(async () => {
  server = await serve(new Map([["/piece.html", PIECE]]), "/piece.html", 0);
  const { port, address } = server.address() as AddressInfo;
  expect(address).toBe("127.0.0.1");
  origin = `http://localhost:${port}`;
});
afterAll(() => server.close());

test("serves the piece, isolated from other origins, whatever its query", async () => {
  const answer = await fetch(`${origin}/piece.html?density=8`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(answer.headers.get("cross-origin-embedder-policy")).toBe("credentialless");
  expect(await answer.text()).toBe("<!doctype html>♪");
});

test("has nothing else", async () => {
  expect((await fetch(`${origin}/`, { redirect: "manual" })).headers.get("location")).toBe("/piece.html");
  expect((await fetch(`${origin}/os.json`)).status).toBe(404);
  expect((await fetch(`${origin}/%2e%2e/etc/passwd`)).status).toBe(404);
  expect((await fetch(`${origin}/piece.html`, { method: "POST" })).status).toBe(405);
  expect(await (await fetch(`${origin}/piece.html`, { method: "HEAD" })).text()).toBe("");
});

test("a port that is taken is an error", async () => {
  const { port } = server.address() as AddressInfo;
  await expect(serve(new Map(), "/", port)).rejects.toThrow("EADDRINUSE");
});
