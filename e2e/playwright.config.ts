import { existsSync } from "node:fs";
import { defineConfig } from "playwright/test";

// Debian's Chromium where there is one, Playwright's own elsewhere, or the one that CHROMIUM names.
const chromium =
  process.env["CHROMIUM"] ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : undefined);

export default defineConfig({
  testDir: ".",
  outputDir: "out",
  reporter: [["list"]],
  workers: 1, // two cores, and timings that people would see
  timeout: 120_000,
  forbidOnly: true,
  use: {
    browserName: "chromium",
    viewport: { width: 960, height: 600 },
    screenshot: "only-on-failure",
    launchOptions: {
      ...(chromium ? { executablePath: chromium } : {}),
      args: [
        "--no-sandbox",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
});
