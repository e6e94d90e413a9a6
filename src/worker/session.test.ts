import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { keptReleases } from "../cache/opfs.ts";
import { DEFAULT_RETRY, PREPARE_GIVE_UP_AFTER_MS, RetryPolicy, type RetryTimes } from "../fetch/retry.ts";
import type { ImageInfo, Progress, Trouble } from "../messages.ts";
import type { BuildRequest } from "./api.ts";
import { WINDOW } from "../release/manifest.ts";
import { acBundle } from "../testing/ac-bundle.ts";
import { formatCopies } from "../release/copies.ts";
import { MemoryStorage } from "../testing/memory-opfs.ts";
import { newerBase } from "../testing/newer-base.ts";
import { pullAll } from "../testing/pull.ts";
import { files, serve, type TestServer } from "../testing/range-server.ts";
import { testKey } from "../testing/sign.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import { BuildSession, PROGRESS_INTERVAL_MS } from "./session.ts";

const { manifest, image } = await testBase();
const newer = await newerBase({ manifest, image });
const SIZES = { size: newer.image.length, olderSize: image.length };
/** A window of nothing but wrong bytes. */
const LIE = { start: WINDOW, from: 0, length: WINDOW };
const gzip = (list: Bytes) => new Uint8Array(gzipSync(list));
const bundle = "<!doctype html><script>1</script>";

/** A thread whose timers a test runs. */
class FakeThread {
  /** What is to run, and when. */
  scheduled: { run: () => void; ms: number }[] = [];
  readonly policies: RetryPolicy[] = [];
  readonly times: RetryTimes[] = [];
  onTrouble: (trouble: Trouble | undefined) => void = () => {};

  readonly schedule = (run: () => void, ms: number) => {
    const entry = { run, ms };
    this.scheduled.push(entry);
    return () => void (this.scheduled = this.scheduled.filter((each) => each !== entry));
  };
  readonly createRetryPolicy = (times: RetryTimes, onTrouble: (trouble: Trouble | undefined) => void) => {
    this.times.push(times);
    this.onTrouble = onTrouble;
    const policy = new RetryPolicy(times, { onTrouble });
    this.policies.push(policy);
    return policy;
  };

  run(): void {
    for (const { run } of this.scheduled.splice(0)) run();
  }
}

let server: TestServer;
let thread: FakeThread;
let session: BuildSession;
let reports: Progress[];
const onHeartbeat = vi.fn();

beforeEach(async () => {
  server = await serve(files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle }));
  thread = new FakeThread();
  session = new BuildSession(thread);
  reports = [];
  onHeartbeat.mockClear();
});
afterEach(async () => {
  await session.close({ keep: false, cancelled: false });
  await server[Symbol.asyncDispose]();
});

function open(options: Partial<BuildRequest> = {}) {
  const request: BuildRequest = {
    pieces: ["notepat"],
    manifest: `${server.url}/manifest.json`,
    oven: server.url,
    keys: [testKey().publicKey],
    keep: false,
    ...options,
  };
  return session.open(request, { onProgress: (progress) => reports.push(progress), onHeartbeat });
}

test("who has signed the release is told, and that one asked for by name is older than one seen", async () => {
  const keyId = testKey().id;
  expect((await open()).release).toEqual({ keyId });
  const seen = { [`test x86_64 ${keyId}`]: "2026.1.2" };
  const { release } = await open({ version: manifest.version, seen });
  expect(release).toEqual({ keyId, olderThan: "2026.1.2" });
  await expect(open({ seen })).rejects.toThrow(/ask for it by name: os:notepat:2026\.1\.1$/);
});

const pull = (onChunk?: () => void) => pullAll((port) => session.send(port), onChunk);

test("the image is sent as promised, and all that was sent is reported in the end", async () => {
  const info = await open();
  expect(reports.at(-1)).toMatchObject({ written: 0, kept: 0, canKeep: false });
  expect(sha256Of(await pull())).toBe(info.sha256);
  expect(reports.at(-1)).toMatchObject({ written: info.size, fetched: 3 * WINDOW });
  expect(thread.scheduled).toEqual([]);
});

