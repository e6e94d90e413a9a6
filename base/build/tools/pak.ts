import { readFileSync, writeFileSync } from "node:fs";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

// Half of what Chromium keeps in resources.pak is its own pages: settings, history, bookmarks, tools for developers. The
// kiosk's policies open none of them (URLBlocklist: chrome://*, devtools://*), so they are emptied.

/** Chromium's ui/base/resource/data_pack.cc: version, encoding and padding, count of resources, count of aliases. */
const VERSION = 5;
const HEADER = 12;
const ENTRY = 6; // 16 bits for the ID, 32 for where it begins, little-endian; the last one's ID is 0: where all ends
const ALIAS = 4;

/** What grit puts in front of a resource that it compresses: for Brotli two bytes, and the length in six. */
const BROTLI = [0x1e, 0x9b] as const;
const BROTLI_HEADER = 8;
const GZIP = [0x1f, 0x8b] as const;

/** Chromium's own pages load their parts from there, and developers' tools are modules that import each other. */
const PAGES =
  /chrome(?:-untrusted)?:\/\/|["'(]\/\/resources\/|\bloadTimeData\b|\bchrome\.send\(|\bfrom ?["']\.{1,2}\/[\w./-]+\.js["']/;

/** Whether a resource, as it is in the file, is of a page of Chromium's own. Only text that is compressed is looked at. */
export function isOfOwnPage(resource: Buffer): boolean {
  const starts = ([first, second]: readonly [number, number]) =>
    resource[0] === first && resource[1] === second;
  if (starts(BROTLI))
    return PAGES.test(brotliDecompressSync(resource.subarray(BROTLI_HEADER)).toString("latin1"));
  if (starts(GZIP)) return PAGES.test(gunzipSync(resource).toString("latin1"));
  return false;
}

/**
 * `pak` with every resource emptied that `isDispensable`: all IDs stay, so that who asks for one is given nothing. Throws
 * `RangeError` for what is no pack of this version.
 */
export function emptied(pak: Buffer, isDispensable: (resource: Buffer) => boolean): Buffer {
  if (pak.length < HEADER || pak.readUInt32LE(0) !== VERSION) throw new RangeError("no pack of version 5");
  const count = pak.readUInt16LE(8);
  const tables = HEADER + ENTRY * (count + 1) + ALIAS * pak.readUInt16LE(10);
  const head = Buffer.from(pak.subarray(0, tables));
  const kept: Buffer[] = [];
  let at = tables;
  for (let index = 0; index <= count; index++) {
    const place = HEADER + ENTRY * index + 2;
    head.writeUInt32LE(at, place);
    if (index === count) break;
    const resource = pak.subarray(pak.readUInt32LE(place), pak.readUInt32LE(place + ENTRY));
    if (isDispensable(resource)) continue;
    kept.push(resource);
    at += resource.length;
  }
  return Buffer.concat([head, ...kept]);
}

if (process.argv[1] === import.meta.filename) {
  const [, , file = ""] = process.argv;
  writeFileSync(file, emptied(readFileSync(file), isOfOwnPage));
}
