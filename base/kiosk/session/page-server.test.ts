import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HOST, serve } from "./page-server.ts";

const PIECE = { type: "text/html; charset=utf-8", body: Buffer.from("<!doctype html>♪") };
let server: Server;
let origin: string;

beforeAll(async () => {
  server = await serve(new Map([["/piece.html", PIECE]]), "/piece.html", 0);
  const { port, address } = server.address() as AddressInfo;
  expect(address).toBe(HOST);
  origin = `http://${HOST}:${port}`;
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

// RFC 9112, section 3.2, and what no client should send; as bytes, since fetch would put it right
test.each([
  ["GET // HTTP/1.1", 404],
  ["GET //piece.html HTTP/1.1", 404],
  ["GET http:// HTTP/1.1", 404],
  ["GET http://[ HTTP/1.1", 404],
  ["GET http://x:99999/piece.html HTTP/1.1", 404],
  ["GET ? HTTP/1.1", 400],
  ["GET # HTTP/1.1", 400],
  ["GET * HTTP/1.1", 404],
  ["GET /%00 HTTP/1.1", 404],
  ["GET /%zz HTTP/1.1", 404],
  ["GET /\\\\x HTTP/1.1", 404],
  ["GET /../piece.html HTTP/1.1", 404],
  ["GET /constructor HTTP/1.1", 404],
  ["GET /?/piece.html HTTP/1.1", 302],
  ["OPTIONS * HTTP/1.1", 405],
  ["CONNECT x:1 HTTP/1.1", undefined],
  ["TRACE / HTTP/1.1", 405],
  ["GET  HTTP/1.1", 400],
  ["GET / HTTP/9.9", 400],
  ["nonsense", 400],
  [`GET ${"/".repeat(20_000)} HTTP/1.1`, 431],
  ["GET /piece.html HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket", undefined],
  ["GET /piece.html HTTP/1.1\r\nExpect: something", 417],
])("%# is answered, and the next one too", async (head, status) => {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, HOST);
  socket.on("error", () => {}); // closed on us: that is an answer
  socket.end(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  const answer = (await socket.toArray().catch(() => [])).join("");
  if (status !== undefined) expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect((await fetch(`${origin}/piece.html`)).status).toBe(200);
});

test("a port that is taken is an error", async () => {
  const { port } = server.address() as AddressInfo;
  await expect(serve(new Map(), "/", port)).rejects.toThrow("EADDRINUSE");
});
