import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { type Allowance, ALLOWANCES, allowancesOf } from "../src/allowances.ts";
import { BundleError, SaveError } from "../src/errors.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { BufferPool } from "../src/bytes/buffer-pool.ts";
import type { Trouble } from "../src/messages.ts";
import { parsePiece } from "../src/piece/name.ts";
import { pngSize } from "../src/splash/png.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { MOST_PIXELS } from "../src/splash/splash.ts";
import { findRelease } from "../src/fetch/release.ts";
import { VERSION } from "../src/release/version.ts";
import { openImage, type Base, type Image } from "../src/image/image.ts";
import { DEFAULT_RETRY, PREPARE_GIVE_UP_AFTER_MS, RetryPolicy } from "../src/fetch/retry.ts";
import { fetchBundle, prepareBundle, type BundleOptions } from "../src/bundle/bundle.ts";
import { Source } from "../src/fetch/source.ts";
import config from "../public/aesthetic.computer/os/config.json" with { type: "json" };
import { understand, UsageError, withLocalBase } from "./errors.ts";
import { fileBase } from "./files.ts";
import { readInput } from "./input.ts";
import { writeWhole } from "./output.ts";
import { readSeen, recordSeen, seenFile } from "./seen.ts";
import { print, printError, showProgress } from "./terminal.ts";

/**
 * `os build`: make an image as the page does, from the command line. Throws `UsageError`, `RangeError` for a file that
 * cannot be used, and the errors of `src/errors.ts`.
 */
export async function build(args: string[]): Promise<void> {
  const parsed = parse(args);
  try {
    await make(parsed);
  } catch (error) {
    throw isUrl(parsed.values.manifest ?? config.latest) ? error : withLocalBase(error);
  }
}

function parse(args: string[]) {
  return understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        manifest: { type: "string" },
        flavor: { type: "string" },
        version: { type: "string" },
        key: { type: "string", multiple: true },
        oven: { type: "string", default: config.oven },
        bundle: { type: "string" },
        splash: { type: "string" },
        allow: { type: "string", default: "" },
        out: { type: "string" },
        patience: { type: "string", default: "600" },
      },
    }),
  );
}

async function make({ values, positionals }: ReturnType<typeof parse>): Promise<void> {
  const name = parsePiece(positionals.join(" "));
  const stop = new AbortController(); // a signal ends the whole program, so nothing aborts it
  if (values.bundle === undefined && !URL.canParse(values.oven))
    throw new RangeError(`The oven's address, ${values.oven}, is none`);
  const giveUpAfterMs = Number(values.patience) * 1000;
  if (!(giveUpAfterMs > 0)) {
    throw new UsageError(`--patience takes a number of seconds, not "${values.patience}"`);
  }
  const policy = (mostMs: number) =>
    new RetryPolicy(
      { ...DEFAULT_RETRY, giveUpAfterMs: Math.min(giveUpAfterMs, mostMs), signInMs: giveUpAfterMs },
      { onTrouble: showTrouble },
    );
  const preparing = policy(PREPARE_GIVE_UP_AFTER_MS);
  const retry = policy(Infinity);
  if (values.version !== undefined && !VERSION.test(values.version)) {
    throw new UsageError(`--version takes a version like 2026.11.24, not "${values.version}"`);
  }
  // The settings name a flavor of the list that they name.
  const usual = values.manifest === undefined ? config.flavor : undefined;
  const wanted = { flavor: values.flavor ?? usual, version: values.version, keys: values.key };
  const base = await openBase(values.manifest ?? config.latest, wanted, { preparing, retry }, stop.signal);
  const { created, piecePartition } = base.manifest;
  const wish = { created, limit: piecePartition.length };
  const { html } = values.bundle
    ? await readBundle(name, values.bundle, wish)
    : await fetchBundle(name, values, { ...wish, retry: preparing, stop: stop.signal, onBaking: showBaking });
  const allow = parseAllow(values.allow);
  const splash = values.splash ? await readSplash(values.splash) : undefined;
  const image = await openImage(base, { name, html, splash, allow }, stop.signal);
  await base.recordSeen?.(); // as in a browser: once the image could be made

  const out = values.out ?? image.info.fileName;
  await writeWhole(out, hashedChunks(image));
  print(`${out}: ${image.info.size} bytes, SHA-256 ${image.info.sha256}`);
}