test("a bundle of AC's: the same image whenever it was packed, what it asks for, and how its baking goes", async () => {
  let packed = Date.parse("2026-11-27T01:00:00Z");
  let finish = () => {};
  const parts = files({ "/manifest.json": manifest, "/base.img": image });
  await using oven = await serve((request, response) => {
    if (!request.url?.startsWith("/pack-html")) return parts(request, response);
    const html = acBundle({ piece: "frog", source: `video("camera")`, packed: new Date((packed += 60_000)) });
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write('event: progress\ndata: {"message":"Loading fonts..."}\n\n');
    const content = Buffer.from(html).toString("base64");
    finish = () => response.end(`event: complete\ndata: ${JSON.stringify({ content })}\n\n`);
  });
  const from = { piece: "frog", oven: oven.url, manifest: `${oven.url}/manifest.json` };
  const infos = [];
  for (let i = 0; i < 2; i++) {
    const opening = open(from);
    await expect.poll(() => thread.scheduled).toHaveLength(1);
    thread.run();
    expect(reports.at(-1)).toMatchObject({ baking: "Loading fonts..." });
    finish();
    infos.push(await opening);
    expect(reports.at(-1)).not.toHaveProperty("baking");
    await session.close({ keep: false, cancelled: false });
    session = new BuildSession(thread);
  }
  const [first, second] = infos;
  expect(first).toMatchObject({ piece: { isNormalised: true }, asks: ["camera"] });
  expect(second?.sha256).toBe(first?.sha256);
  expect(await open()).toMatchObject({ piece: { isNormalised: false }, asks: [] });
});

test("progress is reported once in an interval, and then as it is", async () => {
  const info = await open();
  const before = reports.length;
  let chunks = 0;
  await pull(() => {
    chunks += 1;
    expect(thread.scheduled.map(({ ms }) => ms)).toEqual([PROGRESS_INTERVAL_MS]);
    expect(reports).toHaveLength(before + chunks - 1);
    thread.run();
    expect(reports.at(-1)?.written).toBeGreaterThanOrEqual(chunks * Math.min(WINDOW, info.size / chunks));
  });
  expect(chunks).toBeGreaterThan(3);
});

test("a chosen file is written, and counted in the same way", async () => {
  const info = await open();
  const written = new Uint8Array(info.size);
  const { handle, whenWritten } = memoryFile(written);
  await session.write(handle);
  expect(whenWritten()).toBe(info.size);
  expect(sha256Of(written)).toBe(info.sha256);
  expect(reports.at(-1)).toMatchObject({ written: info.size });
});

test("the piece's bundle is what the oven sent", async () => {
  await open();
  expect(await (await session.bundle("notepat")).text()).toBe(bundle);
});

test("a piece may use what it asks for, and never the network, unless it is told otherwise", async () => {
  const asking = `<!doctype html><meta name="os-allow" content="camera network"><script>1</script>`;
  await using other = await serve(
    files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": asking }),
  );
  expect(await open()).toMatchObject({ allow: [], asks: [] });
  session = new BuildSession(thread);
  expect(await open({ oven: other.url })).toMatchObject({ allow: ["camera"], asks: ["camera"] });
  session = new BuildSession(thread);
  expect(await open({ oven: other.url, allow: { notepat: [] } })).toMatchObject({
    allow: [],
    asks: ["camera"],
  });
});

test("what is allowed makes another image, with the SHA-256 that it then has, and fetches nothing", async () => {
  const before = await open();
  const asked = server.requests.length;
  const info = await session.choose({ pieces: [{ name: "notepat", allow: ["camera", "network"] }] });
  const allow = ["camera", "network"];
  const pieces = before.pieces.map((piece) => ({ ...piece, allow }));
  expect(info).toEqual({ ...before, sha256: info.sha256, allow, pieces });
  expect(info.sha256).not.toBe(before.sha256);
  expect(server.requests).toHaveLength(asked);
  const made = await pull();
  expect(sha256Of(made)).toBe(info.sha256);
  expect(Buffer.from(made).toString("latin1").includes('"allow": ["camera","network"]')).toBe(true);
});

