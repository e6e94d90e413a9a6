import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { formatList } from "../../src/release/latest.ts";
import { testBase } from "../../src/testing/test-base.ts";
import { run } from "../../src/testing/tools.ts";

const folder = mkdtempSync(join(tmpdir(), "sign-"));
const path = join(folder, "manifest.json");
writeFileSync(path, JSON.stringify((await testBase()).manifest, null, 2) + "\n");
afterAll(() => rmSync(folder, { recursive: true }));

test("a key for development, then another key, and back: each signs anew, without a trace of the secret", () => {
  expect(sign({})).toMatchObject({ status: 0, stdout: "", stderr: "" });
  const development = verified("development.pub");
  expect(statSync(join(folder, "keys/development.key")).mode & 0o777).toBe(0o600);

  run("minisign", "-GW", "-p", join(folder, "x.pub"), "-s", join(folder, "x.key"));
  const secret = readFileSync(join(folder, "x.key"), "utf8");
  expect(sign({ OS_SIGNING_KEY: secret })).toMatchObject({ status: 0, stdout: "", stderr: "" });
  const other = verified("signing.pub");
  expect(other).not.toBe(development);
  expect(sign({ OS_SIGNING_KEY_FILE: join(folder, "x.key") }).status).toBe(0);
  expect(verified("signing.pub")).toBe(other);
  expect(sign({}).status).toBe(0);
  expect(verified("development.pub")).toBe(development);
  expect(readdirSync(join(folder, "keys"))).toEqual(["development.key", "development.pub", "signing.pub"]);
});

test("a list is signed as one, and says until when it holds", () => {
  const list = join(folder, "list.json");
  writeFileSync(list, formatList({ format: 1, until: "2026-12-20T00:00:00.000Z", releases: [] }));
  expect(sign({}, list)).toMatchObject({ status: 0, stderr: "" });
  expect(run("minisign", "-VQ", "-p", join(folder, "keys/development.pub"), "-m", list)).toBe(
    "latest.json until 2026-12-20T00:00:00.000Z\n",
  );
});

test.each([
  [{ OS_SIGNING_KEY: "" }, /OS_SIGNING_KEY is empty/],
  [{ OS_SIGNING_KEY: "not-a-key" }, /minisign cannot use the key in OS_SIGNING_KEY/],
  [{ OS_SIGNING_KEY_FILE: "/nowhere" }, /names "\/nowhere"/],
])("%j is refused", (env, message) => {
  const result = sign(env);
  expect(result.status).toBe(1);
  expect(result.stderr).toMatch(message);
  expect(result.stderr).not.toContain("not-a-key");
});

function sign(env: Record<string, string>, file = path) {
  const clean = { ...process.env, BASE_OUT: folder };
  return spawnSync(join(import.meta.dirname, "steps/sign.sh"), ["tiny", file], {
    env: { ...clean, ...env },
    encoding: "utf8",
  });
}

function verified(pub: string): string {
  expect(run("minisign", "-VQ", "-p", join(folder, "keys", pub), "-m", path)).toBe(
    "test-os test 2026.1.1 x86_64\n",
  );
  return readFileSync(`${path}.minisig`, "utf8");
}
