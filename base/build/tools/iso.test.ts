import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../../src/testing/tools.ts";
import { type Disc, DISC_SECTOR, ISO_START, iso9660 } from "./iso.ts";

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "iso-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const disc: Disc = {
  volume: "A_DISC",
  size: 12 * MIB,
  time: Date.UTC(2026, 10, 24, 23, 59, 58) / 1000,
  root: [
    { name: "README.TXT", bytes: bytes("hello\r\n") },
    { name: "EFI", entries: [{ name: "DEBIAN", entries: [{ name: "GRUB.CFG", bytes: bytes("boot\n") }] }] },
    { name: "A.B", bytes: bytes("") },
  ],
  bios: { start: 65536 },
  efi: { start: 4 * MIB, length: 8 * MIB },
};

test("xorriso finds the files and both ways to start", () => {
  const image = write(disc);
  const said = xorriso(image, "-report_el_torito", "plain", "-pvd_info", "-find", "/", "-exec", "lsdl");

  expect(said).toContain("El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4          32");
  expect(said).toContain("El Torito boot img :   2  UEFI  y   none  0x0000  0x00  16384        2048");
  expect(said).toMatch(/Volume Id {4}: A_DISC/);
  expect(said).toMatch(/Creation Time: 2026112423595800/);
  const files = [...said.matchAll(/(\d+) Nov 24 23:59 '(.*)'/g)].map(([, size, name]) => `${size} ${name}`);
  expect(files).toEqual([
    "0 /",
    "0 /A.B",
    "0 /EFI",
    "0 /EFI/DEBIAN",
    "5 /EFI/DEBIAN/GRUB.CFG",
    "7 /README.TXT",
  ]);
  expect(run("isosize", image).trim()).toBe(`${12 * MIB}`);
});

test("xorriso takes a file out", () => {
  const out = join(folder, "out");
  xorriso(write(disc), "-osirrox", "on", "-extract", "/EFI/DEBIAN/GRUB.CFG", out);
  expect(readFileSync(out, "utf8")).toBe("boot\n");
});

test("the catalog's validation entry comes to zero", () => {
  const catalog = new DataView(iso9660(disc).buffer, 3 * DISC_SECTOR, 32);
  const sum = Array.from({ length: 16 }, (_, i) => catalog.getUint16(2 * i, true)).reduce((a, b) => a + b);
  expect(sum % 0x10000).toBe(0);
  expect(sum).toBeGreaterThan(0);
});

test("an ESP too long for the catalog's 16 bits goes to the end of the disc", () => {
  const count = (length: number) =>
    new DataView(iso9660({ ...disc, efi: { start: 4 * MIB, length } }).buffer).getUint16(
      3 * DISC_SECTOR + 0x66,
      true,
    );
  expect(count(0xffff * 512)).toBe(0xffff);
  expect(count(0x10000 * 512)).toBe(0);
});

test.each<[string, Partial<Disc>, RegExp]>([
  ["a small letter", { root: [{ name: "a.TXT", bytes: bytes("") }] }, /"a.TXT" is no name/],
  ["a directory with a dot", { root: [{ name: "A.B", entries: [] }] }, /"A.B" is no name/],
  ["a long volume name", { volume: "A".repeat(33) }, /is no name/],
  [
    "a file of more than a sector",
    { root: [{ name: "A.B", bytes: new Uint8Array(2049) }] },
    /does not fit a sector/,
  ],
  ["half a sector at the end", { size: 12 * MIB + 1024 }, /does not end with a sector/],
  ["an ESP off the sectors", { efi: { start: 4 * MIB + 512, length: MIB } }, /does not start a sector/],
  ["GRUB off the sectors", { bios: { start: 65536 + 512 } }, /does not start a sector/],
  [
    "more names than a sector holds",
    { root: Array.from({ length: 60 }, (_, i) => ({ name: `F${i}.TXT`, bytes: bytes("") })) },
    /names do not fit a sector/,
  ],
])("refuses %s", (_, change, message) => {
  expect(() => iso9660({ ...disc, ...change })).toThrow(message);
});

function write(of: Disc): string {
  const path = join(folder, "disc.iso");
  const image = new Uint8Array(of.size);
  image.set(iso9660(of), ISO_START);
  writeFileSync(path, image);
  return path;
}

/** What xorriso says of `image`. It warns of the boot images, which are no files on purpose, and of nothing else. */
function xorriso(image: string, ...commands: string[]): string {
  const env = { ...process.env, TZ: "UTC" };
  const said = spawnSync("xorriso", ["-no_rc", "-indev", image, ...commands], { encoding: "utf8", env });
  const warnings = said.stderr.match(/.*: (?:WARNING|SORRY|MISHAP|FAILURE|FATAL) : .*/g) ?? [];
  expect(warnings).toEqual([expect.stringContaining("Found hidden El-Torito image")]);
  expect(said.status).toBe(0);
  return said.stdout;
}
