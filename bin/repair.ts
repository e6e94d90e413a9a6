import { parseArgs } from "node:util";
import { ARCHITECTURES, architectureOf, knownArchitecture, USUAL_ARCH } from "../src/architectures.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { SaveError } from "../src/errors.ts";
import { type At, CutOffError, layoutOf, listingIn, piecesIn } from "../src/image/contents.ts";
import {
  checkLength,
  examine as examineImage,
  type Examined as ExaminedImage,
  ExamineError,
} from "../src/image/examine.ts";
import { SECTOR } from "../src/image/gpt.ts";
import { namesOf } from "../src/image/names.ts";
import { baseInWords } from "../src/image/plan.ts";
import { type Manifest, WINDOW, windowsOf } from "../src/release/manifest.ts";
import { asTold, BASE_OPTIONS, openBase } from "./base.ts";
import { leaveBehind, withWhatIsLeft } from "./cancel.ts";
import { understand, UsageError } from "./errors.ts";
import { type Input, openInput, readAt } from "./input.ts";
import { inputSeed } from "./input-seed.ts";
import { architectureIn, namedBase } from "./named-base.ts";
import { flush, openReader, openTarget, type Target, writeAt } from "./target.ts";
import { print, showProgress } from "./terminal.ts";

/**
 * `os repair`: verify an image in a file or on a stick against the signed manifest of its base, and write again what is
 * wrong. Throws `UsageError`, `RangeError` for what is no image of ours or has a damaged piece, and the errors of
 * `src/errors.ts`.
 */
export async function repair(args: string[]): Promise<void> {
  const parsed = parse(args);
  const [file, ...more] = parsed.positionals;
  if (file === undefined || more.length > 0) throw new UsageError("repair takes one image or device");
  const { values } = parsed;
  const target = values.check ? undefined : await openTarget(file, { removableOnly: false });
  const input = target ?? (await openInput(file, { disks: true }));
  try {
    const found = await examine(file, input, values);
    let words = "All of its base is whole.";
    if (found.wrong > 0) {
      if (!target) throw damaged(file, found);
      await mend(target, found);
      words = `${found.bytes} bytes of its base were wrong; they were written again, and read back.`;
    }
    await finish(file, found, words);
  } catch (error) {
    throw asTold(error, values);
  } finally {
    await input.handle.close();
  }
}

function parse(args: string[]) {
  return understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: { ...BASE_OPTIONS, check: { type: "boolean", default: false } },
    }),
  );
}

type Values = ReturnType<typeof parse>["values"];

function damaged(file: string, { bytes }: Examined): RangeError {
  return new RangeError(
    `${file} is damaged: ${bytes} bytes of its base lie in windows that are wrong; without --check they are written again`,
  );
}

async function mend(target: Target, { patches, manifest }: Examined): Promise<void> {
  const windows = manifest.digests.length;
  const { file } = target;
  leaveBehind(`${file} is mended in part only: do it again`);
  try {
    for await (const { start, bytes } of patches(new AbortController().signal)) {
      showProgress(`mending ${file}, window ${Math.floor(start / WINDOW)} of ${windows}`);
      await writeAt(target, start, bytes);
      await flush(target);
      await compare(file, start, bytes);
    }
  } catch (error) {
    if (!(error instanceof SaveError)) throw error;
    throw new SaveError(withWhatIsLeft(error.message), { cause: error });
  }
  leaveBehind("");
}

/** Throws `SaveError` unless `bytes` are read back from `start`. */
async function compare(file: string, start: number, bytes: Bytes): Promise<void> {
  const reader = await openReader(file);
  try {
    // In whole sectors, which reading past the cache takes alone
    const from = start - (start % SECTOR);
    const length = Math.ceil((start + bytes.length - from) / SECTOR) * SECTOR;
    const found = await reader.read(from, length);
    if (Buffer.compare(found.subarray(start - from, start - from + bytes.length), bytes) === 0) return;
    throw new SaveError(`${file} does not keep what is written to it, at byte ${start}: take another`);
  } finally {
    await reader.handle.close();
  }
}

/** What is known of an image once all of its base has been read. */
interface Examined extends ExaminedImage {
  readonly manifest: Manifest;
  readonly at: At;
}

