import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aptGet } from "./apt.mjs";

// What apt 2.6 and dpkg 1.21 print when their locks are held
const LISTS =
  "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 731 (apt-get)\nE: Unable to lock directory /var/lib/apt/lists/";
const DPKG =
  "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 731 (unattended-upgr)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?";
const ARCHIVES =
  "E: Could not get lock /var/cache/apt/archives/lock.\nE: Unable to lock the download directory";

let folder = "";
let said: string[] = [];
const usual = process.env["PATH"];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "apt-"));
  said = [];
  process.env["PATH"] = `${folder}:${usual}`;
});
afterEach(() => {
  process.env["PATH"] = usual;
  rmSync(folder, { recursive: true });
});

/** An apt-get that fails `times` times, saying `complaint`, before it succeeds. */
function fakeApt(times: number, complaint: string): void {
  const file = path.join(folder, "apt-get");
  writeFileSync(path.join(folder, "complaint"), `${complaint}\n`);
  writeFileSync(
    file,
    `#!/bin/sh
echo "$DEBIAN_FRONTEND $LC_ALL $*" >> "${folder}/calls"
[ "$(wc -l < "${folder}/calls")" -gt ${times} ] && exit 0
cat "${folder}/complaint" >&2
exit 100
`,
  );
  chmodSync(file, 0o755);
}
const calls = () => readFileSync(path.join(folder, "calls"), "utf8").trim().split("\n");
const options = { say: (text: string) => void said.push(text), retryMs: 10 };

test.each([
  ["the lists", LISTS, /process 731 \(apt-get\)\. Waiting/],
  ["dpkg", DPKG, /process 731 \(unattended-upgr\)\. Waiting/],
  ["the archives", ARCHIVES, /at work\. Waiting/],
])("waits for the lock of %s, and says so once", (_, complaint, sentence) => {
  fakeApt(3, complaint);
  aptGet(["install", "attr"], options);
  expect(calls()).toEqual(Array(4).fill("noninteractive C -q -y install attr"));
  expect(said).toEqual([expect.stringMatching(sentence)]);
});

test("gives up when the lock is never released", () => {
  fakeApt(999, LISTS);
  expect(() => aptGet(["update"], { ...options, giveUpAfterSeconds: 0.1 })).toThrow(/Unable to lock/);
  expect(calls().length).toBeGreaterThan(1);
});

test("any other failure is final", () => {
  fakeApt(1, "E: Unable to locate package nonsense");
  expect(() => aptGet(["install", "nonsense"], options)).toThrow("E: Unable to locate package nonsense");
  expect(calls()).toHaveLength(1);
  expect(said).toEqual([]);
});

test("a command that is not there is one sentence", () => {
  expect(() => aptGet(["update"], { ...options, prefix: [path.join(folder, "sudo")] })).toThrow(/ENOENT/);
  expect(existsSync(path.join(folder, "calls"))).toBe(false);
});
