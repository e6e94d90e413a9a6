import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { emptied, isOfOwnPage } from "./pak.ts";

const brotli = (text: string) =>
  Buffer.concat([Buffer.from([0x1e, 0x9b, 0, 0, 0, 0, 0, 0]), brotliCompressSync(text)]);

test.each<[string, Buffer, boolean]>([
  ["a page of settings", gzipSync(`import {I18nMixin} from 'chrome://resources/cr_elements/i18n.js';`), true],
  ["a page that names no scheme", gzipSync(`<link rel="stylesheet" href="//resources/css/text.css">`), true],
  ["a part of the tools for developers", brotli(`import*as i18n from"../../core/i18n/i18n.js";`), true],
  ["the style of HTML", brotli("@namespace 'http://www.w3.org/1999/xhtml'; html { display: block }"), false],
  ["what a list shows itself by", brotli("'use strict'; class ListPicker extends Picker {}"), false],
  ["a sound", Buffer.from("fLaC chrome://resources"), false],
  ["nothing", Buffer.alloc(0), false],
])("%s is of a page of Chromium's own: %s", (_, resource, is) => {
  expect(isOfOwnPage(resource)).toBe(is);
});

/** A pack of these resources, with the IDs 7, 8 and so on, and an alias 99 of the first. */
function pack(resources: readonly string[]): Buffer {
  const head = Buffer.alloc(12 + 6 * (resources.length + 1) + 4);
  head.writeUInt32LE(5, 0);
  head[4] = 1;
  head.writeUInt16LE(resources.length, 8);
  head.writeUInt16LE(1, 10);
  let at = head.length;
  resources.forEach((resource, i) => {
    head.writeUInt16LE(7 + i, 12 + 6 * i);
    head.writeUInt32LE(at, 14 + 6 * i);
    at += resource.length;
  });
  head.writeUInt32LE(at, 14 + 6 * resources.length);
  head.writeUInt16LE(99, head.length - 4);
  return Buffer.concat([head, Buffer.from(resources.join(""))]);
}

test("what can be spared is empty, and all else as it was", () => {
  const spared = (resource: Buffer) => resource.toString().startsWith("x");
  expect(emptied(pack(["one", "xx", "", "xyz", "two"]), spared)).toEqual(pack(["one", "", "", "", "two"]));
  expect(emptied(pack(["xx"]), spared)).toEqual(pack([""]));
  expect(emptied(pack([]), spared)).toEqual(pack([]));
});

test.each([Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(40, 4)])(
  "no pack of this version: %#",
  (bytes) => {
    expect(() => emptied(bytes, () => false)).toThrow("no pack of version 5");
  },
);
