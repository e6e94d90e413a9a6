import { expect, test } from "vitest";
import { formatStickConfig, parseStickConfig, pieceFolder } from "./layout.ts";

const config = {
  token: "0123456789abcdef",
  system: "kiosk-2026.11.27-0123456789ab",
  folder: "notepat-0a1b2c-ffeedd",
};

test.each([config, { ...config, folder: "" }])("what is written is read again: %j", (each) => {
  expect(parseStickConfig(formatStickConfig(each))).toEqual(each);
});

test.each(["$(halt)", "a b", "a;b", "a'b", "../x", "a/b", "", ".", "a\nset x=y"])(
  "GRUB never gets to read %j",
  (word) => {
    expect(() => formatStickConfig({ ...config, system: word })).toThrow(RangeError);
    expect(parseStickConfig(`set token=${config.token}\nset system=${word}\nset folder=\n`)).toBeUndefined();
  },
);

test.each(["", "set token=0123456789abcdef\n", "set token=short\nset system=a\nset folder=b\n", "halt\n"])(
  "%j is no stick.cfg of ours",
  (text) => expect(parseStickConfig(text)).toBeUndefined(),
);

const files = ["0a1b2c3d", "ffeeddcc"].map((start) => ({ sha256: start.padEnd(64, "0") }));
test.each([
  ["notepat", "notepat-0a1b2c-ffeedd"],
  ["$cow", "cow-0a1b2c-ffeedd"],
  ["@Jeffrey/Frog", "jeffrey-frog-0a1b2c-ffeedd"],
  ["@a.b/c-d_e", "a-b-c-d_e-0a1b2c-ffeedd"],
  ["CON", "con-0a1b2c-ffeedd"], // a device on Windows, were it not for the rest
  ["_".repeat(100), `${"_".repeat(40)}-0a1b2c-ffeedd`],
])("%s has the folder %s", (piece, folder) => {
  expect(pieceFolder(piece, files)).toBe(folder);
  expect(() => formatStickConfig({ ...config, folder })).not.toThrow();
});
