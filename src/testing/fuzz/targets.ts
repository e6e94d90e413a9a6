import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32 } from "hash-wasm";
import fc from "fast-check";
import { parseAcPage } from "../../bundle/ac-page.ts";
import { prepareBundle } from "../../bundle/bundle.ts";
import { eventsIn } from "../../bundle/events.ts";
import { graft } from "../../bundle/graft.ts";
import type { Bytes } from "../../bytes/segment.ts";
import { filesystem, plan, type Entry } from "../../ext4/filesystem.ts";
import { read } from "../../ext4/reader.ts";
import { filesOnFat } from "../../image/fat.ts";
import { backupGpt, checkBackupGpt, diskSizeOf, GPT_LENGTH, parseGpt, SECTOR } from "../../image/gpt.ts";
import { formatListing, formatOsJson, parseListing, parseOsJson } from "../../image/os-json.ts";
import {
  copiesWithin,
  formatCopies,
  LARGEST_COPIES,
  parseCopies,
  usefulCopies,
  type Copy,
} from "../../release/copies.ts";
import { parseList } from "../../release/latest.ts";
import { parseManifest, windowsOf, WINDOW } from "../../release/manifest.ts";
import { verifySignature } from "../../release/minisign.ts";
import { parseJson } from "../../release/verify.ts";
import { sealSettings } from "../../settings/seal.ts";
import { formatSettings, MOST_NETWORKS, parseSettings } from "../../settings/settings.ts";
import { acBundle } from "../ac-bundle.ts";
import { pattern } from "../bytes.ts";
import { Forgery } from "../forge.ts";
import { testKey } from "../sign.ts";
import { run } from "../tools.ts";
import { mutate, mutateInPlace, Random } from "./mutate.ts";

/** A parser of what comes from outside, and how to be unkind to it. */
export interface Target {
  readonly name: string;
  /** The name of the error that it throws at whatever it does not take. */
  readonly error: string;
  /** Its share of the time. */
  readonly weight: number;
  /**
   * Try one case, the same for the same random numbers. Throws what the parser throws, and an error of another class when
   * what it takes is not sound, or cost too much.
   */
  run(random: Random): void | Promise<void>;
}

/** What a parser took, or what it cost, is wrong: a fault, whatever class the parser's errors have. */
export class Unsound extends Error {
  override readonly name = "Unsound";
}

const encoder = new TextEncoder();
const SHA = "0123456789abcdef".repeat(4);

/** Words that JSON is broken by. */
const JSON_TOKENS = [
  "null",
  "[]",
  "{}",
  '""',
  "0",
  "-1",
  "1e999",
  "-0",
  "9007199254740993",
  "1e-400",
  "true",
].concat(
  [
    '"__proto__":',
    '"constructor":',
    '"\\ud800"',
    '"\\u0000"',
    ",",
    ":",
    "[",
    "{",
    "]",
    "}",
    '"',
    "\\",
    "\ufeff",
    "\u2028",
  ],
  ["[".repeat(5000), '{"a":'.repeat(5000), `"${"x".repeat(70_000)}"`, "\x1b[31m", "9".repeat(400)],
);

const MANIFEST = {
  format: 1,
  name: "test-os",
  version: "2026.1.1",
  flavor: "test",
  arch: "x86_64",
  created: "2026-01-01T00:00:00.000Z",
  image: { url: "base.img", mirrors: ["https://mirror.example/base.img"], size: 25 * 2 ** 20, sha256: SHA },
  piecePartition: { start: 4 * WINDOW, length: 2 * WINDOW, label: "FEDAC-PIECE" },
  digests: [SHA, SHA, "zeros", SHA, "zeros", "zeros", SHA],
  sha256State: { words: SHA, length: 4 * WINDOW },
  sbom: { url: "sbom.cdx.json", sha256: SHA },
};
const LISTED = {
  version: "2026.1.1",
  flavor: "test",
  arch: "x86_64",
  created: "2026-01-01T00:00:00.000Z",
  manifest: "test-2026.1.1-0123456789ab/manifest.json",
};
const LATEST = {
  format: 1,
  until: LISTED.created,
  releases: [LISTED],
  retired: [{ ...LISTED, since: LISTED.created }],
};
const OS_JSON = {
  format: 1 as const,
  piece: "@jeffrey/notepat",
  size: 33,
  sha256: SHA,
  base: "test-os test 2026.1.1",
};