describe("several pieces", () => {
  /** What an oven sends for each; of others it says that there are none. */
  const bundles: Record<string, string> = {
    notepat: `<!doctype html><title>notepat</title><script>1</script>`,
    line: `<!doctype html><meta name="os-allow" content="camera"><script>2</script>`,
    large: `<!doctype html><script>3</script>${"x".repeat(5_000_000)}`,
    larger: `<!doctype html><script>4</script>${"x".repeat(6_000_000)}`,
  };
  let oven: TestServer;
  let broken: string[];
  let busy: string[];

  beforeEach(async () => {
    broken = busy = [];
    oven = await serve((request, response) => {
      const name = new URL(request.url ?? "", "http://any").searchParams.get("piece") ?? "";
      if (busy.includes(name)) response.writeHead(503).end();
      else if (broken.includes(name)) response.writeHead(400).end("Bad Request");
      else if (Object.hasOwn(bundles, name)) response.end(bundles[name]);
      else response.writeHead(500).end(JSON.stringify({ error: `Piece '${name}' not found` }));
    });
  });
  afterEach(() => oven[Symbol.asyncDispose]());

  const openAll = (pieces: string[], options: Partial<BuildRequest> = {}) =>
    open({ pieces, oven: oven.url, ...options });
  const namesOf = ({ pieces }: Pick<ImageInfo, "pieces">) => pieces.map(({ name }) => name);

  test("are fetched one after the other, which is told, and each has what it asks for alone", async () => {
    const info = await openAll(["notepat", "line", "notepat"]);
    expect(info).toMatchObject({
      fileName: "notepat+1-os.iso",
      allow: ["camera"],
      piece: { name: "notepat" },
    });
    expect(info.pieces).toMatchObject([
      { name: "notepat", allow: [], asks: [], size: bundles["notepat"]?.length },
      { name: "line", allow: ["camera"], asks: ["camera"], size: bundles["line"]?.length },
    ]);
    expect(info).not.toHaveProperty("leftOut");
    expect(info).not.toHaveProperty("start");
    expect(info.room).toMatchObject({ of: manifest.piecePartition.length });
    const told = reports.flatMap(({ fetching }) =>
      fetching ? [`${fetching.number}/${fetching.of} ${fetching.name}`] : [],
    );
    expect([...new Set(told)]).toEqual(["1/2 notepat", "2/2 line"]);
    expect(reports.at(-1)).not.toHaveProperty("fetching");
    expect(oven.requests).toHaveLength(2);
    const made = await pull();
    expect(sha256Of(made)).toBe(info.sha256);
    expect(await (await session.bundle("line")).text()).toBe(bundles["line"]);
    expect(await (await session.bundle("notepat")).text()).toBe(bundles["notepat"]);
  });

  test("those that cannot be had are named, and the others are made", async () => {
    broken = ["line"];
    const info = await openAll(["frogg", "line", "notepat", "../x"], { allow: { notepat: ["midi"] } });
    expect(namesOf(info)).toEqual(["notepat"]);
    expect(info).toMatchObject({ fileName: "notepat-os.iso", allow: ["midi"] });
    expect(info.leftOut).toEqual([
      { name: "frogg", message: "There is no piece called frogg. Check how it is spelled." },
      { name: "line", message: expect.stringMatching(/oven, .*400.*\. Try again in a minute\.$/i) },
      { name: "../x", message: expect.stringContaining('"../x" is not the name of a piece.') },
    ]);
    expect(sha256Of(await pull())).toBe(info.sha256);
  });

  test("of which none can be had are no build, and an oven that is down is not asked for each", async () => {
    await expect(openAll(["frogg", "toad"])).rejects.toMatchObject({ name: "UnknownPieceError" });
    broken = ["line", "large"];
    await expect(openAll(["line", "large", "larger"])).rejects.toMatchObject({ name: "OvenError" });
    const info = await openAll(["notepat", "line", "large", "larger", "../x"]);
    expect(namesOf(info)).toEqual(["notepat"]);
    expect(info.leftOut?.map(({ name }) => name)).toEqual(["line", "large", "larger", "../x"]);
    expect(oven.requests.some((request) => request.includes("larger"))).toBe(false);
  });

  test("that could not be had are fetched again, and nothing else", async () => {
    broken = ["line"];
    const before = await openAll(["line", "frogg", "notepat"], { allow: { line: ["midi"] }, start: "line" });
    expect(before).not.toHaveProperty("start");
    broken = [];
    const asked = oven.requests.length;
    const info = await session.again();
    expect(namesOf(info)).toEqual(["line", "notepat"]); // in the order in which they were asked for
    expect(info).toMatchObject({ start: "line", allow: ["midi"], leftOut: [{ name: "frogg" }] });
    expect(oven.requests).toHaveLength(asked + 2);
    expect(reports.at(-1)).not.toHaveProperty("fetching");
    expect(sha256Of(await pull())).toBe(info.sha256);
  });

  test("of which one is late are no trouble later", async () => {
    busy = ["line"];
    const info = await openAll(["notepat", "line"], { giveUpAfterSeconds: 0.1 });
    expect(info.leftOut).toMatchObject([{ name: "line" }]);
    expect(reports.some(({ trouble }) => trouble?.kind === "busy")).toBe(true);
    expect(reports.at(-1)).not.toHaveProperty("trouble");
    busy = [];
    expect(namesOf(await session.again())).toEqual(["notepat", "line"]);
  });

  test("for which there is no room are named, and have it when others are left out", async () => {
    const all = ["notepat", "large", "line", "larger"];
    const info = await openAll(all);
    expect(namesOf(info)).toEqual(["notepat", "large", "line"]);
    expect(info.leftOut).toEqual([
      {
        name: "larger",
        size: bundles["larger"]?.length,
        allow: [],
        message: expect.stringMatching(
          /^There is no room for larger beside notepat, large and line: .* Leave it out,/,
        ),
      },
    ]);
    const chosen = ["notepat", "line", "larger"].map((name) => ({ name, allow: [] }));
    const another = await session.choose({ pieces: chosen, start: "larger" });
    expect(namesOf(another)).toEqual(["notepat", "line", "larger"]);
    expect(another.start).toBe("larger");
    expect(another.leftOut).toEqual([
      { name: "large", size: bundles["large"]?.length, allow: [], message: "" },
    ]);
    expect(another.room?.left).toBeLessThan(info.room?.left ?? 0);
    expect(sha256Of(await pull())).toBe(another.sha256);

    const late = [...chosen, { name: "large", allow: [] }];
    const full = await session.choose({ pieces: late, start: "larger" });
    expect(namesOf(full)).toEqual(["notepat", "line", "larger"]); // what is on it stays, whatever its place in the menu
    expect(full.leftOut).toMatchObject([
      { name: "large", message: expect.stringContaining("no room for large") },
    ]);

    const one = await session.choose({ pieces: [{ name: "line", allow: [] }], start: "larger" });
    expect(one).toMatchObject({ fileName: "line-os.iso", piece: { name: "line" } });
    expect(one.leftOut?.map(({ message }) => message)).toEqual(["", "", ""]);
  });

  test("are made alone, without the base, and with it again", async () => {
    const whole = await openAll(["notepat", "line"]);
    const { length } = manifest.piecePartition;
    const { allow: _, ...rest } = whole;
    const wanted = { pieces: whole.pieces.map(({ name }) => ({ name, allow: [] })), start: "line" };
    const alone = await session.choose({ ...wanted, only: "piece" });
    expect(alone).toMatchObject({
      only: "piece",
      fileName: "notepat+1-piece.img",
      size: length,
      download: 0,
      start: "line",
      room: rest.room,
    });
    const { requests } = server;
    const fetched = requests.length;
    const made = await pull();
    expect(made).toHaveLength(length);
    expect(sha256Of(made)).toBe(alone.sha256);
    expect(requests).toHaveLength(fetched);

    const again = await session.choose(wanted);
    expect(again).not.toHaveProperty("only");
    expect(again).toMatchObject({ fileName: whole.fileName, size: whole.size, start: "line" });
    const image2 = await pull();
    expect(sha256Of(image2)).toBe(again.sha256);
    const { start } = manifest.piecePartition;
    expect(sha256Of(image2.slice(start, start + length))).toBe(alone.sha256);
  });

  test("are refused by a base that starts one alone before any is fetched, and so are too many", async () => {
    const { osJson: _, ...old } = manifest;
    await using other = await serve(files({ "/manifest.json": old, "/base.img": image }));
    const from = { manifest: `${other.url}/manifest.json` };
    await expect(openAll(["notepat", "line"], from)).rejects.toMatchObject({ name: "OnePieceBaseError" });
    const many = Array.from({ length: 33 }, (_each, i) => `piece${i}`);
    await expect(openAll(many)).rejects.toThrow("32 pieces at most, and piece32 is one too many");
    expect(oven.requests).toEqual([]);
  });

  test("that are alone too large are told as one alone is", async () => {
    bundles["largest"] = `<!doctype html><script>5</script>${"x".repeat(9_000_000)}`;
    await expect(openAll(["largest"])).rejects.toMatchObject({ name: "BundleError" });
    const info = await openAll(["largest", "line"]);
    expect(namesOf(info)).toEqual(["line"]);
    expect(info.leftOut).toMatchObject([
      { name: "largest", message: expect.stringContaining("largest is larger than") },
    ]);
  });
});

