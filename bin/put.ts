import { parseArgs } from "node:util";
import { knownArchitecture } from "../src/architectures.ts";
import { CancelledError, SaveError } from "../src/errors.ts";
import { type At, layoutOf, piecesIn } from "../src/image/contents.ts";
import { baseNamedIn } from "../src/image/examine.ts";
import { checkBackupGpt, GPT_LENGTH } from "../src/image/gpt.ts";
import { leaveBehind, withWhatIsLeft } from "./cancel.ts";
import { contentsOf } from "./contents.ts";
import { understand, UsageError } from "./errors.ts";
import { type Input, openInput, readAt } from "./input.ts";
import { architectureIn } from "./named-base.ts";
import {
  flush,
  openTarget,
  type Place,
  readBack,
  type ReadBack,
  type Target,
  writeAt,
  writeOver,
} from "./target.ts";
import { ask, print, showProgress } from "./terminal.ts";

/** Without its first block there is no file system where a piece is to be, and a machine says "no piece". */
const PIECE_HEAD = 4096;

/** What is in a file that can be put onto a stick. */
interface Source {
  readonly kind: "image" | "piece";
  /** Of what is put, in bytes. */
  readonly size: number;
  /** The architecture that a piece was made for, if it says so. */
  readonly arch?: string | undefined;
}

/**
 * `os put`: write an image, or a piece partition alone, to a stick or into an image, and read it back. Throws
 * `UsageError`, `RangeError` for what cannot be used, while nothing has been changed, and then `SaveError`.
 */
export async function put(args: string[]): Promise<void> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: { "any-disk": { type: "boolean", default: false }, yes: { type: "boolean", default: false } },
    }),
  );
  const [file, device, ...more] = positionals;
  if (file === undefined || device === undefined || more.length > 0) {
    throw new UsageError("put takes a file and the device that it goes to");
  }
  const input = await openInput(file);
  const at = reading(file, input);
  const source = await lookAtSource(file, at, input.size);
  const target = await openTarget(device, { removableOnly: !values["any-disk"] });
  try {
    await refuseItself(file, input, target);
    const place =
      source.kind === "piece"
        ? await placeOfPiece(target, file, source)
        : await placeOfImage(target, source, values.yes);
    const { sha256, isDirect } = await write(target, place, at, source);
    print(`${device}: ${source.kind} of ${source.size} bytes, SHA-256 ${sha256}`);
    print(`All of it was read back, ${howRead(target, isDirect)}.`);
  } finally {
    await target.handle.close();
    await input.handle.close();
  }
}

/** An image of ours, or a piece partition. Throws `RangeError` for all else, and for what is damaged. */
async function lookAtSource(file: string, at: At, size: number): Promise<Source> {
  try {
    if (size === 0) throw new RangeError("it is empty");
    const isImage = size >= GPT_LENGTH && Buffer.from(await at(512, 8)).toString("latin1") === "EFI PART";
    if (!isImage) {
      const listing = await piecesIn(at, size);
      if (!listing) {
        throw new RangeError("it is neither an image nor a piece partition: it begins with zeros");
      }
      return { kind: "piece", size, arch: baseNamedIn(listing)?.arch };
    }
    const { size: its, piece } = await layoutOf(at, size);
    await checkBackupGpt(await at(its - GPT_LENGTH, GPT_LENGTH), its);
    const { start, length } = piece;
    await piecesIn((from, count) => at(start + from, count), length);
    return { kind: "image", size: its };
  } catch (error) {
    throw told(file, error);
  }
}

/**
 * The piece partition that is there. Throws `RangeError` unless it is one of the length of what is put, and where both say
 * what they are for, of its architecture: afterwards the image would say that it has a base which it has not.
 */
async function placeOfPiece(target: Target, from: string, { size, arch }: Source): Promise<Place> {
  const { file } = target;
  const at = reading(file, target);
  try {
    const { piece } = await layoutOf(at, target.size);
    const its = await architectureIn(at, target.size);
    if (its !== undefined && arch !== undefined && its !== arch) {
      const { word } = knownArchitecture(its);
      throw new RangeError(
        `${file} has an image for ${its}, and ${from} was made for ${arch}: make it with --arch ${word}`,
      );
    }
    if (piece.length === size) return { start: piece.start, length: size, head: PIECE_HEAD };
    throw new RangeError(`its piece partition has ${piece.length} bytes, and this one has ${size}`);
  } catch (error) {
    throw told(file, error, ": a piece alone goes onto a stick that has an image of ours");
  }
}