const anything = fc.anything({ withNullPrototype: false, maxDepth: 3 });

/** JSON of about the shape of `sample`: some of its values another, some missing, some more. */
function jsonLike(sample: unknown): fc.Arbitrary<unknown> {
  const other = fc.oneof(
    anything,
    fc.constantFrom(null, -1, 0, 0.5, 1e300, 2 ** 53, "", "\ud800", [], {}, "x".repeat(5000)),
  );
  if (Array.isArray(sample)) {
    return fc.oneof(
      { weight: 6, arbitrary: fc.tuple(...sample.map(jsonLike)) },
      { weight: 1, arbitrary: fc.array(jsonLike(sample[0]), { maxLength: 40 }) },
      { weight: 1, arbitrary: other },
    );
  }
  if (typeof sample === "object" && sample !== null) {
    const fields = Object.fromEntries(Object.entries(sample).map(([key, value]) => [key, jsonLike(value)]));
    return fc.oneof(
      { weight: 12, arbitrary: fc.record(fields) },
      { weight: 1, arbitrary: fc.record(fields, { requiredKeys: [] }) },
      { weight: 1, arbitrary: other },
    );
  }
  return fc.oneof({ weight: 20, arbitrary: fc.constant(sample) }, { weight: 1, arbitrary: other });
}

/** A target that takes text in JSON: changed bytes of `sample`, or JSON of its shape. */
function jsonTarget(
  name: string,
  error: string,
  sample: unknown,
  parse: (text: Bytes) => void | Promise<void>,
): Target {
  const good = encoder.encode(JSON.stringify(sample));
  const shapes = jsonLike(sample);
  return {
    name,
    error,
    weight: 1,
    async run(random) {
      if (random.once(4)) {
        const [json] = fc.sample(shapes, { numRuns: 1, seed: random.below(2 ** 31) });
        await parse(encoder.encode(safely(() => JSON.stringify(json)) ?? "null"));
      } else await parse(mutate(good, random, [good], JSON_TOKENS));
    },
  };
}

/** fast-check makes what JSON cannot say, as bigint. */
function safely<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

const manifest = jsonTarget("manifest", "ManifestError", MANIFEST, (text) => {
  const parsed = parseManifest(parseJson(text));
  const { digests, size, window } = windowsOf(parsed);
  const { start, length } = parsed.piecePartition;
  check(digests.length === Math.ceil(size / window) && size < 2 ** 32, "windows that do not cover the image");
  check(start > 0 && length > 0 && start + length < size, "a piece partition outside the image");
});

const list = jsonTarget("list", "ManifestError", LATEST, (text) => {
  for (const { version, manifest: address } of parseList(new TextDecoder().decode(text)).releases) {
    check(version.length <= 64 && address.length <= 2048, "an endless word");
  }
});

const COPY_SIZES = { size: 2 ** 32 - 2 ** 20, olderSize: 2 ** 31 };
const copyList = formatCopies(
  Array.from({ length: 200 }, (_, i): Copy => {
    return { start: i * 2 ** 20, from: (i * 7919 * 4096) % 2 ** 30, length: 2 ** (i % 21) };
  }),
  COPY_SIZES,
);
const copies: Target = {
  name: "copies",
  error: "RangeError",
  weight: 1,
  run(random) {
    const changed = mutate(copyList, random, [copyList], ["\x80", "\xff\xff\xff\xff\x0f", "\0"]);
    if (changed.length > LARGEST_COPIES) return; // not unpacked
    const { size, olderSize } = COPY_SIZES;
    const found = parseCopies(changed, COPY_SIZES);
    for (const each of [
      found,
      copiesWithin(found, [{ start: 4096, length: 2 ** 29 }]),
      usefulCopies(found),
    ]) {
      let end = 0;
      for (const { start, from, length } of each) {
        check(start >= end && from >= 0 && length > 0, "copies out of order, or of nothing");
        end = start + length;
        check(end <= size && from + length <= olderSize, "a copy outside the images");
      }
    }
    check(Buffer.compare(formatCopies(found, COPY_SIZES), changed) === 0, "another list when written again");
  },
};

