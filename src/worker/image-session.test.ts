import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { DEFAULT_RETRY, RetryPolicy } from "../fetch/retry.ts";
import { openImage } from "../image/image.ts";
import type { PartitionContents } from "../image/plan.ts";
import type { ImageProgress } from "../messages.ts";
import { WINDOW, windowsOf } from "../release/manifest.ts";
import { gather, joined } from "../testing/bytes.ts";
import { memorySeed } from "../testing/memory-seed.ts";
import { pullAll } from "../testing/pull.ts";
import { files, serve, type TestServer } from "../testing/range-server.ts";
import { testKey } from "../testing/sign.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import type { BuildRequest } from "./api.ts";
import { ImageSession } from "./image-session.ts";

const { manifest, image: base } = await testBase();
const pages: Record<string, string> = {
  notepat: "<!doctype html><script>1</script>",
  line: "<!doctype html><script>2</script>",
  frog: "<!doctype html><script>3</script>",
  huge: `<!doctype html><script>4</script>${"x".repeat(9_000_000)}`,
};
const never = new AbortController().signal;

let server: TestServer;
let session: ImageSession;
let told: (ImageProgress | undefined)[];

beforeEach(async () => {
  told = [];
  const release = files({ "/manifest.json": manifest, "/base.img": base });
  server = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
    if (pathname !== "/pack-html") return release(request, response);
    const page = pages[searchParams.get("piece") ?? ""];
    if (page !== undefined) response.end(page);
    else response.writeHead(500).end(JSON.stringify({ error: "Piece not found" }));
  });
  session = new ImageSession({
    schedule: (run) => (run(), () => {}),
    createRetryPolicy: (times, onTrouble) => new RetryPolicy(times, { onTrouble }),
  });
});
afterEach(() => server[Symbol.asyncDispose]());

/** The image of these pieces. */
async function imageOf(...names: [string, ...string[]]): Promise<Bytes> {
  const [first, ...others] = names.map((name) => ({ name, html: new TextEncoder().encode(pages[name]) }));
  const contents: PartitionContents = { pieces: [first!, ...others], start: 0 };
  const sources = {
    servers: [],
    retry: new RetryPolicy(DEFAULT_RETRY, {}),
    seeds: [memorySeed(windowsOf(manifest), base)],
  };
  const { chunks } = await openImage({ manifest, sources }, contents, never);
  return joined(await gather(chunks(new BufferPool(WINDOW))));
}

/** Open the image of `notepat`, and read all of it. */
async function opened(bytes?: Bytes) {
  const file = new File([bytes ?? (await imageOf("notepat"))], "notepat-os.iso");
  const request = { manifest: `${server.url}/manifest.json`, keys: [testKey().publicKey] };
  await session.open(file, request, { onProgress: (progress) => told.push(progress), onHeartbeat: vi.fn() });
  return await session.check();
}

const asking = (pieces: string[], options: Partial<BuildRequest> = {}): BuildRequest => ({
  pieces,
  manifest: `${server.url}/manifest.json`,
  oven: server.url,
  keys: [testKey().publicKey],
  keep: false,
  ...options,
});

const pull = () => pullAll((port) => session.send(port));

test("several pieces are put in the place of one, as if they had been built so, and nothing of the base is fetched", async () => {
  expect(await opened()).toMatchObject({ pieces: ["notepat"], checked: { wrong: 0, piece: "whole" } });
  const info = await session.prepare(asking(["line", "frog"], { start: "line" }));
  const wanted = await imageOf("line", "frog");
  expect(info).toEqual({ fileName: "line+1-os.iso", size: wanted.length, sha256: sha256Of(wanted) });
  expect(sha256Of(await pull())).toBe(info.sha256);
  expect(server.requests.filter((request) => request.includes("base.img"))).toEqual([]);
  expect(told.map((progress) => progress?.does)).toContain("fetching");
});

test("an image of several is one of several, and is mended without changing them", async () => {
  const whole = await imageOf("notepat", "line");
  const hurt = whole.slice();
  hurt[WINDOW + 5]! ^= 1;
  expect(await opened(hurt)).toMatchObject({ pieces: ["notepat", "line"], checked: { wrong: 1 } });
  const info = await session.prepare(undefined);
  expect(info).toMatchObject({ fileName: "notepat+1-os.iso", sha256: sha256Of(whole) });
  expect(sha256Of(await pull())).toBe(info.sha256);
});

test.each([
  [["line", "toad"], /^There is no piece called toad\. Check how it is spelled\.$/],
  [["line", "huge"], /^.*huge is larger than .*/],
])("%s: all are put in, or none", async (pieces, words) => {
  await opened();
  await expect(session.prepare(asking(pieces))).rejects.toMatchObject({
    name: "ImageFileError",
    message: expect.stringMatching(words),
  });
});