/** All of a disk's start, once whoever has it agrees. Throws `RangeError` when it is too small, `CancelledError` at a no. */
async function placeOfImage(target: Target, { size }: Source, isAgreed: boolean): Promise<Place> {
  const { file, disk } = target;
  if (target.size < size) {
    throw new RangeError(`${file} is too small: it has ${target.size} bytes, and the image has ${size}`);
  }
  const what = [disk?.model ?? "", `${target.size} bytes`].filter((each) => each !== "").join(", ");
  const contents = await contentsOf(reading(file, target), target.size);
  const loss = `Everything on ${file} (${what}) will be lost. On it: ${contents}`;
  if (!isAgreed) await confirm(loss);
  return { start: 0, length: size, head: GPT_LENGTH };
}

/** Throws unless somebody at the terminal agrees to the loss; where there is none, nobody can. */
async function confirm(loss: string): Promise<void> {
  const answer = await ask(`${loss}. Type yes to go on: `);
  if (answer === undefined) throw new RangeError(`${loss}. Say --yes if it may`);
  if (answer !== "yes") throw new CancelledError("Nothing was written");
}

/** Write, and read back. Throws `SaveError` that says what is left. */
async function write(target: Target, place: Place, at: At, source: Source): Promise<ReadBack> {
  const { file } = target;
  const { length } = place;
  const broken =
    source.kind === "image"
      ? `${file} does not start a computer now: put the image there again`
      : `${file} has no piece now: put one there again`;
  leaveBehind(broken);
  const show = (does: string) => (bytes: number) =>
    showProgress(`${does} ${file}, ${Math.floor((100 * bytes) / length)} %`);
  try {
    if (source.kind === "image") await eraseBackup(target, length);
    const digests = await writeOver(target, place, at, show("writing"));
    leaveBehind(`All of it is on ${file}, and was not read back`);
    const found = await readBack(target, place, digests, show("reading back"));
    leaveBehind("");
    showProgress("");
    return found;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    leaveBehind(broken);
    await forget(target, place);
    throw new SaveError(withWhatIsLeft(error.message), { cause: error });
  }
}

/** What could not be written or read back is not to start. The disk may be gone, or take nothing any more. */
async function forget(target: Target, { start, head }: Place): Promise<void> {
  try {
    await writeAt(target, start, new Uint8Array(head));
    await flush(target);
  } catch {
    // the error that led here is the one to be told
  }
}

/**
 * On a disk that is larger than the image, the table of what was there before may have its backup at the end, where
 * firmware looks when it finds none in front.
 *
 * The image's own backup stays at the image's end, as every program that writes images leaves it: its table says where it
 * lies, and firmware, Linux and GRUB look there. So the stick begins with the bytes whose SHA-256 was announced. Who
 * wants the rest of the stick for partitions moves it by `sgdisk -e`; `put` and `repair` take a table that was moved.
 */
async function eraseBackup(target: Target, end: number): Promise<void> {
  const length = Math.min(GPT_LENGTH, target.size - end);
  if (length === 0) return;
  await writeAt(target, target.size - length, new Uint8Array(length));
  await flush(target);
}

async function refuseItself(file: string, { handle }: Input, target: Target): Promise<void> {
  const [one, other] = await Promise.all([handle.stat(), target.handle.stat()]);
  if (one.ino === other.ino && one.dev === other.dev)
    throw new RangeError(`${file} is ${target.file} itself`);
}

function howRead({ disk }: Target, isDirect: boolean): string {
  if (!disk) return "and is the same";
  return isDirect
    ? "from the device itself (O_DIRECT), and is the same"
    : "and is the same, perhaps from this computer's memory: the system offers no reading past its cache here";
}

function reading(file: string, { handle }: Input): At {
  return (start, length) => readAt(file, handle, start, new Uint8Array(length));
}

/** A `RangeError` in one sentence that names the file. */
function told(file: string, error: unknown, more = ""): unknown {
  if (!(error instanceof RangeError) || error.message.startsWith(`${file} `)) return error;
  return new RangeError(`${file}: ${error.message}${more}`, { cause: error });
}
