import { parseArgs } from "node:util";
import { ARCHITECTURES, USUAL_ARCH } from "../src/architectures.ts";
import { parseConfig, type Config } from "../src/config.ts";
import { findRelease } from "../src/fetch/release.ts";
import { isLatest } from "../src/release/latest.ts";
import { newest } from "../src/release/list.ts";
import { checkHolds, verifyLatest, type Release } from "../src/release/verify.ts";
import { WINDOW, windowsOf } from "../src/release/manifest.ts";
import { BufferPool } from "../src/bytes/buffer-pool.ts";
import { parsePiece } from "../src/piece/name.ts";
import { openImage } from "../src/image/image.ts";
import type { PartitionContents } from "../src/image/plan.ts";
import { orderedWindows } from "../src/fetch/downloader.ts";
import { RetryPolicy } from "../src/fetch/retry.ts";
import { fetchBundle } from "../src/bundle/bundle.ts";
import { bundleUrls } from "../src/bundle/oven.ts";
import { Source } from "../src/fetch/source.ts";
import { bundlePiece } from "../dev/ship-piece.ts";
import { ask, checkExposed, checkForCaches, checkPlain, checkReadable, lifetimeOf } from "./ask.ts";
import { UsageError, understand } from "./errors.ts";
import { Policies } from "./policy.ts";
import { Report } from "./report.ts";
import { print } from "./terminal.ts";

/** Whoever waits at a terminal wants to know soon. */
const RETRY = { silenceMs: 15_000, firstWaitMs: 500, longestWaitMs: 2_000, giveUpAfterMs: 4_000 };

const HOUR = 3600;
const DAY = 24 * HOUR;

/** A list is renewed weekly for four weeks; with less than this left, that has failed at least twice. */
const LEFT_MS = 10 * DAY * 1000;

const COPY = "Copy dist/ over the site's files once more, all of it.";
const CORS = "Let the server send Access-Control-Allow-Origin: *.";
const SOON = "Let the server send Cache-Control: public, max-age=60.";
const SIGN = "Sign it with a key that config.json has (base/README.md).";
const LISTED = "Look whether config.json names it right, and the key that it was published with.";
const RENEW = "Renew it: base/publish/renew DEST, and see why the weekly workflow does not.";
const CACHES = "Let the CDN add Access-Control-Allow-Origin: * to every answer.";

/** `os doctor`: whether a deployment works, seen from outside. Fails when something is wrong. */
export async function doctor(args: string[]): Promise<void> {
  const { values, positionals } = understand(() =>
    parseArgs({ args, allowPositionals: true, options: { piece: { type: "string", default: "notepat" } } }),
  );
  const [site = "", ...more] = positionals;
  if (!/^https?:/.test(site) || !URL.canParse(site) || more.length > 0) {
    throw new UsageError("name the site, as in https://aesthetic.computer");
  }
  const wrong = await examine(site, parsePiece(values.piece), print);
  if (wrong > 0)
    throw new RangeError(`${wrong} ${wrong === 1 ? "thing is" : "things are"} wrong with ${site}`);
}

/** Look at all that a build on `site` needs, baking `piece`. `say` hears a line for each; how many are wrong. */
export async function examine(site: string, piece: string, say: (line: string) => void): Promise<number> {
  const report = new Report(say);
  const { origin } = new URL(site);
  const config = await report.check(
    "config.json",
    "Copy dist/ over, then write it (docs/deploy.md).",
    async () => {
      const found = parseConfig(
        await (await ask(`${origin}/aesthetic.computer/os/config.json`, origin)).json(),
      );
      const open = [found.latest, found.oven].filter(
        (url) => origin.startsWith("https:") && !url.startsWith("https:"),
      );
      if (open.length > 0)
        throw new Error(`browsers refuse ${open.join(" and ")} on a page that came by https`);
      return found;
    },
  );
  const workers = await examineFiles(report, origin);
  await examinePolicies(report, origin, piece, workers, config);
  if (!config) {
    report.pass("base images and oven: where they are is not known");
    return report.wrong;
  }
  const room = await examineBases(report, config, origin);
  await examineOven(report, config, origin, piece, room);
  return report.wrong;
}

