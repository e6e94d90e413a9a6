import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Manifest } from "../src/release/manifest.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { testKey } from "../src/testing/sign.ts";
import { testBase } from "../src/testing/test-base.ts";
import { readSeen, recordSeen, seenFile } from "./seen.ts";

const { manifest, image } = await testBase();
const channel = `test x86_64 ${testKey().id}`;
const sighting = { ...manifest, keyId: testKey().id };
const root = mkdtempSync(path.join(tmpdir(), "os-seen-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
let file = "";
let said: string[];
const warn = (text: string) => said.push(text);
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "state-"));
  file = seenFile({ XDG_STATE_HOME: folder });
  said = [];
});

test("is where XDG has such things; a relative path there is ignored, as the specification says", () => {
  const usual = path.join(homedir(), ".local/state/aesthetic-os/seen.json");
  expect(seenFile({})).toBe(usual);
  expect(seenFile({ XDG_STATE_HOME: "state" })).toBe(usual);
  expect(file).toBe(path.join(folder, "aesthetic-os/seen.json"));
});

test("the newest is remembered, for its owner alone, in a file that is replaced whole", async () => {
  expect(await readSeen(file, warn)).toEqual({});
  await recordSeen(file, sighting, warn);
  await recordSeen(file, { ...sighting, version: "2025.1.1" }, warn);
  expect(await readSeen(file, warn)).toEqual({ [channel]: manifest.version });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  expect(readdirSync(path.dirname(file))).toEqual(["seen.json"]);
  expect(said).toEqual([]);
});

test.each(["", "{", "[]", '{"kiosk x86_64": "1"}', `{"${channel}": "024"}`])(
  "%j is damaged: nothing is remembered, which is said, and it is written anew",
  async (text) => {
    mkdirSync(path.dirname(file));
    writeFileSync(file, text);
    expect(await readSeen(file, warn)).toEqual({});
    expect(said).toEqual([expect.stringContaining(`${file} is damaged`)]);
    await recordSeen(file, sighting, warn);
    expect(await readSeen(file, warn)).toEqual({ [channel]: manifest.version });
    expect(said).toHaveLength(1);
  },
);

test("where nothing can be kept nothing fails, and it is said", async () => {
  writeFileSync(path.dirname(file), "a file");
  expect(await readSeen(file, warn)).toEqual({});
  await recordSeen(file, sighting, warn);
  expect(said).toEqual([
    expect.stringMatching(/cannot be read \(part of its path is not a folder\)/),
    expect.stringMatching(/cannot be written \(/),
  ]);
});

test(
  "a build remembers, refuses what is older, and takes it by name, which it says",
  { timeout: 120_000 },
  async () => {
    let offered: Manifest = { ...manifest, version: "2026.1.10" };
    const of = ({ version, flavor, arch, created }: Manifest) => ({
      releases: [{ version, flavor, arch, created, manifest: "m/manifest.json" }],
    });
    await using server = await serve((request, response) => {
      const parts = {
        "/m/manifest.json": offered,
        "/m/base.img": image,
        "/pack-html": "<!doctype html><script>1</script>",
      };
      files({ ...parts, "/latest.json": of(offered) })(request, response);
    });
    const build = async (...more: string[]) => {
      const list = ["--manifest", `${server.url}/latest.json`, "--oven", server.url];
      const args = ["x", ...list, "--key", testKey().publicKey, "--out", "x.iso", ...more];
      const script = path.resolve(import.meta.dirname, "os.ts");
      const child = spawn(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), script, "build", ...args],
        {
          cwd: folder,
          env: { ...process.env, XDG_STATE_HOME: folder },
        },
      );
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      const [status] = (await once(child, "close")) as [number];
      return { status, stderr };
    };
    expect(await build()).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ [channel]: "2026.1.10" });
    offered = { ...manifest, version: "2026.1.9" };
    const refused = await build();
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(
      /^os: The base image offered, test 2026\.1\.9, is older than the 2026\.1\.10 .*: --version 2026\.1\.9\.\n$/,
    );
    expect(await build("--version", "2026.1.9")).toEqual({
      status: 0,
      stderr: "os: test 2026.1.9, asked for by name, is older than the 2026.1.10 seen here before\n",
    });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ [channel]: "2026.1.10" });
    expect((await build("--version", "024")).status).toBe(2);
  },
);
