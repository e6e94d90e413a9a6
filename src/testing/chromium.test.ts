import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { chooseChromium } from "./chromium.ts";

const root = path.resolve(import.meta.dirname, "../..");

test.each([
  ["the one that is named", { CHROMIUM: "/opt/chrome" }, true, "/opt/chrome"],
  ["Debian's", {}, true, "/usr/bin/chromium"],
  ["Debian's, when the name is empty", { CHROMIUM: "" }, true, "/usr/bin/chromium"],
  ["Playwright's own, as on Ubuntu", {}, false, "/cache/chrome"],
])("%s", (_, environment, hasDebians, expected) => {
  expect(chooseChromium(environment, hasDebians, "/cache/chrome")).toBe(expected);
});

test("nothing else chooses a Chromium", () => {
  const files = execFileSync("git", ["ls-files", "*.ts"], { cwd: root, encoding: "utf8" }).trim().split("\n");
  const choosing = files.filter((file) => {
    if (file.startsWith("src/testing/chromium.")) return false;
    return /\/usr\/bin\/chromium|env(?:\.|\[")CHROMIUM|\.executablePath\(\)/.test(
      readFileSync(path.join(root, file), "utf8"),
    );
  });
  expect(files.length).toBeGreaterThan(100);
  expect(choosing).toEqual([]);
});
