import { existsSync } from "node:fs";

/** Debian's Chromium where there is one, or the one that CHROMIUM names; else Playwright's own is meant. */
export const chromiumPath =
  process.env["CHROMIUM"] ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : undefined);

/** What Chromium would do on its own account is left out: it is not what is tested. */
export const chromiumArgs = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
