import { expose } from "comlink";
import { CancelledError, ConnectionError, SaveError } from "../errors.ts";
import { WINDOW, windowsOf } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { BuildRequest, Progress, Trouble } from "../messages.ts";
import { parsePiece } from "../piece/name.ts";
import type { Bytes } from "../bytes/segment.ts";
import { keptReleases } from "../cache/opfs.ts";
import { carryCauses, type Builder } from "./api.ts";
import { findRelease } from "../fetch/release.ts";
import { verifyRelease, type Release } from "../release/verify.ts";
import { contentOf, fileSeed, writeFile } from "../cache/chosen-file.ts";
import { openImage, type Image } from "../image/image.ts";
import { Kept } from "../cache/kept.ts";
import { DEFAULT_RETRY, PREPARE_GIVE_UP_AFTER_MS, RetryPolicy } from "../fetch/retry.ts";
import { fetchBundle } from "../bundle/oven.ts";
import { pump } from "./pump.ts";
import { Source } from "../fetch/source.ts";

/** Progress go out at most this often, in milliseconds, and a sign of life as often while nothing happens. */
const PACE_OF_NEWS = 200;
const HEARTBEAT = 5_000;

/** When the clock jumps this far ahead of our timer, this computer has slept. In milliseconds. */
const SLEPT = 3 * HEARTBEAT;

const whole = new AbortController();
const stop = whole.signal;
let policies: readonly RetryPolicy[] = []; // of preparing, and of the image
let kept: Kept | undefined;
let image: Image | undefined;
let release: Release | undefined;
let html: Bytes | undefined;
let hear: (news: Progress) => void = () => {};
let trouble: Trouble | undefined;
let written: number | undefined;
let writing: Promise<void> | undefined;

const builder: Builder = {
  async open(request, listener) {
    hear = listener;
    const name = parsePiece(request.piece);
    const seconds = request.giveUpAfterSeconds;
    const giveUpAfterMs = seconds === undefined ? DEFAULT_RETRY.giveUpAfterMs : seconds * 1000;
    const onTrouble = (what: Trouble | undefined) => {
      trouble = what;
      tellNow();
    };
    const soonMs = Math.min(giveUpAfterMs, PREPARE_GIVE_UP_AFTER_MS);
    const preparing = new RetryPolicy({ ...DEFAULT_RETRY, giveUpAfterMs: soonMs }, { onTrouble });
    const retry = new RetryPolicy({ ...DEFAULT_RETRY, giveUpAfterMs }, { onTrouble });
    policies = [preparing, retry];

    release = await find(request, preparing);
    const { manifest, urls } = release;
    html = await fetchBundle(request.oven, name, manifest.piecePartition.length, preparing, stop);
    kept = request.keep ? await Kept.open(release) : undefined;
    const sources = {
      servers: urls.map((url) => new Source(url, manifest.image.size)),
      retry,
      seeds: kept ? [kept] : [],
      onFetched(index: number, bytes: Bytes) {
        kept?.add(index, bytes);
        tellSoon();
      },
    };
    image = await openImage({ manifest, sources }, { name, html }, stop);
    tellNow();
    return image.info;
  },

  async bundle() {
    return new Blob(html ? [html] : [], { type: "text/html" });
  },

  async send(port) {
    if (!image) throw new Error("send before open");
    await pump(image, port);
  },

  async write(handle) {
    if (!image || !release) throw new Error("write before open");
    const pool = new BufferPool(WINDOW);
    const before = await contentOf(handle);
    const seeds = before.size > 0 ? [fileSeed(before, windowsOf(release.manifest))] : [];
    writing = writeFile(handle, image.info.size, image.chunks(pool, seeds), {
      sparing: before.size,
      pool,
      isKept: () => kept?.isOpen ?? false,
      written(bytes) {
        written = bytes;
        tellSoon();
      },
    });
    await writing;
  },

  pause() {
    for (const retry of policies) retry.pause();
  },

  resume() {
    for (const retry of policies) retry.resume();
  },

  async close({ keep, cancelled }) {
    // Ends whatever there is of it.
    whole.abort(
      cancelled ? new CancelledError("The build was cancelled") : new SaveError("The build is over"),
    );
    await writing?.catch(() => {}); // the page has heard
    if (keep) kept?.close();
    else await kept?.remove();
  },
};

/** The release to be built on: the newest, or what is kept here when its servers are out of reach. */
async function find(
  { manifest, keys, flavor, version, seen }: BuildRequest,
  retry: RetryPolicy,
): Promise<Release> {
  const wanted = { keys, flavor, version, seen };
  const [fallback] = await believable(manifest, wanted);
  if (!fallback) return await findRelease(manifest, wanted, retry, stop);
  const once = new RetryPolicy({ ...retry.times, giveUpAfterMs: 0 }, { isOnline: () => true });
  try {
    return await findRelease(manifest, wanted, once, stop);
  } catch (error) {
    if (error instanceof ConnectionError) return fallback;
    throw error;
  }
}

/** Kept releases that could be built on without any network, the newest first. */
async function believable(url: string, wanted: Parameters<typeof verifyRelease>[3]): Promise<Release[]> {
  const all: Release[] = [];
  for (const { bytes, signature, size } of await keptReleases()) {
    const found = await verifyRelease(bytes, signature, url, wanted).catch(() => undefined); // of another flavor, or of old keys
    if (found && size >= wholeLength(found)) all.push(found);
  }
  return all.sort((a, b) => b.manifest.created.localeCompare(a.manifest.created));
}

/** How much has to be kept of a release to do without its servers: all but the last window, which can be made. */
function wholeLength({ manifest }: Release): number {
  return manifest.digests.slice(0, -1).filter((digest) => digest !== "zeros").length * WINDOW;
}

let timer: ReturnType<typeof setTimeout> | undefined;

function tellSoon(): void {
  timer ??= setTimeout(tellNow, PACE_OF_NEWS);
}

function tellNow(): void {
  clearTimeout(timer);
  timer = undefined;
  hear({
    fetched: policies.reduce((sum, retry) => sum + retry.fetched, 0),
    kept: kept?.bytes ?? 0,
    canKeep: kept?.isOpen ?? false,
    ...(trouble ? { trouble } : {}),
    ...(written === undefined ? {} : { written }),
  });
}

// Timers run here also when the page is hidden, where they do not there.
let beat = Date.now();
setInterval(() => {
  const slept = Date.now() - beat > SLEPT;
  beat = Date.now();
  if (slept) for (const retry of policies) retry.retryNow();
  tellNow();
}, HEARTBEAT);

addEventListener("online", () => {
  for (const retry of policies) retry.retryNow();
});

carryCauses();
expose(builder);
