import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { files, serve } from "../testing/range-server.ts";
import { testKey } from "../testing/sign.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import { STANDSTILL_MS } from "../time/run-clock.ts";

const root = path.resolve(import.meta.dirname, "../..");
const PATIENCE_SECONDS = 10;

test("a build that is stopped for longer than its patience goes on", { timeout: 120_000 }, async () => {
  const { image, manifest } = await testBase();
  const good = files({ "/manifest.json": manifest, "/base.img": image });
  let isBusy = true;
  const asked: string[] = []; // ranges of the image
  const askedAgain = () => asked.length - new Set(asked).size;
  await using server = await serve((request, response) => {
    if (request.url === "/base.img") asked.push(request.headers.range ?? "");
    if (request.url === "/base.img" && isBusy) response.writeHead(503).end();
    else good(request, response);
  });
  const folder = mkdtempSync(path.join(tmpdir(), "os-standstill-"));
  const [bundle, out] = ["piece.html", "os.img"].map((name) => path.join(folder, name)) as [string, string];
  writeFileSync(bundle, "<!doctype html><script>draw()</script>");
  const [manifestUrl, key] = [`${server.url}/manifest.json`, testKey().publicKey];
  const options = ["--manifest", manifestUrl, "--key", key, "--bundle", bundle, "--out", out];
  const args = ["bin/os.ts", "build", "notepat", ...options, "--patience", String(PATIENCE_SECONDS)];
  const build = spawn(process.execPath, ["--import", "tsx", ...args], { cwd: root });
  let said = "";
  build.stdout.on("data", (text: Buffer) => (said += text.toString()));
  build.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const exited = once(build, "exit");
  try {
    await expect.poll(askedAgain, { timeout: 60_000 }).toBeGreaterThan(0);
    build.kill("SIGSTOP");
    await delay(STANDSTILL_MS + 2000); // what this is about: longer than its patience
    build.kill("SIGCONT");
    asked.length = 0;
    await expect.poll(askedAgain, { timeout: 20_000 }).toBeGreaterThan(0); // having taken another no for an answer
    isBusy = false;
    expect(await exited, said).toEqual([0, null]);
    expect(said).toContain(sha256Of(new Uint8Array(readFileSync(out))));
  } finally {
    build.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