test("who has built the image is part of the request, and on the image where they want it", async () => {
  const nobody = await open();
  const plain = { pieces: [{ name: "notepat", allow: [] }] };
  const named = await session.choose({ ...plain, by: "@jeffrey" });
  expect(named).toMatchObject({ by: "@jeffrey", allow: [] });
  expect(named.sha256).not.toBe(nobody.sha256);
  const made = await pull();
  expect(sha256Of(made)).toBe(named.sha256);
  expect(Buffer.from(made).toString("latin1")).toContain('"by": "@jeffrey"\n}');
  expect(await session.choose(plain)).toEqual(nobody);
  expect((await open({ by: "@jeffrey" })).sha256).toBe(named.sha256);
});

/** How the list of copies is, and how many bytes have to be fetched then. */
const ALL = 3 * WINDOW;
const LISTS: [string, (list: Bytes) => Bytes | undefined, { here: number; fetched: number }][] = [
  ["as it was published", (list) => list, { here: ALL - newer.left, fetched: newer.left }],
  ["not there", () => undefined, { here: 0, fetched: ALL }],
  ["of lies", () => gzip(formatCopies([LIE], SIZES)), { here: WINDOW, fetched: ALL }],
];
test.each(LISTS)(
  "with an older base here, and its list of copies %s",
  { timeout: 120_000 },
  async (_, change, expected) => {
    vi.stubGlobal("navigator", { storage: new MemoryStorage() });
    await open({ keep: true });
    await pull();
    await session.close({ keep: true, cancelled: false });
    const list = change(newer.parts[newer.listPath] as Bytes);
    const { [newer.listPath]: __, ...others } = newer.parts;
    const parts = { ...others, ...(list && { [newer.listPath]: list }), "/pack-html": bundle };
    await using other = await serve(files(parts));
    session = new BuildSession(thread);
    const info = await open({ keep: true, manifest: `${other.url}/manifest.json`, oven: other.url });
    expect(info).toMatchObject({ download: ALL, here: expected.here });
    expect(sha256Of(await pull())).toBe(info.sha256);
    expect(reports.at(-1)).toMatchObject({ fetched: expected.fetched, kept: ALL });
    expect((await keptReleases()).map(({ folder }) => folder)).toEqual([newer.manifest.image.sha256]);
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  },
);

