import { expect, test as plain, type Download, type Page } from "playwright/test";
import { buildOs, start } from "../dev/start.ts";
import { testKey } from "../src/testing/sign.ts";

/** What the canvas says when a build is ready to be started. */
export const READY = /download (?:nothing|[\d.,]+ )/;

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

/** Where a build gets its parts, instead of the site's own servers, signed by the key for tests. */
export async function configure(
  page: Page,
  config: { latest: string; oven: string; keys?: string[]; giveUpAfterSeconds?: number },
): Promise<void> {
  const json = { keys: [testKey().publicKey], ...config };
  await page.route("**/aesthetic.computer/os/config.json", (route) => route.fulfill({ json }));
}

const starts = new WeakMap<Page, number>();

/** Wait until the build is ready, and start it; of several that wait on a page, the last one does. */
export async function startBuild(page: Page): Promise<void> {
  const mine = (starts.get(page) ?? 0) + 1;
  starts.set(page, mine);
  await expect
    .poll(async () => starts.get(page) !== mine || READY.test(await says(page)), { timeout: 30_000 })
    .toBe(true);
  if (starts.get(page) === mine) await page.keyboard.press("s");
}

/** Stop a build, as a person has to: they are asked whether they mean it. */
export async function cancel(page: Page): Promise<void> {
  await page.keyboard.press("c");
  await expect.poll(() => says(page)).toMatch(/stop and throw away|was cancelled/); // nothing saved, nothing asked
  await page.keyboard.press("y");
}

/** The files in the page's private storage (OPFS), with their sizes. */
export async function stored(page: Page): Promise<Record<string, number>> {
  return await page.evaluate(async () => {
    const found: Record<string, number> = {};
    const walk = async (folder: FileSystemDirectoryHandle) => {
      for await (const entry of folder.values()) {
        if (entry.kind === "directory") await walk(entry);
        else found[entry.name] = (await entry.getFile()).size;
      }
    };
    await walk(await navigator.storage.getDirectory());
    return found;
  });
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
