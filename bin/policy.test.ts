import { expect, test } from "vitest";
import { Policies, type Directive } from "./policy.ts";

const SITE = "https://ac.test/os:notepat";
const OURS = "https://ac.test/aesthetic.computer/os/page.js";
const CDN = "https://cdn.test/os/latest.json";

test.each<[string, Directive, string, boolean]>([
  ["", "script-src", OURS, true],
  ["img-src 'none'", "script-src", OURS, true],
  ["script-src 'self'", "script-src", OURS, true],
  ["script-src 'none'", "script-src", OURS, false],
  ["script-src", "script-src", OURS, false],
  ["default-src 'none'", "script-src", OURS, false],
  ["default-src 'none'; script-src 'self'", "script-src", OURS, true],
  ["script-src 'none'; script-src-elem 'self'", "script-src", OURS, true],
  ["script-src 'nonce-abc' 'strict-dynamic'", "script-src", OURS, true],
  ["script-src 'nonce-abc'", "script-src", OURS, false],
  ["SCRIPT-SRC 'SELF'", "script-src", OURS, true],
  ["script-src 'none'; script-src 'self'", "script-src", OURS, false],
  ["script-src 'self', script-src 'none'", "script-src", OURS, false],
  ["script-src ac.test/aesthetic.computer/", "script-src", OURS, true],
  ["script-src ac.test/aesthetic.computer/os/page.js", "script-src", OURS, true],
  ["script-src ac.test/other/", "script-src", OURS, false],
  ["script-src 'self'", "worker-src", OURS, true],
  ["script-src 'self'; child-src 'none'", "worker-src", OURS, false],
  ["script-src 'none'; worker-src 'self'", "worker-src", OURS, true],
  ["child-src 'none'", "frame-src", OURS, false],
  ["frame-src 'self'", "frame-src", "blob:https://ac.test/1", false],
  ["frame-src 'self' blob:", "frame-src", "blob:https://ac.test/1", true],
  ["connect-src 'self'", "connect-src", CDN, false],
  ["connect-src 'self' https://cdn.test", "connect-src", CDN, true],
  ["connect-src cdn.test", "connect-src", CDN, true],
  ["connect-src http://cdn.test", "connect-src", CDN, true],
  ["connect-src *.test", "connect-src", CDN, true],
  ["connect-src *.cdn.test", "connect-src", CDN, false],
  ["connect-src https:", "connect-src", CDN, true],
  ["connect-src wss:", "connect-src", CDN, false],
  ["connect-src *", "connect-src", CDN, true],
  ["connect-src cdn.test:8443", "connect-src", CDN, false],
  ["connect-src cdn.test:*", "connect-src", "https://cdn.test:8443/", true],
  ["connect-src cdn.test", "connect-src", "https://cdn.test:8443/", false],
])("with %s, %s %s: %s", (header, directive, url, allowed) => {
  expect(new Policies(header, SITE).forbids(directive, url) === undefined).toBe(allowed);
});

test("says which directive forbids, as it is written", () => {
  const policies = new Policies("default-src 'self' https://a.test; img-src *", SITE);
  expect(policies.forbids("connect-src", CDN)).toBe("default-src 'self' https://a.test");
});

test("a page's own meta element counts too", () => {
  const page = `<!doctype html><meta http-equiv="Content-Security-Policy" content="script-src 'none'">`;
  expect(new Policies(null, SITE, page).forbids("script-src", OURS)).toBe("script-src 'none'");
  expect(new Policies("script-src 'self'", SITE, page).forbids("script-src", OURS)).toBe("script-src 'none'");
});

test.each([
  [null, undefined],
  ["script-src 'self'", "script-src 'self'"],
  ["script-src 'self' 'wasm-unsafe-eval'", undefined],
  ["default-src 'self' 'unsafe-eval'", undefined],
])("WebAssembly with %s", (header, forbidden) => {
  expect(new Policies(header, SITE).forbidsWebAssembly()).toBe(forbidden);
});

test.each([
  [null, undefined],
  ["script-src 'self' 'unsafe-inline'", undefined],
  ["script-src 'self'", "script-src 'self'"],
  ["script-src 'unsafe-inline' 'nonce-abc'", "script-src 'unsafe-inline' 'nonce-abc'"],
])("inline scripts with %s", (header, forbidden) => {
  expect(new Policies(header, SITE).forbidsInlineScripts()).toBe(forbidden);
});