/**
 * What `dist/` has, as the site serves it. A site may answer what it does not have with a page of its own. Resolves to
 * the HTTP responses of the worker files, whose policies apply to the workers.
 */
async function examineFiles(report: Report, origin: string): Promise<Response[]> {
  const os = `${origin}/aesthetic.computer/os`;
  const served = async (url: string, type: RegExp) => {
    const response = await ask(url, origin);
    const is = response.headers.get("Content-Type") ?? "of no type";
    if (!type.test(is)) throw new Error(`it is ${is}`);
    return { response, text: await response.text() };
  };
  const script = (url: string) => served(url, /^(?:text|application)\/javascript\b/);

  // The page module names its chunks and its worker, which may name more.
  const names = ["page.js"];
  const workers: Response[] = [];
  for (const name of names) {
    const found = await report.check(name, COPY, () => script(`${os}/${name}`));
    if (found && name.startsWith("worker-")) workers.push(found.response);
    const more = found?.text.match(/[\w-]+-[\w-]{8}\.js\b/g) ?? [];
    names.push(...new Set(more.filter((each) => !names.includes(each))));
  }
  await report.check("sw.js", COPY, () => script(`${os}/sw.js`));
  const piece = await report.check("disks/os.mjs", COPY, async () => {
    const { text } = await script(`${origin}/aesthetic.computer/disks/os.mjs`);
    if (!/^\/\/ .*\n\/\/ .*\n/.test(text)) throw new Error("it does not begin with two comments");
    if (!/^export \{ /m.test(text)) throw new Error('it has no "export {"');
    if (text.includes("__OS_BUILD__")) throw new Error("it was not built: this is disks/, not dist/");
    return text;
  });
  const todo = "Copy dist/ over, not minified; or run the doctor of the version that is deployed.";
  if (piece !== undefined) await report.check("disks/os.mjs, line by line", todo, () => comparePiece(piece));
  return workers;
}

/**
 * What a Content-Security-Policy would break. The page's own says what it may load; what the build worker may ask for
 * is in the answer that the worker came with.
 */
async function examinePolicies(
  report: Report,
  origin: string,
  piece: string,
  workers: readonly Response[],
  config: Config | undefined,
): Promise<void> {
  const url = `${origin}/os:${encodeURIComponent(piece)}`;
  const os = `${origin}/aesthetic.computer/os`;
  const page = await report.check(`/os:${piece}`, "Let the site answer it with its page.", async () => {
    const response = await ask(url, origin);
    return new Policies(response.headers.get("Content-Security-Policy"), url, await response.text());
  });
  const check = (what: string, add: string, broken: string, forbidden: () => string | undefined) =>
    report.check(what, `Add ${add} to it: ${broken}.`, () => {
      const directive = forbidden();
      if (directive !== undefined) throw new Error(`the Content-Security-Policy says ${directive}`);
    });
  if (page) {
    await check("the page may load page.js", "'self'", "without it os does nothing at all", () =>
      page.forbids("script-src", `${os}/page.js`),
    );
    await check("the page may start workers", "worker-src 'self'", "nothing can be built or saved", () =>
      page.forbids("worker-src", `${os}/sw.js`),
    );
    await check("the page may read config.json", "connect-src 'self'", "nothing can be built", () =>
      page.forbids("connect-src", `${os}/config.json`),
    );
    await check("the page may start downloads", "frame-src 'self'", "none begins", () =>
      page.forbids("frame-src", `${os}/download`),
    );
    await check("the page may show a preview", "frame-src blob:", "its place stays empty", () =>
      page.forbids("frame-src", `blob:${origin}/preview`),
    );
    await check(
      "the preview may run",
      "script-src 'unsafe-inline', or do without",
      "it inherits this, and stands still",
      () => page.forbidsInlineScripts(),
    );
  }
  for (const worker of workers) {
    const name = worker.url.split("/").at(-1);
    const policies = new Policies(worker.headers.get("Content-Security-Policy"), worker.url);
    await check(`${name} may run WebAssembly`, "script-src 'wasm-unsafe-eval'", "no SHA-256 can be had", () =>
      policies.forbidsWebAssembly(),
    );
    for (const address of config ? [config.latest, config.oven] : []) {
      const host = new URL(address).origin;
      await check(`${name} may ask ${host}`, `connect-src ${host}`, "nothing can be fetched from there", () =>
        policies.forbids("connect-src", address),
      );
    }
  }
}

/**
 * A site's code is never run here: its piece is compared with the one that this version of os makes.
 */
async function comparePiece(served: string): Promise<void> {
  const [, build] = /\bpage\.js\?v=([0-9a-f]{12})"/.exec(served) ?? [];
  const ours = (await bundlePiece(build)).code.split("\n");
  const theirs = served.split("\n");
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  if (at >= 0 || theirs.length !== ours.length) {
    throw new Error(`line ${at < 0 ? ours.length + 1 : at + 1} is not as this version of os has it`);
  }
}

/** The list of base images, and each release in it. How much room the one offered first has for a piece, in bytes. */
async function examineBases(report: Report, config: Config, origin: string): Promise<number> {
  const { latest, keys, flavor } = config;
  let answer: Response | undefined;
  const listed = await report.check("latest.json", LISTED, async () => {
    answer = await ask(latest, origin);
    const json: unknown = await answer.json();
    if (!isLatest(json)) throw new Error("it is no signed list of releases");
    const list = await verifyLatest(json, keys);
    return { ...list, offered: newest(list, { flavor }).manifest };
  });
  if (answer) await examineHeaders(report, "latest.json", answer, origin, "changes");
  if (listed) {
    await report.check("latest.json holds for some time yet", RENEW, () => {
      checkHolds(listed, new Date());
      const days = Math.floor((Date.parse(listed.until) - Date.now()) / (DAY * 1000));
      if (days * DAY * 1000 < LEFT_MS)
        throw new Error(`it holds for ${days} more days, until ${listed.until}`);
    });
  }
  for (const { arch, word } of listed ? ARCHITECTURES : []) {
    const build = `The page offers it: build it for ${arch} too (base/build/build.sh ${flavor ?? "kiosk"} ${arch}), and publish it.`;
    await report.check(`a base for "${word}"`, build, () => void newest(listed!, { flavor, arches: [arch] }));
  }
  await report.check("keys", "Put the public key into config.json (base/README.md).", () => {
    if (keys.length === 0) throw new Error("config.json has none, so no base image is taken");
  });

  let room = Infinity;
  const seen = new Set<string>();
  for (const { flavor: its, version, arch, manifest } of listed?.releases ?? []) {
    const name = `${its} ${version}${arch === USUAL_ARCH ? "" : ` for ${arch}`}`;
    if (seen.has(name)) continue; // an earlier one has its name, and this one cannot be asked for
    seen.add(name);
    const url = new URL(manifest, latest).href;
    const find = () =>
      findRelease(url, { flavor: its, version, arches: [arch], keys }, new RetryPolicy(RETRY), forever());
    const release = await report.check(`${name}: manifest`, SIGN, find);
    for (const [what, address, kind] of [
      ["manifest", url, "stays"],
      ["signature", `${url}.minisig`, "changes"],
    ] as const) {
      const answered = await ask(address, origin).catch(() => undefined); // has been said
      await answered?.body?.cancel();
      if (answered) await examineHeaders(report, `${name}: ${what}`, answered, origin, kind);
    }
    for (const image of release?.urls ?? [])
      if (release) await examineImage(report, name, image, release, origin);
    if (release && manifest === listed?.offered) room = release.manifest.piecePartition.length;
  }
  return room;
}

/** What every file of a CDN has to say beside its bytes. */
async function examineHeaders(
  report: Report,
  name: string,
  response: Response,
  origin: string,
  kind: "changes" | "stays",
): Promise<void> {
  await report.check(`${name} may be read by other sites`, CORS, () => checkReadable(response, origin));
  await report.check(`${name} may be read out of caches`, CACHES, () => checkForCaches(response));
  const seconds = lifetimeOf(response);
  const said = response.headers.get("Cache-Control") ?? "nothing";
  if (kind === "changes") {
    await report.check(`${name} is soon asked for anew`, SOON, () => {
      if (!(seconds <= HOUR)) throw new Error(`Cache-Control says ${said}`);
    });
  } else {
    const todo = "Let the server send Cache-Control: public, max-age=31536000, immutable.";
    await report.check(`${name} stays in caches`, todo, () => {
      if (!(seconds >= DAY)) throw new Error(`Cache-Control says ${said}`);
    });
  }
}

/** One address of an image: how it is served, and its first and last windows as a build reads them. */
async function examineImage(
  report: Report,
  release: string,
  url: string,
  { manifest }: Release,
  origin: string,
): Promise<void> {
  const { size } = manifest.image;
  const name = `${release}: ${url.split("/").at(-1)}`;
  await report.check(`${name} is whole`, "Upload it again.", async () => {
    // By its last byte, not by HEAD, which some servers refuse and builds never use.
    const response = await ask(url, origin, { range: `bytes=${size - 1}-`, statuses: [200, 206, 416] });
    await response.body?.cancel();
    const said =
      response.status === 200
        ? response.headers.get("Content-Length")
        : response.headers.get("Content-Range")?.split("/").at(-1);
    const length = said ?? (response.status === 416 ? "fewer" : String(size));
    if (length !== String(size)) throw new Error(`it has ${length} bytes, and the manifest says ${size}`);
  });

  const [first, last] = [WINDOW - 512, WINDOW + 511];
  let part: Response | undefined;
  const whole = "Let the server send single ranges (206, Content-Range), not compressed.";
  await report.check(`${name} comes in parts`, whole, async () => {
    const response = await ask(url, origin, { range: `bytes=${first}-${last}`, statuses: [200, 206] });
    if (response.status === 200) {
      await response.body?.cancel();
      throw new Error("the server knows no ranges and sends all, so that a build cannot go on after a fault");
    }
    part = response;
    checkPlain(response);
    const range = response.headers.get("Content-Range");
    if (range !== `bytes ${first}-${last}/${size}`)
      throw new Error(`asked for ${first}-${last}, it sent ${range}`);
    const { byteLength } = await response.arrayBuffer();
    if (byteLength !== last - first + 1)
      throw new Error(`${byteLength} bytes came instead of ${last - first + 1}`);
  });
  if (part) {
    const answer = part;
    await examineHeaders(report, name, answer, origin, "stays");
    const names = ["Content-Range", "Content-Length", "ETag", "Retry-After"];
    const todo = `Let the server send Access-Control-Expose-Headers: ${names.join(", ")}.`;
    await report.check(`${name} says to pages what it sends`, todo, () => checkExposed(answer, names));
  }
  const again = "Upload image, manifest and signature of one build again.";
  await report.check(`${name} is what the manifest describes`, again, async () => {
    const sources = { servers: [new Source(url, size)], retry: new RetryPolicy(RETRY), seeds: [] };
    const pieces: PartitionContents["pieces"] = [{ name: "doctor", html: new Uint8Array(1) }];
    await openImage({ manifest, sources }, { pieces }, forever());
    const windows = windowsOf(manifest);
    const end = windows.digests.length;
    const pool = new BufferPool(WINDOW);
    for await (const window of orderedWindows({ ...sources, windows }, end - 1, end, pool, forever()))
      void window;
  });
}

/** The oven bakes a piece that fits, and pages may have it. */
async function examineOven(
  report: Report,
  { oven }: Config,
  origin: string,
  piece: string,
  room: number,
): Promise<void> {
  const advice = "Look whether config.json names the oven right, and what its log says.";
  await report.check(`oven: ${piece}`, advice, () =>
    fetchBundle(
      piece,
      { oven, site: origin },
      { limit: room, created: new Date(0).toISOString(), retry: new RetryPolicy(RETRY), stop: forever() },
    ),
  );
  await report.check("oven may be read by other sites", CORS, async () => {
    const any = { statuses: [200, 400, 404, 500] };
    for (const url of bundleUrls(oven, piece)) {
      const response = await ask(url, origin, any);
      await response.body?.cancel();
      checkReadable(response, origin);
      if (response.status !== 404) return;
    }
  });
}

function forever(): AbortSignal {
  return new AbortController().signal;
}