const osJson = jsonTarget("os.json", "RangeError", OS_JSON, (text) => {
  const parsed = parseOsJson(new TextDecoder().decode(text));
  check(parseOsJson(formatOsJson(parsed)).piece === parsed.piece, "another piece when written again");
});

const LISTING = {
  format: 2,
  start: "menu",
  base: "test-os",
  pieces: [
    { folder: "frog", piece: "@jeffrey/frog", size: 7, sha256: SHA, allow: ["midi"] },
    { folder: "cow", piece: "$cow", size: 9, sha256: SHA, allow: [] },
  ],
};

const listing = jsonTarget("os.json of several", "RangeError", LISTING, (text) => {
  const { start, pieces, base, by } = parseListing(new TextDecoder().decode(text));
  if (pieces[0].folder === "") return;
  const again = parseListing(formatListing({ start, pieces, base, by }));
  check(again.start === start && again.pieces.length === pieces.length, "other pieces when written again");
});

const SETTINGS = {
  format: 1,
  random: "00112233445566778899aabbccddeeff",
  wifi: [
    { ssid: "Café ♪", security: "wpa2", psk: SHA, hidden: true },
    { ssid: "at home", passphrase: "correct horse" },
    { ssid: "library", security: "open" },
  ],
  country: "DE",
  keyboard: { layout: "de", variant: "nodeadkeys" },
  timeZone: "Europe/Berlin",
  rotation: 90,
  scale: 1.5,
  volume: 40,
  output: "hdmi",
};
/** It takes everything: what it makes of it has to be sound, and what it says of it safe to log. */
const settingsJson = jsonTarget("settings.json", "RangeError", SETTINGS, async (text) => {
  const { settings, complaints } = parseSettings(new TextDecoder().decode(text));
  check(complaints.length <= 8 * MOST_NETWORKS, "complaints without an end");
  const isSafe = complaints.every(({ key, message }) => /^[ -~]{1,500}$/.test(`${key} ${message}`));
  check(isSafe, "a complaint with words of somebody else's");
  const again = parseSettings(formatSettings(await sealSettings(settings)));
  check(again.complaints.length === 0, "settings that are not taken when they are written again");
});

const key = testKey(1);
const message = encoder.encode(JSON.stringify(MANIFEST));
const signatures = [key.sign(message), key.sign(message, { legacy: true }), testKey(2).sign(message)].map(
  (text) => encoder.encode(text),
);
const minisign: Target = {
  name: "minisign",
  error: "SignatureError",
  weight: 1,
  async run(random) {
    const signed = random.once(3) ? mutate(message, random, [message]) : message;
    const keys = [random.once(6) ? changedBase64(key.publicKey, random) : key.publicKey];
    let text = random.of(signatures);
    if (random.once(2))
      text = mutate(text, random, signatures, ["\n", "\r\n", "\0", "untrusted comment: ", "="]);
    else {
      const lines = new TextDecoder().decode(text).split("\n");
      const line = random.of([1, 3]);
      lines[line] = changedBase64(lines[line]!, random);
      text = encoder.encode(lines.join("\n"));
    }
    await verifySignature(signed, new TextDecoder().decode(text), keys);
    check(
      Buffer.compare(signed, message) === 0 && keys[0] === key.publicKey,
      "a forged signature was believed",
    );
  },
};

function changedBase64(text: string, random: Random): string {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  mutateInPlace(bytes, random);
  return Buffer.from(bytes).toString("base64");
}