function isUrl(manifest: string): boolean {
  return /^https?:/.test(manifest);
}

/** Allowances, between commas. Throws `UsageError` for a word that is none. */
function parseAllow(words: string): readonly Allowance[] {
  const { allow, unknown } = allowancesOf(words.split(",").filter((word) => word !== ""));
  if (unknown.length > 0) {
    throw new UsageError(
      `--allow takes ${ALLOWANCES.join(", ")}, with commas between; not ${unknown.join(", ")}`,
    );
  }
  return allow;
}

/** Over HTTP a manifest has to be signed; in a file it is the person's own word, unless they name a key. */
async function openBase(
  manifest: string,
  {
    keys,
    ...wanted
  }: { flavor: string | undefined; version: string | undefined; keys: string[] | undefined },
  { preparing, retry }: { preparing: RetryPolicy; retry: RetryPolicy },
  stop: AbortSignal,
): Promise<Base & { recordSeen?: () => Promise<void> }> {
  if (!isUrl(manifest)) return await fileBase(manifest, { ...wanted, keys });
  const file = seenFile();
  const seen = await readSeen(file, warn);
  const byName = (version: string) => `--version ${version}`;
  const query = { ...wanted, keys: keys ?? config.keys, seen, byName };
  const { manifest: found, urls, keyId, olderThan } = await findRelease(manifest, query, preparing, stop);
  if (olderThan !== undefined) {
    warn(
      `${found.flavor} ${found.version}, asked for by name, is older than the ${olderThan} seen here before`,
    );
  }
  const servers = urls.map((url) => new Source(url, found.image.size));
  return {
    manifest: found,
    sources: { servers, retry, seeds: [] },
    recordSeen: () => recordSeen(file, { ...found, keyId }, warn),
  };
}

/** A line for whoever looks at standard error, about what does not end the build. */
function warn(text: string): void {
  printError(`os: ${text}`);
}

/** Show what keeps a build from getting on to whoever waits at a terminal. */
function showTrouble(trouble: Trouble | undefined): void {
  if (!trouble) return;
  const seconds = Math.max(0, Math.round((trouble.again - Date.now()) / 1000));
  showProgress(`The connection is ${trouble.kind}; trying again in ${seconds} s`);
}

/** Show how far the oven has got, as whoever asks first for a piece waits for it. */
function showBaking(words: string): void {
  showProgress(`The oven: ${words}`);
}

async function readBundle(name: string, file: string, wish: BundleOptions): ReturnType<typeof prepareBundle> {
  const html = await readInput(file, wish.limit);
  try {
    return await prepareBundle(name, html, wish);
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    throw new RangeError(`${file}: ${error.message}`, { cause: error }); // another piece would not help
  }
}

/** The largest PNG that is read, in bytes: more than the pixels that are shown would need. */
const LARGEST_SPLASH = 64 * 1024 * 1024;

async function readSplash(file: string): Promise<Bytes> {
  const bytes = await readInput(file, LARGEST_SPLASH);
  const size = pngSize(bytes);
  if (!size) throw new RangeError(`${file} is not a PNG`);
  if (size.width * size.height > MOST_PIXELS) {
    throw new RangeError(
      `${file} has ${size.width} by ${size.height} pixels; ${MOST_PIXELS} in all are shown`,
    );
  }
  return bytes;
}

/**
 * The image's chunks, with progress. All of them are hashed, also the base's, which a browser leaves to the digests of
 * windows. Throws `SaveError` unless they have the SHA-256 that was announced.
 */
async function* hashedChunks(image: Image): AsyncGenerator<Bytes> {
  const hash = createHash("sha256");
  const pool = new BufferPool(WINDOW);
  const { info } = image;
  let written = 0;
  for await (const chunk of image.chunks(pool)) {
    hash.update(chunk);
    yield chunk;
    pool.release(chunk.buffer); // written, since we were asked for more
    written += chunk.length;
    showProgress(`${Math.floor((100 * written) / info.size)} %`);
  }
  showProgress("");
  const found = hash.digest("hex");
  if (found !== info.sha256) {
    throw new SaveError(`The image has SHA-256 ${found} instead of ${info.sha256}`);
  }
}
