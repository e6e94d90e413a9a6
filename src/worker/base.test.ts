import type { RequestListener } from "node:http";
import { expect, test } from "vitest";
import { BaseImageError, ManifestError } from "../errors.ts";
import type { Bytes } from "../segment.ts";
import { pattern, testBase } from "../testing/base.ts";
import { files, serve } from "../testing/server.ts";
import { httpBase } from "./base.ts";

const { manifest, image } = await testBase();
const never = new AbortController().signal;
const latest = {
  format: 1,
  releases: [
    { version: "2", flavor: "kiosk", arch: "x86_64", created: manifest.created, manifest: "k/manifest.json" },
    { version: "1", flavor: "test", arch: "x86_64", created: manifest.created, manifest: "t/manifest.json" },
  ],
};

test("finds the newest release of a flavor, and its image beside its manifest", async () => {
  await using server = await serve(
    files({ "/latest.json": latest, "/t/manifest.json": manifest, "/t/base.img": image }),
  );
  const base = await httpBase(`${server.url}/latest.json`, "test", never);
  expect(base.manifest).toEqual(manifest);
  expect(await join(base.read(1000, 5000, never))).toEqual(image.slice(1000, 6000));
  expect(server.requests.at(-1)).toBe("GET /t/base.img bytes=1000-5999");
});

test.each(["http://", "http://["])("an address like %j is refused", async (url) => {
  const wrong = { ...manifest, image: { ...manifest.image, url } };
  await using server = await serve(files({ "/m.json": wrong }));
  await expect(httpBase(`${server.url}/m.json`, undefined, never)).rejects.toThrow(/is no address/);
});

test("a flavor that nobody published is said by name", async () => {
  await using server = await serve(files({ "/latest.json": latest }));
  await expect(httpBase(`${server.url}/latest.json`, "moon", never)).rejects.toThrow(/flavor "moon"/);
});

test.each<[string, RequestListener, RegExp]>([
  ["404", files({}), /answered 404 for its manifest/],
  ["text", files({ "/m.json": "<html>" }), /not JSON/],
  ["something endless", (_, response) => response.end("[".repeat(2 ** 21)), /larger than 1048576 bytes/],
  ["a closed connection", (request) => request.socket.destroy(), /cannot be fetched: no connection/],
])("a manifest that is %s", async (_, listener, message) => {
  await using server = await serve(listener);
  const error = await httpBase(`${server.url}/m.json`, undefined, never).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ManifestError);
  expect((error as Error).message).toMatch(message);
});

const content = pattern(10_000);
test.each<[string, RequestListener, RegExp]>([
  ["404", (_, response) => response.writeHead(404).end("no"), /answered 404/],
  ["200", (_, response) => response.end(content), /200 instead of 206/],
  ["short", (_, response) => response.writeHead(206).end(content.subarray(0, 99)), /stopped after 99 of 200/],
  ["long", (_, response) => response.writeHead(206).end(content.subarray(0, 201)), /more than the 200 bytes/],
  [
    "another range",
    (_, response) =>
      response.writeHead(206, { "Content-Range": "bytes 0-199/10000" }).end(content.subarray(0, 200)),
    /sent "bytes 0-199\/10000" for bytes 100, 200/,
  ],
  [
    "cut off",
    (request, response) => {
      response.writeHead(206, { "Content-Length": "200" });
      response.write(content.subarray(0, 50), () => request.socket.destroy());
    },
    /was lost/,
  ],
])("an image that is %s", async (_, listener, message) => {
  await using server = await serve((request, response) => {
    if (request.url === "/m.json") response.end(JSON.stringify(manifest));
    else listener(request, response);
  });
  const { read } = await httpBase(`${server.url}/m.json`, undefined, never);
  const error = await join(read(100, 200, never)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(BaseImageError);
  expect((error as Error).message).toMatch(message);
});

test("a server that nobody runs", async () => {
  await expect(httpBase("http://127.0.0.1:1/m.json", undefined, never)).rejects.toThrow(/cannot be fetched/);
});

test("stopping ends a read in progress with the reason given", async () => {
  await using server = await serve((request, response) => {
    if (request.url === "/m.json") response.end(JSON.stringify(manifest));
    else response.writeHead(206).write("a few bytes, and then silence");
  });
  const stop = new AbortController();
  const { read } = await httpBase(`${server.url}/m.json`, undefined, never);
  const reading = join(read(0, 100, stop.signal));
  setTimeout(() => stop.abort(new Error("enough")), 50);
  await expect(reading).rejects.toThrow("enough");
});

async function join(chunks: AsyncIterable<Bytes>): Promise<Bytes> {
  const all: Bytes[] = [];
  for await (const chunk of chunks) all.push(chunk.slice()); // good until the next is asked for
  return new Uint8Array(Buffer.concat(all));
}
