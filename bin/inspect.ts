import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { FilesystemError } from "../src/ext4/error.ts";
import { read, type Volume } from "../src/ext4/reader.ts";
import { type At, pagePath } from "../src/image/contents.ts";
import { checkBackupGpt, diskSizeOf, GPT_LENGTH, parseGpt, type Partition } from "../src/image/gpt.ts";
import { MENU, MOST_PIECES, OS_JSON_LIMIT } from "../src/image/os-json.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { complaintWords, describeSettings, parseSettings, SETTINGS_LIMIT } from "../src/settings/settings.ts";
import { UsageError, understand } from "./errors.ts";
import { openInput, readAt } from "./input.ts";
import { print } from "./terminal.ts";

const PIECE_LABEL = "FEDAC-PIECE";
const TAIL = GPT_LENGTH; // the backup table is shorter than the primary one by the MBR

/** The longest text of an image that is shown, in characters, and the most names of files. */
const MOST_TEXT = 200;
const MOST_NAMES = 100;

type Row = readonly (string | number)[];

/**
 * `os inspect`: what is in an image, or on a stick, as tables. Throws `UsageError`, and `RangeError` for what is no image
 * or is damaged.
 */
export async function inspect(args: string[]): Promise<void> {
  const { positionals } = understand(() => parseArgs({ args, allowPositionals: true, options: {} }));
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("name one image");
  const { handle, size } = await openInput(file, { disks: true });
  try {
    await describe(file, size, (start, length) => readAt(file, handle, start, new Uint8Array(length)));
  } catch (error) {
    if (!(error instanceof RangeError) || error.message.startsWith(`${file} `)) throw error;
    throw new RangeError(`${file}: ${error.message}`, { cause: error });
  } finally {
    await handle.close();
  }
}

async function describe(file: string, size: number, at: At): Promise<void> {
  if (size === 0) throw new RangeError(`${file} is empty`);
  const head = await at(0, Math.min(GPT_LENGTH, size));
  const image = await diskSizeOf(head);
  if (size < image) {
    throw new RangeError(`${file} is cut off: it has ${size} of the ${image} bytes of its image`);
  }
  const partitions = await parseGpt(head, image);
  await checkBackupGpt(await at(image - TAIL, TAIL), image);
  table(
    ["number", "label", "start", "length"],
    partitions.map(({ number, label, start, length }) => [number, label, start, length]),
  );
  const piece = partitions.find(({ label }) => label === PIECE_LABEL);
  if (!piece) throw new RangeError(`${file} has no partition ${PIECE_LABEL}: it is no image of ours`);
  print("");
  const behind = size > image ? `, and ${size - image} more follow: a stick, or a copy of one` : "";
  table(["piece", ""], [...(await describePiece(piece, at)), ["image", `${image} bytes${behind}`]]);
}

/** What the piece partition says. Nothing of it is believed: sizes are bounded before memory is taken for them. */
async function describePiece({ start, length }: Partition, at: At): Promise<Row[]> {
  const empty = (await at(start, Math.min(4096, length))).every((byte) => byte === 0);
  if (empty) return [["name", "none: this is a base image"]];
  const volume = await read((from, count) => {
    if (from + count > length) throw new RangeError("the file system is larger than its partition");
    return at(start + from, count);
  });
  const os = await osJsonOf(volume);
  const { names, count } = await filesOf(volume);
  return [
    ...(os["format"] === 2
      ? await describePieces(os, volume, length)
      : await describeOne(os, volume, "piece.html", length)),
    ["base", text(os["base"])],
    ...(os["by"] === undefined ? [] : [["built by", text(os["by"])]]),
    ...(await settingsOf(volume)),
    ["files", names.join(", ") + (count > names.length ? `, and ${count - names.length} more` : "")],
    [
      "file system",
      `ext4, ${volume.blockSize} byte blocks, ${volume.freeBytes} bytes free, UUID ${volume.uuid}`,
    ],
  ];
}

