import { expect, test } from "vitest";
import { suggestedArch, systemOf } from "./system.ts";

test.each([
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "windows"],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
    "mac",
  ],
  ["Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "chromeos"],
  ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "linux"],
  ["Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36", undefined],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1", undefined],
])("%s", (userAgent, system) => {
  expect(systemOf({ userAgent })).toBe(system);
});

const LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"; // also on ARM
const MAC =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36";
const hints = (architecture: string) => ({ getHighEntropyValues: async () => ({ architecture }) });
test.each<[string, Parameters<typeof suggestedArch>[0], string | undefined]>([
  ["Chromium on a Raspberry Pi", { userAgent: LINUX, userAgentData: hints("arm") }, "aarch64"],
  [
    "Chromium on a PC",
    { userAgent: LINUX, userAgentData: hints("x86"), platform: "Linux x86_64" },
    undefined,
  ],
  [
    "one that does not say",
    { userAgent: LINUX, userAgentData: hints(""), platform: "Linux aarch64" },
    "aarch64",
  ],
  [
    "one that refuses to",
    {
      userAgent: LINUX,
      userAgentData: { getHighEntropyValues: async () => await Promise.reject(new Error("not allowed")) },
    },
    undefined,
  ],
  [
    "Firefox on a Raspberry Pi",
    { userAgent: "Mozilla/5.0 (X11; Linux aarch64; rv:153.0)", platform: "Linux aarch64" },
    "aarch64",
  ],
  [
    "Firefox of 32 bits there",
    { userAgent: "Mozilla/5.0 (X11; Linux armv7l; rv:153.0)", platform: "Linux armv7l" },
    "aarch64",
  ],
  [
    "a PC with Windows and ARM",
    { userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", userAgentData: hints("arm") },
    "aarch64",
  ],
  [
    "a Mac, which starts no image of ours",
    { userAgent: MAC, userAgentData: hints("arm"), platform: "MacIntel" },
    undefined,
  ],
  ["a phone", { userAgent: "Mozilla/5.0 (Linux; Android 10; K)", platform: "Linux armv8l" }, undefined],
])("%s: an image is suggested for it", async (_, told, arch) => {
  expect(await suggestedArch(told)).toBe(arch);
});