const PAGES = [
  "<!doctype html><title>notepat</title><script>1</script>",
  "<!-- a --> <!-- b -->\n<HTML lang=en><script src=x></script></HTML>",
  '{"error":"not found"}',
  acBundle({ piece: "frog", form: "plain" }),
  acBundle({ piece: "frog", form: "gzip" }),
].map((text) => encoder.encode(text));
const PAGE_TOKENS = [
  "<!--",
  "-->",
  "<script",
  "</script>",
  ">",
  "<!doctype html",
  "<html",
  "\ufeff",
  "\n",
  '"',
  "window.VFS = {",
];
/** What a piece partition has room for, in bytes, and so the largest page. */
const PAGE_LIMIT = 19 * 2 ** 20;
const bundle: Target = {
  name: "bundle",
  error: "BundleError",
  weight: 2,
  async run(random) {
    let page = random.of(PAGES);
    if (random.once(100)) {
      // What recurses, or goes back over it, shows at these sizes.
      const part = random.of([...PAGE_TOKENS, "<!-- -->", " ", "-", "<", "\xff"]);
      page = encoder.encode(
        random.of(["", "<!--", "<html "]) + part.repeat(random.below(PAGE_LIMIT) / part.length),
      );
    }
    const wish = { limit: PAGE_LIMIT, created: LISTED.created };
    const { html } = await prepareBundle("frog", mutate(page, random, PAGES, PAGE_TOKENS), wish);
    check(html.length <= PAGE_LIMIT, "a page larger than its partition");
  },
};

const SOURCE = encoder.encode(`// frog, 2026
import { add } from "../lib/num.mjs?v=1";
import * as pond from "./pond.mjs";
export { jump } from '/aesthetic.computer/disks/common/jump.mjs';
const text = \`a \${ add(1, \`b\`) } c\`, r = /[/]"'\\//g, x = await import("./later.mjs"); /* no */ // end
export function paint({ wipe }) { wipe("red"); }
`);
const SOURCE_TOKENS = [
  "`",
  "${",
  "}",
  "/*",
  "*/",
  "//",
  "/",
  "'",
  '"',
  "\\",
  "import",
  "from",
  "export",
  "(",
  "\u2028",
  "import(",
];
const carrier = parseAcPage(acBundle({ piece: "frog", form: "plain" }));
/** A published piece put into a bundle, with the modules that it imports. */
const published: Target = {
  name: "published",
  error: "BundleError",
  weight: 1,
  async run(random) {
    const changed = () => {
      let source = SOURCE;
      if (random.once(200)) {
        source = encoder.encode(random.of(SOURCE_TOKENS).repeat(random.below(2 ** 20)));
      }
      return new TextDecoder().decode(mutate(source, random, [SOURCE], SOURCE_TOKENS));
    };
    let asked = 0;
    const ask = () => {
      check(++asked < 2000, "modules without an end");
      return Promise.resolve(random.once(4) ? { status: 404, said: "" } : { text: changed() });
    };
    const html = await graft(carrier, "@jeffrey/frog", changed(), ask, PAGE_LIMIT);
    check(parseAcPage(html).piece === "@jeffrey/frog", "a page that does not start what was put into it");
  },
};

const EVENTS = encoder.encode(
  'event: progress\ndata: {"stage":"x"}\n\n: hm\r\nevent: complete\r\ndata: a\ndata: b\r\n\r\n',
);
/** What the oven tells while it bakes. */
const events: Target = {
  name: "events",
  error: "RangeError",
  weight: 0.5,
  async run(random) {
    const bytes = mutate(
      EVENTS,
      random,
      [EVENTS],
      ["\n", "\r\n", "\n\n", "data:", "event:", "data: ".repeat(5000)],
    );
    async function* chunks() {
      for (let at = 0; at < bytes.length;) {
        const end = at + 1 + random.skewed(40);
        yield bytes.subarray(at, end);
        at = end;
        await Promise.resolve();
      }
    }
    for await (const { data } of eventsIn(chunks(), 10_000))
      check(data.length <= 10_000, "an event beyond the limit");
  },
};

