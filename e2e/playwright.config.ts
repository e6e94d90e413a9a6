import { defineConfig } from "playwright/test";
import { chromiumArgs, chromiumPath } from "../src/testing/chromium.ts";

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
      executablePath: chromiumPath,
      args: chromiumArgs,
    },
  },
});
