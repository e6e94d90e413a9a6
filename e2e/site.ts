import { expect, test as plain, type Download, type Page } from "playwright/test";
import { buildOs, start } from "../dev/start.ts";

/** The stage with its servers, as `npm start` runs them, on free ports; URLs without a slash at the end. */
export interface Site {
  readonly url: string;
  readonly oven: string;
}

/** Playwright's test, with `site` started once for all tests of a worker. */
export const test = plain.extend<object, { site: Site }>({
  site: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of fixtures from it
    async ({}, use: (site: Site) => Promise<void>) => {
      await buildOs();
      const site = await start();
      await use(site);
      await site.close();
    },
    { scope: "worker" },
  ],
});

export { expect };

/** Where a build gets its parts, instead of the site's own servers. */
export async function configure(
  page: Page,
  config: { latest: string; oven: string; keys?: string[] },
): Promise<void> {
  await page.route("**/aesthetic.computer/os/config.json", (route) => route.fulfill({ json: config }));
}

/** Type a line at the stage's prompt, once it shows. */
export async function type(page: Page, line: string): Promise<void> {
  await expect.poll(() => says(page)).toContain("Type a piece");
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
}

/** All that the canvas says, in one line. */
export async function says(page: Page): Promise<string> {
  return await page.evaluate(() => {
    const { stage } = window as unknown as { stage?: { text(): string[] } };
    return stage?.text().join(" ") ?? "";
  });
}

/** Downloads as they begin, from now on. */
export function downloads(page: Page): Download[] {
  const all: Download[] = [];
  page.on("download", (download) => all.push(download));
  return all;
}
