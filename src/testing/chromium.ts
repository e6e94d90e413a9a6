import { existsSync } from "node:fs";
import { chromium } from "playwright";

const debians = "/usr/bin/chromium";

/**
 * Where the Chromium is that everything here runs, tests and measurements alike: the one that CHROMIUM names, else
 * Debian's, else Playwright's own, which `npm test` installs where there is no Debian's (Ubuntu has only a snap).
 */
export const chromiumPath = chooseChromium(process.env, existsSync(debians), chromium.executablePath());

/** The rule for `chromiumPath`; an empty CHROMIUM counts as none. */
export function chooseChromium(
  environment: { readonly CHROMIUM?: string | undefined },
  hasDebians: boolean,
  playwrights: string,
): string {
  return environment.CHROMIUM || (hasDebians ? debians : playwrights);
}

/** Keeps Chromium from doing things on its own account that nobody here tests. */
export const chromiumArgs = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
