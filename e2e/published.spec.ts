import { expect, says, test, type } from "./site.ts";

// In the build worker of a real page: from the oven's events, and from the page's own site.

test("a published piece and KidLisp are made ready, the same each time", async ({ page, site }) => {
  for (const piece of ["@os/hello", "$cow"]) {
    const promised = new Set<string | undefined>();
    for (let i = 0; i < 2; i++) {
      await page.goto(site.url);
      await type(page, `os ${piece}`);
      await expect.poll(() => says(page)).toContain("sha256");
      promised.add(/sha256 ((?:[0-9a-f]+ ?)+)/.exec(await says(page))?.[1]);
    }
    expect([...promised]).toEqual([expect.stringMatching(/^[0-9a-f]/)]); // the oven packs them anew, at another time
  }
});

test("a piece that nobody has published", async ({ page, site }) => {
  await page.goto(site.url);
  await type(page, "os @os/nothing");
  await expect.poll(() => says(page)).toContain("@os has published no piece called nothing");
});
