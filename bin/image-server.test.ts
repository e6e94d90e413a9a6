import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { get as getOver, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { buffer, text } from "node:stream/consumers";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { routesOf } from "../src/netboot/routes.ts";
import { readServedImage } from "../src/netboot/served-image.ts";
import { pattern } from "../src/testing/bytes.ts";
import { ESP_FILES, networkImage } from "../src/testing/network-image.ts";
import { type ImageServer, serveImage, type ServerOptions } from "./image-server.ts";
import { readAt } from "./input.ts";

const folder = mkdtempSync(path.join(tmpdir(), "image-server-"));
const file = path.join(folder, "image.iso");
const image = networkImage({ files: { "splash.png": pattern(2000, 9) } });
writeFileSync(path.join(folder, "secret"), "secret");

let handle: FileHandle;
let server: ImageServer;
let origin: string;
let said: string[];

async function start(more: Partial<ServerOptions> = {}): Promise<ImageServer> {
  const at = (from: number, length: number) => readAt(file, handle, from, new Uint8Array(length));
  return await serveImage({
    handle,
    routes: routesOf(await readServedImage(at, image.length), "a piece.iso"),
    address: "127.0.0.1",
    port: 0,
    mayFetch: () => true,
    say: (line) => said.push(line),
    ...more,
  });
}

beforeEach(async () => {
  writeFileSync(file, image);
  utimesSync(file, 1e9, 1e9);
  handle = await open(file);
  said = [];
  server = await start();
  origin = `http://127.0.0.1:${server.port}`;
});
afterEach(async () => {
  await server.close();
  await handle.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const get = (target: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(origin + target, { headers, method });

/** What comes back for a request as it is written, which fetch would put in order first. */
async function raw(lines: string): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  socket.write(lines);
  return await text(socket);
}

test("the image and all that starts it are there to the byte, by GET and by HEAD", async () => {
  const whole = { "/os.iso": image, "/piece/splash.png": pattern(2000, 9) };
  const config = ESP_FILES["EFI/debian/grub.cfg"];
  const files = ["vmlinuz", "initramfs.img", "splash.png"].map(
    (name) => [`/${name}`, ESP_FILES[name]!] as const,
  );
  for (const [name, bytes] of [...Object.entries(whole), ...files, ["/esp/grub.cfg", config!] as const]) {
    const answer = await get(name);
    expect([name, answer.status]).toEqual([name, 200]);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes), name).toBe(true);
    const head = await get(name, {}, "HEAD");
    expect(head.headers.get("content-length"), name).toBe(String(bytes.length));
    expect(await head.text()).toBe("");
  }
  expect(await (await get("/grub.cfg")).text()).toContain("set piece=UUID=");
  expect((await get("/OS.ISO", {}, "HEAD")).headers.get("content-type")).toBe("application/vnd.efi-iso");
});

test("the page names the address by which it was asked for", async () => {
  const page = await raw("GET / HTTP/1.1\r\nHost: 192.168.1.50:99\r\nConnection: close\r\n\r\n");
  expect(page).toContain(`<code>${origin}/os.iso</code>`);
  expect(page).toContain(`download="a piece.iso"`);
  expect(page).not.toContain("192.168.1.50");
  expect(page).toMatch(/^Content-Security-Policy: default-src 'none'/m);
});

test.each([
  ["evil.example", 421],
  ["127.0.0.1.evil.example:80", 421],
  ["localhost:8080", 200],
  [`${hostname().split(".")[0]}.local`, 200],
  [`${hostname().split(".")[0]}.evil.example`, 421],
  ["10.0.2.2", 200],
  ["", 200],
])("asked for as %j it answers with %i", async (host, status) => {
  const answer = await raw(`HEAD /os.iso HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test.each([
  "/../secret",
  "/%2e%2e/secret",
  "/..%2fsecret",
  "/./os.iso",
  "//os.iso",
  "/os.iso/",
  "/os.iso%00",
  "/secret",
  "/EFI/BOOT",
  "/EFI",
  "/__proto__",
  "/constructor",
  "*",
  "http://other/secret",
  "http://other/os.iso/../secret",
])("%s is not there", async (target) => {
  const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 404 /);
  expect(answer).not.toContain("secret");
});

test("what firmware writes is understood: no Host, HTTP 1.0, a whole address, something behind a question mark", async () => {
  for (const request of [
    "HEAD /os.iso HTTP/1.1\r\nConnection: close\r\n\r\n",
    "HEAD /os.iso HTTP/1.0\r\n\r\n",
    "HEAD http://10.0.2.2:8080/os.iso HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    "HEAD /OS.ISO?x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
  ]) {
    expect(await raw(request)).toMatch(new RegExp(`^HTTP/1.1 200 [^]*Content-Length: ${image.length}\r\n`));
  }
});

test("only GET and HEAD are answered, and a request that is none ends nothing", async () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const answer = await get("/os.iso", {}, method);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  }
  expect(await raw("no request\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
  expect((await get("/")).status).toBe(200);
});

test("single ranges, over the runs of a file on the ESP too", async () => {
  for (const [name, bytes] of [
    ["/os.iso", image],
    ["/vmlinuz", ESP_FILES["vmlinuz"]!],
  ] as const) {
    for (const [range, from, to] of [
      ["bytes=0-0", 0, 1],
      ["bytes=1000-69999", 1000, 70_000],
      [`bytes=${bytes.length - 1}-`, bytes.length - 1, bytes.length],
      ["bytes=-7", bytes.length - 7, bytes.length],
      ["bytes=5-99999999999", 5, bytes.length],
    ] as const) {
      const answer = await get(name, { range });
      const { length } = bytes;
      expect([answer.status, answer.headers.get("content-range")]).toEqual([
        206,
        `bytes ${from}-${to - 1}/${length}`,
      ]);
      const part = Buffer.from(await answer.arrayBuffer());
      expect(part.equals(bytes.subarray(from, to)), `${name} ${range}`).toBe(true);
    }
    const beyond = await get(name, { range: `bytes=${bytes.length}-` });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${bytes.length}`]);
    const head = await get(name, { range: "bytes=0-0" }, "HEAD"); // Range is for GET alone
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(bytes.length)]);
  }
});