test("trouble is reported at once, and that it is over", async () => {
  await open();
  const trouble = { kind: "lost", tries: 1, again: 5 } as const;
  thread.onTrouble(trouble);
  expect(reports.at(-1)).toMatchObject({ trouble });
  thread.onTrouble(undefined);
  expect(reports.at(-1)).not.toHaveProperty("trouble");
});

test.each([
  [undefined, PREPARE_GIVE_UP_AFTER_MS, DEFAULT_RETRY.giveUpAfterMs],
  [7, 7_000, 7_000],
  [900, PREPARE_GIVE_UP_AFTER_MS, 900_000],
])(
  "giving up after %s seconds: %i ms while preparing, %i ms for the image",
  async (seconds, first, second) => {
    await open(seconds === undefined ? {} : { giveUpAfterSeconds: seconds });
    expect(thread.times.map(({ giveUpAfterMs }) => giveUpAfterMs)).toEqual([first, second]);
    expect(thread.times.map(({ signInMs, giveUpAfterMs }) => signInMs ?? giveUpAfterMs)).toEqual([
      second,
      second,
    ]);
  },
);

test("each heartbeat is passed on", async () => {
  session.heartbeat(); // before anybody listens
  await open();
  session.heartbeat();
  session.heartbeat();
  expect(onHeartbeat).toHaveBeenCalledTimes(2);
});

