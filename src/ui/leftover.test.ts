import { expect, test } from "vitest";
import { leftover } from "./leftover.ts";

const chromium =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const safari =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";

test.each([
  ["Chromium removes what it had", chromium, /^$/],
  ["Edge is a Chromium", `${chromium} Edg/156.0.0.0`, /^$/],
  ["Firefox leaves the name and a .part file", firefox, /^Delete notepat-os\.iso .*\.part file/],
  [
    "Safari leaves a part under the name",
    safari,
    /^Delete notepat-os\.iso in your downloads: it is not whole\.$/,
  ],
  ["nothing is said of others", "curl/8.14", /^$/],
])("%s", (_, userAgent, sentence) => {
  expect(leftover("notepat-os.iso", userAgent)).toMatch(sentence);
});