const DISK = 8 * 2 ** 20;
/** A good table and its backup, made by the rules of the UEFI specification (section 5.3), and sealed by `sealGpt`. */
const disk = await madeDisk();
const gpt: Target = {
  name: "gpt",
  error: "RangeError",
  weight: 1,
  async run(random) {
    let { head, tail } = { head: disk.head.slice(), tail: disk.tail.slice() };
    for (let i = random.skewed(6); i >= 0; i--) {
      mutateInPlace(head, random, SECTOR, random.once(2) ? 92 : GPT_LENGTH - SECTOR);
      if (random.once(2)) mutateInPlace(tail, random, tail.length - SECTOR, 92);
    }
    if (random.below(4) > 0) {
      await sealGpt(head, SECTOR, 2 * SECTOR);
      await sealGpt(tail, tail.length - SECTOR, 0);
    }
    if (random.once(8)) head = head.slice(0, random.below(head.length));
    if (random.once(8)) tail = tail.slice(random.below(tail.length));
    const size = random.once(8)
      ? random.of([0, 1, 512, DISK - 512, DISK + 1, 2 ** 53])
      : await diskSizeOf(head);
    check(size >= 0, `a disk of ${size} bytes`);
    for (const { start, length } of await parseGpt(head, size)) {
      check(start >= 0 && length > 0 && start + length <= size, "a partition outside the disk");
    }
    await checkBackupGpt(tail, size);
    await checkBackupGpt(await backupGpt(head, size, tail.length), size);
  },
};

async function madeDisk() {
  const head = new Uint8Array(GPT_LENGTH);
  const header = new DataView(head.buffer, SECTOR, SECTOR);
  head.set(encoder.encode("EFI PART"), SECTOR);
  const last = BigInt(DISK / SECTOR - 1);
  header.setUint32(0x08, 0x0001_0000, true); // Revision
  header.setUint32(0x0c, 92, true); // HeaderSize
  for (const [at, value] of [
    [0x18, 1n],
    [0x20, last],
    [0x28, 34n],
    [0x30, last - 33n],
    [0x48, 2n],
  ] as const) {
    header.setBigUint64(at, value, true); // MyLBA, AlternateLBA, First- and LastUsableLBA, PartitionEntryLBA
  }
  header.setUint32(0x50, 128, true);
  header.setUint32(0x54, 128, true);
  for (let i = 0; i < 3; i++) {
    const entry = new DataView(head.buffer, 2 * SECTOR + i * 128, 128);
    entry.setBigUint64(0x00, 1n, true);
    entry.setBigUint64(0x20, BigInt(2048 * (i + 1)), true);
    entry.setBigUint64(0x28, BigInt(2048 * (i + 2) - 1), true);
    entry.setUint16(0x38, 0x41 + i, true);
  }
  await sealGpt(head, SECTOR, 2 * SECTOR);
  return { head, tail: await backupGpt(head, DISK, GPT_LENGTH) };
}

/** Give a header, and the entries at `entries`, the right checksums. */
async function sealGpt(bytes: Bytes, at: number, entries: number): Promise<void> {
  const header = new DataView(bytes.buffer, at, SECTOR);
  header.setUint32(
    0x58,
    Number.parseInt(await crc32(bytes.subarray(entries, entries + 128 * 128)), 16),
    true,
  );
  header.setUint32(0x10, 0, true);
  const size = Math.min(header.getUint32(0x0c, true), SECTOR);
  header.setUint32(0x10, Number.parseInt(await crc32(bytes.subarray(at, at + size)), 16), true);
}