test("If-Range and If-None-Match hold for the very file alone", async () => {
  const etag = (await get("/vmlinuz", {}, "HEAD")).headers.get("etag")!;
  const status = async (headers: Record<string, string>) => (await get("/vmlinuz", headers)).status;
  const range = "bytes=0-9";
  expect(await status({ range, "if-range": etag })).toBe(206);
  expect(await status({ range, "if-range": '"other"' })).toBe(200);
  expect(await status({ range, "if-range": `W/${etag}` })).toBe(200);
  expect(await status({ range, "if-range": "Sun, 09 Sep 2001 01:46:40 GMT" })).toBe(200);
  expect(await status({ "if-none-match": `"x", W/${etag}` })).toBe(304);
  expect(await status({ "if-none-match": '"x"' })).toBe(200);
  const other = (await get("/initramfs.img", {}, "HEAD")).headers.get("etag")!;
  expect(await status({ range, "if-range": other })).toBe(200);
});

test("a file that is changed meanwhile is not served on", async () => {
  utimesSync(file, 1e9, 1e9 + 1);
  const answer = await get("/os.iso");
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("has been changed");
  expect(said.join("\n")).toContain("127.0.0.1 gets no os.iso: the file has been changed");
});

test("a file that is changed while it is sent does not come whole", async () => {
  const answer = await get("/os.iso");
  utimesSync(file, 1e9, 1e9 + 1);
  const came = answer.arrayBuffer().then(
    () => "whole",
    () => "cut off",
  );
  expect(await came).toBe("cut off");
  await expect.poll(() => said.join("\n")).toContain("cannot be sent os.iso: the file has been changed");
  expect(said.join("\n")).not.toContain("has all of");
});

/** As from another computer: each of Linux's addresses 127.x.y.z is one. */
async function getFrom(localAddress: string, target: string): Promise<Buffer> {
  const answer = await new Promise<IncomingMessage>((answered, failed) => {
    getOver(origin + target, { localAddress, agent: false }, answered).on("error", failed);
  });
  return await buffer(answer);
}

