import { expect, test } from "vitest";
import { ManifestError } from "../errors.ts";
import { parseManifest, WINDOW, type Manifest } from "./manifest.ts";
import { testBase } from "../testing/test-base.ts";

const { manifest } = await testBase();
const { image, piecePartition: piece, sha256State: state, digests } = manifest;

test("takes what it defines, and nothing is lost on the way through JSON", () => {
  expect(parseManifest(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
});

const wrong: [string, unknown, RegExp][] = [
  ["null", null, /malformed at the top/],
  ["a list", [], /malformed/],
  ["a text", "manifest", /malformed/],
  ["another format", { ...manifest, format: 2 }, /format 2, and this page knows format 1/],
  ["no format", { ...manifest, format: undefined }, /malformed at format/],
  ["a version with another spelling", changed({ version: "2026.01.1" }), /malformed at version/],
  ["a size in words", changed({ image: { ...image, size: "big" as never } }), /malformed at image.size/],
  ["a negative size", changed({ image: { ...image, size: -1 } }), /malformed at image.size/],
  ["half a byte", changed({ image: { ...image, size: 0.5 } }), /malformed at image.size/],
  ["2^53 bytes", changed({ image: { ...image, size: 2 ** 53 } }), /malformed at image.size/],
  ["a digest too short", changed({ image: { ...image, sha256: "ab" } }), /malformed at image.sha256/],
  ["a time of nonsense", changed({ created: "2026-01-01T00:00:00+01" }), /malformed at created/],
  ["a time before 1970", changed({ created: "1960-01-01T00:00:00Z" }), /malformed at created/],
  ["a label too long", changed({ piecePartition: { ...piece, label: "x".repeat(17) } }), /label/],
  ["an odd size", changed({ image: { ...image, size: image.size - 512 } }), /not a multiple of 1 MiB/],
  ["4 GiB", changed({ image: { ...image, size: 2 ** 32 } }), /4 GiB or more/],
  [
    "a partition off its window",
    changed({ piecePartition: { ...piece, start: piece.start + 512 } }),
    /boundaries/,
  ],
  ["an empty partition", changed({ piecePartition: { ...piece, length: 0 } }), /not inside the image/],
  ["a partition over the table", changed({ piecePartition: { ...piece, start: 0 } }), /not inside the image/],
  [
    "a partition past the end",
    changed({ piecePartition: { ...piece, start: piece.start + WINDOW } }),
    /not inside the image/,
  ],
  ["a missing digest", changed({ digests: digests.slice(1) }), /do not cover the image/],
  ["a partition with content", changed({ digests: digests.map(() => "0".repeat(64)) }), /not empty/],
  ["a file outside", changed({ files: [file({ start: piece.start - 1, length: 2 })] }), /ahead of the piece/],
  ["an empty file", changed({ files: [file({ length: 0 })] }), /a file is empty/],
  [
    "a file twice",
    changed({ files: [file({ path: "/a" }), file({ path: "/A" })] }),
    /two files have one path/,
  ],
  ...[
    "a",
    "/",
    "/../a",
    "/a/..",
    "/.a",
    "/a//b",
    "/a b",
    "/a:b",
    "/a\\b",
    "/a/b/c/d/e",
    `/${"a".repeat(128)}`,
  ].map((path): [string, unknown, RegExp] => [
    `a file at ${path}`,
    changed({ files: [file({ path })] }),
    /files.0.path/,
  ]),
  ["another state", changed({ sha256State: { ...state, length: 64 } }), /SHA-256 state/],
];

test.each(wrong)("refuses %s", (_, json, message) => {
  expect(() => parseManifest(json)).toThrow(ManifestError);
  expect(() => parseManifest(json)).toThrow(message);
});

function file(change: Partial<Manifest["files"][number]>): Manifest["files"][number] {
  return { path: "/EFI/BOOT/BOOTX64.EFI", start: WINDOW, length: 5, sha256: "0".repeat(64), ...change };
}

function changed(change: Partial<Manifest>): Manifest {
  return { ...manifest, ...change };
}