test("another network, pause and resume are for all that is fetched", async () => {
  await open();
  const spies = (name: "retryNow" | "pause" | "resume") =>
    thread.policies.map((policy) => vi.spyOn(policy, name));
  for (const name of ["retryNow", "pause", "resume"] as const) {
    const all = spies(name);
    session[name]();
    for (const spy of all) expect(spy).toHaveBeenCalledOnce();
  }
});

test("when it is cancelled, what is under way fails by that, and nothing more is told", async () => {
  await open();
  session.pause();
  const pulling = pull();
  await session.close({ keep: false, cancelled: true });
  const count = reports.length;
  await expect(pulling).rejects.toMatchObject({ name: "CancelledError" });
  session.heartbeat();
  thread.run();
  expect(reports).toHaveLength(count);
  expect(onHeartbeat).not.toHaveBeenCalled();
});

test.each([
  ["switched off", undefined, /switched off in this browser/],
  [
    "forbidden by the site",
    {
      Module: function forbidden() {
        throw new WebAssembly.CompileError("blocked by CSP");
      },
    },
    /Content-Security-Policy of this site/,
  ],
])("WebAssembly that is %s is told, before anything is asked for", async (_, instead, words) => {
  vi.stubGlobal("WebAssembly", instead && { ...instead, CompileError: WebAssembly.CompileError });
  await expect(open()).rejects.toMatchObject({
    name: "BrowserSettingError",
    message: expect.stringMatching(words) as string,
  });
  expect(server.requests).toEqual([]);
  vi.unstubAllGlobals();
});

test("nothing can be made before it is known", async () => {
  await expect(pull()).rejects.toThrow("has not been opened");
});

test("a name that is none is refused before anything is asked for", async () => {
  await expect(open({ pieces: ["../x"] })).rejects.toMatchObject({ name: "PieceNameError" });
  expect(server.requests).toEqual([]);
});

/** A file that is written into `bytes`. */
function memoryFile(bytes: Bytes) {
  let size = 0;
  const stream = {
    truncate: async () => {},
    write: async ({ position, data }: { position: number; data: Bytes }) => {
      bytes.set(data, position);
      size = Math.max(size, position + data.length);
    },
    close: async () => {},
    abort: async () => {},
  };
  const handle = {
    createWritable: async () => stream,
    getFile: async () => ({ size }),
  } as unknown as FileSystemFileHandle;
  return { handle, whenWritten: () => size };
}
