import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostOf, originOf, serve, type Site } from "./page-server.ts";

const PIECE = { type: "text/html; charset=utf-8", body: Buffer.from("<!doctype html>♪") };
const HOST = hostOf(0);
const SITE: Site = { host: HOST, pages: new Map([["/piece.html", PIECE]]), first: "/piece.html" };
let server: Server;
let origin: string;

beforeAll(async () => {
  [server] = (await serve([SITE], 0)) as [Server];
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
  await expect(serve([SITE], port)).rejects.toThrow("EADDRINUSE");
});

test("several sites have an address each, and none is given to a page of another", async () => {
  const other = { ...SITE, host: hostOf(1), pages: new Map([["/piece.html", { ...PIECE, body: "other" }]]) };
  const servers = await serve([SITE, { ...other, isOffline: true }], 0);
  try {
    const { port } = servers[0]!.address() as AddressInfo;
    const get = async (host: string, from?: string) =>
      await fetch(`${originOf(host, port)}/piece.html`, from ? { headers: { "sec-fetch-site": from } } : {});
    expect(await (await get("127.0.0.1")).text()).toBe("<!doctype html>♪");
    const answer = await get("127.0.0.2", "none");
    expect(await answer.text()).toBe("other");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'self'");
    expect((await get("127.0.0.1")).headers.get("content-security-policy")).toBeNull();
    expect((await get("127.0.0.2", "same-origin")).status).toBe(200);
    for (const from of ["cross-site", "same-site"]) expect((await get("127.0.0.2", from)).status).toBe(403);
  } finally {
    for (const each of servers) each.close();
  }
});