/** Throws `RangeError` when it is no image of the base that it names, or names none. */
async function examine(file: string, input: Input, values: Values): Promise<Examined> {
  const at: At = (start, length) => readAt(file, input.handle, start, new Uint8Array(length));
  const wanted = await baseOf(file, at, input.size, values);
  const stop = new AbortController().signal; // a signal ends the whole program
  const base = await openBase({ ...values, ...wanted }, stop);
  const { manifest } = base;
  const { size } = manifest.image;
  const found = { size: input.size, at, seed: inputSeed(file, input, windowsOf(manifest)) };
  const onRead = (bytes: number) => showProgress(`reading ${file}, ${Math.floor((100 * bytes) / size)} %`);
  try {
    checkLength(found, size);
    print(`${file}: ${baseInWords(manifest)}`);
    return { ...(await examineImage(found, base, { onRead, stop })), manifest, at };
  } catch (error) {
    throw error instanceof ExamineError ? toldOf(file, error, manifest, wanted.arches) : error;
  }
}

/** What an image cannot be mended for, and what to do. */
function toldOf(
  file: string,
  error: ExamineError,
  { flavor, version, arch }: Manifest,
  arches: readonly string[],
): RangeError {
  const { fault } = error;
  if (fault.kind === "short") return cutOff(file, fault, error, arches);
  if (fault.kind === "other") {
    const others = othersOf(arches, arch);
    const or = others && `, or say --arch ${others} if it is for that`;
    return new RangeError(
      `${file} is no image of ${flavor} ${version} for ${arch}, or hardly anything is left of it (${fault.wrong} of ${fault.all} windows are others): put a whole image there${or}`,
      { cause: error },
    );
  }
  return new RangeError(
    `${file}: its partition table is damaged, and a partition tool has left a backup at the end of the disk: put that back first (gdisk, r, b), then repair the rest`,
    { cause: error },
  );
}

function cutOff(
  file: string,
  { has, wants }: { has: number; wants: number },
  cause: Error,
  arches: readonly string[],
): RangeError {
  const others = othersOf(arches, USUAL_ARCH);
  const how = others && ` (and --arch ${others}, if it is for that)`;
  return new RangeError(
    `${file} is cut off: it has ${has} of the ${wants} bytes of its image; build a new one, --from ${file}${how}, and only the rest is fetched`,
    { cause },
  );
}

/** The words for `arches` but the one that is taken for it; "" for an image whose architecture is known. */
function othersOf(arches: readonly string[], arch: string): string {
  if (arches.length === 1) return "";
  const others = arches.filter((each) => each !== arch);
  return others.map((each) => knownArchitecture(each).word).join(" or ");
}

/**
 * The base that is asked for: the options say which, and where they do not, the image does. `arches` are those that will do:
 * all of them, where neither says what it is for.
 */
async function baseOf(file: string, at: At, size: number, values: Values) {
  const { flavor, version, manifest = "" } = values;
  const arch = values.arch === undefined ? undefined : architectureOf(values.arch)?.arch;
  const named = await namedBase(at, size);
  const its = arch ?? (await architectureIn(at, size));
  const arches = its === undefined ? ARCHITECTURES.map((each) => each.arch) : [its];
  if (version !== undefined || manifest.endsWith("/manifest.json") || manifest === "manifest.json") {
    return { flavor, version, arches };
  }
  let why = "nothing on it says so";
  try {
    await layoutOf(at, size);
    if (named) return { flavor: flavor ?? named.flavor, version: named.version, arches };
    await listingIn(at, size); // says why it says nothing
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    if (error instanceof CutOffError) throw cutOff(file, error, error, arches);
    why = error.message;
  }
  const words = ARCHITECTURES.map(({ word }) => word).join(" or ");
  throw new RangeError(
    `${file}: which base it has cannot be read (${why}): say --flavor, --version and --arch (${words})`,
  );
}

/** Say what came of it, and what the piece is. Throws `RangeError` when that is damaged. */
async function finish(file: string, { manifest, at, hasOwnTable }: Examined, words: string): Promise<void> {
  showProgress("");
  print(words);
  if (hasOwnTable) print("Its partition table is not the image's: it is sound, and was left as it is.");
  const { start, length } = manifest.piecePartition;
  try {
    const listing = await piecesIn((from, count) => at(start + from, count), length);
    const names = listing?.pieces.map(({ piece }) => piece) ?? [];
    if (names.length === 0) print("It has no piece: it is a base image.");
    else print(`Its ${names.length === 1 ? "piece is" : "pieces are"} ${namesOf(names)}, and whole.`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const how = "make one with build --only-piece, and put it there";
    throw new RangeError(`${file}: its piece is damaged (${error.message}): ${how}`, { cause: error });
  }
}
