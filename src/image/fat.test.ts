import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { pattern } from "../testing/bytes.ts";
import { run, runWith } from "../testing/tools.ts";
import { type FatFile, filesOnFat } from "./fat.ts";

const folder = mkdtempSync(path.join(tmpdir(), "fat-"));
afterAll(() => rmSync(folder, { recursive: true }));
const MIB = 1024 * 1024;

/** What is put there: names of every kind, directories in directories, empty, one cluster, several, none whole. */
const FILES: Record<string, Bytes> = {
  "EFI/BOOT/BOOTX64.EFI": pattern(3000, 1),
  "EFI/BOOT/grubx64.efi": pattern(70_000, 2),
  "EFI/debian/grub.cfg": pattern(1, 3),
  "initramfs with a long name, and Ünïcode.img": pattern(200_000, 4),
  vmlinuz: pattern(8192, 5),
  "EMPTY.TXT": new Uint8Array(0),
  ...Object.fromEntries(
    Array.from({ length: 90 }, (_, i) => [`many/a rather long name ${i}.txt`, pattern(i)]),
  ),
};

const SIZES = [
  ["12", 2 * MIB],
  ["16", 20 * MIB],
  ["32", 40 * MIB],
] as const;
const images = new Map<string, Bytes>();

beforeAll(() => {
  const source = path.join(folder, "source");
  for (const [name, bytes] of Object.entries(FILES)) {
    mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    writeFileSync(path.join(source, name), bytes);
    utimesSync(path.join(source, name), 1e9, 1e9);
  }
  for (const [bits, size] of SIZES) {
    const file = path.join(folder, `fat${bits}`);
    writeFileSync(file, new Uint8Array(size));
    run("mkfs.vfat", "-F", bits, "-s", "1", "-n", "VOLUME", file);
    // In a locale with Unicode, or mtools takes each byte for a character
    const script = 'cd "$1" && mcopy -s -i "$2" -- * ::';
    runWith({ env: { LC_ALL: "C.UTF-8" } }, "sh", "-c", script, "sh", source, file);
    // Leave a file in two runs: what is removed makes a hole, which the next one fills and goes on behind
    run("mdel", "-i", file, "::/EMPTY.TXT", "::/EFI/BOOT/BOOTX64.EFI");
    run(
      "mcopy",
      "-i",
      file,
      path.join(source, "initramfs with a long name, and Ünïcode.img"),
      "::/again.img",
    );
    images.set(bits, new Uint8Array(readFileSync(file)));
  }
});

const reading = (image: Bytes) => (start: number, length: number) => {
  if (start < 0 || start + length > image.length) throw new Error(`read ${length} at ${start}`);
  return Promise.resolve(image.slice(start, start + length));
};

function contentOf(image: Bytes, { runs }: FatFile): Buffer {
  return Buffer.concat(runs().map(({ start, length }) => image.subarray(start, start + length)));
}

test.each(SIZES)("reads the files that mtools has put onto FAT%s", async (bits, size) => {
  const image = images.get(bits)!;
  const found = await filesOnFat(reading(image), size);
  const expected: Record<string, Bytes> = {
    ...FILES,
    "again.img": FILES["initramfs with a long name, and Ünïcode.img"]!,
  };
  delete expected["EMPTY.TXT"];
  delete expected["EFI/BOOT/BOOTX64.EFI"];
  expect(found.map((file) => file.path).toSorted()).toEqual(
    Object.keys(expected)
      .map((name) => `/${name}`)
      .toSorted(),
  );
  for (const file of found) {
    expect(contentOf(image, file).equals(expected[file.path.slice(1)]!), file.path).toBe(true);
  }
  // Of FAT32 mtools goes on from where it was, and leaves the hole
  const runs = found.find((file) => file.path === "/again.img")!.runs();
  if (bits !== "32") expect(runs.length).toBeGreaterThan(1);
});

test("what is no FAT file system is refused", async () => {
  await expect(filesOnFat(reading(new Uint8Array(0)), 0)).rejects.toThrow("no FAT file system");
  await expect(filesOnFat(reading(new Uint8Array(4096)), 4096)).rejects.toThrow("no FAT file system");
  const image = images.get("16")!;
  await expect(filesOnFat(reading(image), image.length - 512)).rejects.toThrow(/larger than its partition/);
});

test.each([
  ["nowhere", () => 0, /cluster 0 is none of its/],
  ["no further", () => 0xffff, /ends before its \d+ bytes/],
  ["back to themselves", (cluster: number) => cluster, /cluster \d+ leads back to itself/],
])("clusters that all lead %s end in an error", async (_, next, said) => {
  const image = images.get("16")!.slice();
  const table = new DataView(image.buffer, new DataView(image.buffer).getUint16(14, true) * 512);
  for (let cluster = 3; cluster < 2000; cluster++) table.setUint16(cluster * 2, next(cluster), true);
  const readAll = async () => {
    for (const file of await filesOnFat(reading(image), image.length)) file.runs();
  };
  await expect(readAll()).rejects.toThrow(said);
});

test("no name leads into another directory", async () => {
  const image = images.get("16")!.slice();
  const at = Buffer.from(image.buffer).indexOf("VMLINUZ ");
  image[at + 2] = "/".charCodeAt(0);
  await expect(filesOnFat(reading(image), image.length)).rejects.toThrow(/a file is called "vm\/inuz"/);
});

test("whatever bytes are wrong, it ends with files within the file system or with a RangeError", async () => {
  const image = images.get("12")!;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { minLength: 1, maxLength: 40 }),
      async (wrong) => {
        const changed = image.slice();
        for (const [at, byte] of wrong) changed[at] = byte;
        try {
          for (const file of await filesOnFat(reading(changed), changed.length)) {
            const bytes = contentOf(changed, file);
            expect(bytes.length).toBe(file.length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      },
    ),
    { numRuns: 300 },
  );
});