const ext4Options = { size: 2 ** 20, uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71", time: 1_750_000_000 };
const ext4Entries: Entry[] = [
  {
    path: "piece.html",
    content: pattern(60_000),
    xattrs: { "user.large": pattern(600), "user.small": pattern(5) },
  },
  { path: "os.json", content: encoder.encode(JSON.stringify(OS_JSON)) },
  {
    path: "a/b/c",
    content: pattern(3000, 2),
    xattrs: { "system.posix_acl_access": new Uint8Array([2, 0, 0, 0]) },
  },
  { kind: "link", path: "z", target: "a/b/c" },
  { kind: "symlink", path: "fast", target: "a/b/c" },
  { kind: "symlink", path: "slow", target: "x".repeat(500) },
  ...Array.from({ length: 80 }, (_, i): Entry => ({
    path: `many/name number ${i}`,
    content: pattern(i % 9),
  })),
];
const ext4Plan = plan(ext4Entries, ext4Options);
const ext4Good = new Forgery(ext4Plan);
/** What can be changed, by kind: most places are inodes. */
const byKind = [...new Set(ext4Good.places.map(({ what }) => what))].map((kind) =>
  ext4Good.places.filter(({ what }) => what === kind),
);
/** No walk needs to look at any block as often as this. */
const MOST_READS = 20 * (ext4Options.size / 1024);
/** Bytes of contents that are read of each image. */
const MOST_CONTENT = 2 ** 20;
const ext4: Target = {
  name: "ext4",
  error: "FilesystemError",
  weight: 4,
  async run(random) {
    const forgery = new Forgery(ext4Plan, ext4Good.bytes.slice());
    const { bytes, plan: of } = forgery;
    for (let i = random.skewed(8); i >= 0; i--) {
      const { start, length } = random.of(byKind[random.below(byKind.length)]!);
      mutateInPlace(bytes, random, start, length);
    }
    if (random.once(3)) forgeTree(forgery, random);
    if (random.below(8) > 0) forgery.seal();
    const image = random.once(20) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    let reads = 0;
    const source = (start: number, length: number) => {
      check(++reads < MOST_READS, `${reads} reads of an image of ${of.size} bytes`);
      check(start >= 0 && length <= of.size, `${length} bytes asked for at ${start}`);
      return image.slice(start, start + length);
    };
    const volume = await read(source);
    const found: Entry[] = [];
    let seen = 0;
    for await (const entry of volume.entries()) {
      found.push(entry);
      check(found.length < 20_000, "entries without an end");
      if (entry.kind !== "file" || entry.content instanceof Uint8Array) continue;
      for await (const chunk of entry.content.open()) if ((seen += chunk.length) > MOST_CONTENT) break;
    }
    if (random.once(10)) for (const _ of filesystem(found, { ...ext4Options, size: 64 * 2 ** 20 }));
  },
};

/** A file's extent tree made anew, of blocks of the image that lead anywhere, also to each other. */
function forgeTree(forgery: Forgery, random: Random): void {
  const { number, runs } = forgery.inode("piece.html");
  const blocks = Array.from({ length: 6 }, (_, i) => runs[0]!.start + i);
  const top = random.below(6);
  const entriesOf = (depth: number, most: number) => {
    let logical = 0;
    return Array.from({ length: random.skewed(most + 1) }, () => {
      logical += random.once(10) ? random.of([0, 2 ** 31]) : random.skewed(4);
      const start = depth > 0 ? random.of(blocks) : random.of([...blocks, 0, 1, 1023, 1024]);
      const entry = {
        logical: Math.min(logical, 2 ** 32 - 1),
        start,
        count: random.of([1, 1, 1, 0, 2, 32_768, 32_769, 65_535]),
      };
      logical += 1;
      return entry;
    });
  };
  forgery.writeNode(number, 0, top, entriesOf(top, 4));
  blocks.forEach((block, i) => {
    const depth = Math.max(0, top - 1 - Math.floor((i * top) / blocks.length));
    forgery.writeNode(number, block, depth, entriesOf(depth, 80));
  });
}

const MOST_FAT_FILES = 4096;
/** The boot sector, a table, and directories: what is read of a FAT file system at most. */
const MOST_FAT_READ = 20 * 2 ** 20;
let fatGood: ReturnType<typeof madeFats> | undefined;
const fat: Target = {
  name: "fat",
  error: "RangeError",
  weight: 2,
  async run(random) {
    const { head, length, places } = random.of(await (fatGood ??= madeFats()));
    const bytes = head.slice();
    for (let i = random.skewed(8); i >= 0; i--) {
      const { start, length: most } = random.of(places);
      mutateInPlace(bytes, random, start, random.once(2) ? most : Math.min(most, 128));
    }
    const size = random.once(8) ? random.of([0, 1, 511, 512, length - 1, random.below(length)]) : length;
    let seen = 0;
    const at = (start: number, count: number) => {
      check(start >= 0 && start + count <= size, `${count} bytes asked for at ${start} of ${size}`);
      check((seen += count) < MOST_FAT_READ, `${seen} bytes read`);
      const some = new Uint8Array(count); // zeros behind the head
      some.set(bytes.subarray(start, start + count));
      return Promise.resolve(some);
    };
    const files = await filesOnFat(at, size);
    check(files.length <= MOST_FAT_FILES, `${files.length} files`);
    for (const file of files) {
      const name = file.path.slice(file.path.lastIndexOf("/") + 1);
      check(name !== "" && name !== "." && name !== "..", `a file called "${name}"`);
      const runs = file.runs().toSorted((one, other) => one.start - other.start);
      let [held, end] = [0, 0];
      for (const each of runs) {
        check(each.start >= end && each.length > 0, "runs that overlap, or hold nothing");
        end = each.start + each.length;
        held += each.length;
      }
      check(end <= size && held === file.length, `${held} bytes up to ${end} for ${file.length} of ${size}`);
    }
  },
};

/** FAT12, 16 and 32 by mkfs.vfat and mcopy: how each begins, up to its last directory, and what decides where its files lie. */
async function madeFats() {
  const folder = mkdtempSync(path.join(tmpdir(), "fuzz-fat-"));
  try {
    writeFileSync(path.join(folder, "piece"), pattern(5000));
    const names = ["EFI", "EFI/BOOT", "EFI/BOOT/grubx64.efi", "a longer name, in parts.img"];
    return await Promise.all(
      (
        [
          ["12", 2],
          ["16", 4],
          ["32", 36],
        ] as const
      ).map(async ([bits, mebibytes]) => {
        const file = path.join(folder, bits);
        writeFileSync(file, "");
        truncateSync(file, mebibytes * 2 ** 20);
        run("mkfs.vfat", "-F", bits, "-s", "1", file);
        for (const name of names) {
          if (/[.]/.test(name)) run("mcopy", "-i", file, path.join(folder, "piece"), `::/${name}`);
          else run("mmd", "-i", file, `::/${name}`);
        }
        const all = new Uint8Array(readFileSync(file));
        const places: { start: number; length: number }[] = [];
        const files = await filesOnFat((start, length) => {
          places.push({ start, length });
          return Promise.resolve(all.slice(start, start + length));
        }, all.length);
        check(files.length === 2, `${files.length} files on FAT${bits}`);
        const end = Math.max(...places.map(({ start, length }) => start + length));
        return { head: all.slice(0, end), length: all.length, places };
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All of them. */
export const targets: readonly Target[] = [
  manifest,
  list,
  copies,
  minisign,
  gpt,
  fat,
  ext4,
  osJson,
  listing,
  settingsJson,
  bundle,
  published,
  events,
];

const kept: unknown[] = [];
const fault = (name: string, one: Target["run"]): Target => ({
  name,
  error: "RangeError",
  weight: 1,
  run: one,
});

function recurse(): void {
  recurse();
  recurse();
}

/** Parsers with each of the faults that are looked for, by whose names the looking itself is tested. */
export const faulty: readonly Target[] = [
  fault("hang", () => {
    for (;;);
  }),
  fault("crash", (random) => {
    if (random.once(50)) throw new TypeError("no words of ours");
    throw new RangeError("refused");
  }),
  fault("native", () => void new Uint8Array(-1)),
  fault("recursion", recurse),
  fault("heap", () => void kept.push(Array.from({ length: 100_000 }, (_, i) => ({ i })))),
  fault("memory", () => void kept.push(new Uint8Array(2 ** 20).fill(1))),
];

function check(condition: boolean, wrong: string): void {
  if (!condition) throw new Unsound(wrong);
}