test("thirty computers at once, some of which go away", async () => {
  const before = process.memoryUsage();
  const all = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => {
      const localAddress = `127.0.0.${10 + i}`;
      if (i % 3 > 0) return (await getFrom(localAddress, "/os.iso")).equals(image);
      const socket = connect({ port: server.port, host: "127.0.0.1", localAddress });
      socket.write("GET /os.iso HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      await new Promise((begun) => socket.once("data", begun));
      socket.destroy();
      return true;
    }),
  );
  expect(all).toEqual(Array.from({ length: 30 }, () => true));
  expect(process.memoryUsage().external - before.external).toBeLessThan(30 * image.length); // what fetch holds
  await expect.poll(() => server.unfinished()).toEqual([]);
  const ends = said.filter((line) => /has all of|broke off/.test(line));
  expect(ends.length).toBe(30);
  expect(said).toContain("127.0.0.12 begins os.iso, 23 MB");
  expect(said.filter((line) => line.includes("broke off os.iso at ")).length).toBe(10);
});

test("one that takes nothing holds nothing up, and few bytes", async () => {
  const socket = connect(server.port, "127.0.0.1");
  socket.pause();
  socket.write("GET /os.iso HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  await expect.poll(() => server.unfinished()).toEqual(["127.0.0.1"]);
  expect((await get("/vmlinuz")).status).toBe(200);
  expect(said.filter((line) => line.includes("has 75 %"))).toEqual([]); // read as it is taken: the system's buffers hold some MB
  await server.close(); // and does not wait for it
  await expect.poll(() => said.at(-1)).toMatch(/^127\.0\.0\.1 broke off os\.iso at /);
  socket.destroy();
});

test("requests that do not wait for an answer cost no memory", async () => {
  const before = process.memoryUsage().rss;
  const sockets = Array.from({ length: 3 }, () => connect(server.port, "127.0.0.1"));
  const gone = sockets.map((socket) => text(socket).catch(() => "gone"));
  for (const socket of sockets) socket.write("GET /os.iso HTTP/1.1\r\n\r\n".repeat(2000));
  await Promise.all(gone); // the server ends them
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20); // 1.5 GB when each reads ahead
  expect(said.filter((line) => line.includes("begins")).length).toBeLessThanOrEqual(3);
  const few = await raw(
    "HEAD /vmlinuz HTTP/1.1\r\n\r\n".repeat(3) + "HEAD /os.iso HTTP/1.1\r\nConnection: close\r\n\r\n",
  );
  expect(few.match(/Content-Length: \d+/g)).toEqual(
    [90_000, 90_000, 90_000, image.length].map((length) => `Content-Length: ${length}`), // in their order
  );
});

test("one computer does not take all connections", async () => {
  const hold = Array.from({ length: 40 }, () => connect(server.port, "127.0.0.1"));
  const ends = hold.map((socket) => {
    let isOpen = true;
    socket.on("error", () => {}).on("close", () => (isOpen = false)); // prettier-ignore
    return () => isOpen;
  });
  await expect.poll(() => ends.filter((isOpen) => isOpen()).length).toBe(16);
  expect((await getFrom("127.0.0.9", "/vmlinuz")).length).toBe(90_000);
  for (const socket of hold) socket.destroy();
  await expect.poll(async () => (await getFrom("127.0.0.1", "/vmlinuz").catch(() => "")).length).toBe(90_000);
});

test.each([
  "CONNECT 127.0.0.1:22 HTTP/1.1",
  "GET /os.iso HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade",
  "PRI * HTTP/2.0",
])("%j gets nothing but what is here, and ends nothing", async (head) => {
  const answer = await raw(`${head}\r\nConnection: close\r\n\r\n`);
  if (!head.startsWith("GET")) expect(answer).not.toMatch(/^HTTP\/1.1 (?:101|200)/);
  expect(answer).not.toMatch(/^HTTP\/1.1 101/);
  expect((await get("/")).status).toBe(200);
});

test("whoever may not is not answered, and told of once", async () => {
  const near = await start({ mayFetch: () => false });
  for (let i = 0; i < 2; i++) {
    const socket = connect(near.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    expect(await text(socket).catch(() => "")).toBe("");
  }
  await near.close();
  expect(said).toEqual(["127.0.0.1 is refused: it is in no local network"]);
});

test("a port that is taken is one sentence", async () => {
  await expect(start({ port: server.port })).rejects.toThrow(
    `Port ${server.port} is taken by another program: end that, or name another port with --port`,
  );
});