/** What `said` says of a piece, and what its page, at `path`, is. */
async function describeOne(
  said: Record<string, unknown>,
  volume: Volume,
  path: string,
  length: number,
): Promise<Row[]> {
  const html = await digestOf(volume, path, length);
  const right = html.sha256 === said["sha256"];
  const allow = Array.isArray(said["allow"]) ? said["allow"].map(text).slice(0, MOST_NAMES) : [];
  return [
    ["name", text(said["piece"])],
    [path, `${html.length} bytes`],
    ["SHA-256", right ? html.sha256 : `${html.sha256}, and os.json says ${text(said["sha256"])}`],
    ...(allow.length > 0 ? [["may use", allow.join(", ")]] : []),
  ];
}

/** The same of each of several, and what is shown first. */
async function describePieces(os: Record<string, unknown>, volume: Volume, length: number): Promise<Row[]> {
  const rows: Row[] = [["starts", os["start"] === MENU ? "the menu" : text(os["start"])]];
  const listed = Array.isArray(os["pieces"]) ? os["pieces"].slice(0, MOST_PIECES) : [];
  for (const entry of listed) {
    const said = { ...(entry as Record<string, unknown> | null) };
    rows.push(...(await describeOne(said, volume, pagePath(text(said["folder"])), length)));
  }
  return rows;
}

/** `os.json` as it is: this is for looking at what may be wrong with it. */
async function osJsonOf(volume: Volume): Promise<Record<string, unknown>> {
  const found = await textOf(volume, "os.json", OS_JSON_LIMIT);
  try {
    return { ...(JSON.parse(found) as Record<string, unknown> | null) };
  } catch (error) {
    throw new RangeError("os.json is not JSON", { cause: error });
  }
}

/** How the machine is set up, a row each, and what of that no machine would take: nothing that is secret. */
async function settingsOf(volume: Volume): Promise<Row[]> {
  const found = await textOf(volume, "settings.json", SETTINGS_LIMIT).catch((error: unknown) => {
    if (error instanceof FilesystemError && error.message.includes("no such file")) return undefined;
    throw error;
  });
  if (found === undefined) return [];
  const { settings, complaints } = parseSettings(found);
  const wrong = complaints.map((complaint) => `wrong: ${complaintWords(complaint)}`);
  const lines = [...describeSettings(settings), ...wrong].map((line) => line.slice(0, MOST_TEXT));
  return lines.map((line, i) => [i === 0 ? "settings" : "", line]);
}

async function textOf(volume: Volume, path: string, limit: number): Promise<string> {
  const content = await volume.file(path);
  if (content.length > limit) throw new RangeError(`${path} has ${content.length} bytes`);
  const chunks: Bytes[] = [];
  for await (const chunk of content.open()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function digestOf(volume: Volume, path: string, limit: number) {
  const { length, open } = await volume.file(path);
  if (length > limit) {
    throw new RangeError(`${path} has ${length} bytes, more than its partition with ${limit}`);
  }
  const hash = createHash("sha256");
  for await (const chunk of open()) hash.update(chunk);
  return { length, sha256: hash.digest("hex") };
}

/** The first names of files, and how many there are. */
async function filesOf(volume: Volume): Promise<{ names: string[]; count: number }> {
  const names: string[] = [];
  let count = 0;
  for await (const { kind, path } of volume.entries()) {
    if (kind !== undefined && kind !== "file") continue;
    count++;
    // A path is made of the names above it when it is looked at: a deep one is not
    if (names.length < MOST_NAMES) names.push(path.length > 4096 ? `a path of ${path.length}` : text(path));
  }
  return { names, count };
}

/** Something that an image says, not too long. */
function text(said: unknown): string {
  return typeof said === "string" ? said.slice(0, MOST_TEXT) : said === undefined ? "not said" : "not a text";
}

function table(head: readonly string[], rows: readonly Row[]): void {
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const numeric = head.map((_, i) => rows.every((row) => typeof row[i] === "number"));
  for (const row of all) {
    const cells = row.map((cell, i) =>
      numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    );
    print(cells.join("  ").trimEnd());
  }
}
