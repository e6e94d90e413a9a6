import { afterEach, beforeEach, expect, test } from "vitest";
import type { KeptRelease } from "../cache/opfs.ts";
import { DEFAULT_RETRY, RetryPolicy } from "../fetch/retry.ts";
import type { BuildRequest } from "./api.ts";
import { WINDOW, type Manifest } from "../release/manifest.ts";
import { files, serve, type TestServer } from "../testing/range-server.ts";
import { signManifest, testKey } from "../testing/sign.ts";
import { testBase } from "../testing/test-base.ts";
import { chooseRelease } from "./choose-release.ts";

const { manifest } = await testBase();
const NEEDED = 3 * WINDOW; // of the test base: all but the last window, which is made, and those of zeros
let server: TestServer;
let isDown: boolean;
let isPortal: boolean;
const retry = new RetryPolicy({
  ...DEFAULT_RETRY,
  firstWaitMs: 1,
  longestWaitMs: 1,
  giveUpAfterMs: 20,
  signInMs: 600_000,
});

beforeEach(async () => {
  isDown = isPortal = false;
  const good = files({ "/manifest.json": manifest });
  server = await serve((request, response) => {
    if (isDown) request.socket.destroy();
    else if (isPortal) response.end("<html>");
    else good(request, response);
  });
});
afterEach(() => server[Symbol.asyncDispose]());

function kept(change: Partial<Manifest> = {}, size = NEEDED, key = testKey()): KeptRelease {
  const text = JSON.stringify({ ...manifest, ...change });
  return {
    folder: "",
    bytes: new TextEncoder().encode(text),
    signature: signManifest(JSON.parse(text) as Manifest, key),
    size,
  };
}

async function versionOf(here: KeptRelease[], options: Partial<BuildRequest> = {}): Promise<string> {
  const request = { pieces: ["x"], manifest: `${server.url}/manifest.json`, oven: "", keep: true };
  const keys = [testKey().publicKey];
  const found = await chooseRelease(
    { ...request, keys, ...options },
    retry,
    new AbortController().signal,
    async () => here,
  );
  return found.manifest.version;
}

const older = kept({ version: "2025.1.1", created: "2025-01-01T00:00:00Z" });
const oldest = kept({ version: "2024.1.1", created: "2024-01-01T00:00:00Z" });

test("the newest is taken when its server answers, whatever is kept", async () => {
  expect(await versionOf([older])).toBe(manifest.version);
  expect(await versionOf([])).toBe(manifest.version);
});

test("what is kept is taken when no server answers, the newest first", async () => {
  isDown = true;
  expect(await versionOf([oldest, older])).toBe("2025.1.1");
  expect(server.requests.length).toBeGreaterThan(0);
});

test("what is kept is taken when the network asks to sign in, and nobody waits for that", async () => {
  isPortal = true;
  expect(await versionOf([older])).toBe("2025.1.1");
});

test.each<[string, KeptRelease, Partial<BuildRequest>]>([
  ["is not all here", kept({}, NEEDED - 1), {}],
  ["is of another flavor", kept({ flavor: "other" }), { flavor: "test" }],
  ["is signed by a key that is not ours", kept({}, NEEDED, testKey(2)), {}],
  ["is older than one seen", older, { seen: { [`test x86_64 ${testKey().id}`]: "2026.1.1" } }],
])("what is kept is not taken when it %s", async (_, release, options) => {
  isDown = true;
  await expect(versionOf([release], options)).rejects.toMatchObject({ name: "ConnectionError" });
});

test("a release that is not ours is an error, whatever is kept", async () => {
  const other = testKey(2);
  const options = { keys: [other.publicKey] };
  await expect(versionOf([kept({}, NEEDED, other)], options)).rejects.toMatchObject({
    name: "SignatureError",
  });
});

test("without a list nothing is taken but what is kept for the architecture that is suggested, or asked for", async () => {
  const arm = kept({ version: "2026.1.5", arch: "aarch64" });
  const pc = kept({ version: "2026.1.4" });
  isDown = true;
  expect(await versionOf([pc, arm])).toBe("2026.1.4");
  expect(await versionOf([pc, arm], { suggested: "aarch64" })).toBe("2026.1.5");
  await expect(versionOf([pc], { suggested: "aarch64" })).rejects.toMatchObject({ name: "ConnectionError" });
  expect(await versionOf([pc, arm], { suggested: "aarch64", arch: "x86_64" })).toBe("2026.1.4");
  await expect(versionOf([pc], { arch: "aarch64" })).rejects.toMatchObject({ name: "ConnectionError" });
});
