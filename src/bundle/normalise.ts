import { type AcPage, type Line, PACK_TIME, replaceLines } from "./ac-page.ts";

/** The time of packing in a KidLisp bundle's own name: `$cow-jas-2026.11.27.3.4.5.678.lisp.html`. */
const FILE_TIME = /-\d{4}(?:\.\d{1,2}){5}\.\d{3}\.lisp\.html'/;

/**
 * A bundle of AC's as if it had been packed at `time`. The oven writes the time of asking into each, so no two are
 * alike; with the time of the base image in its place the same piece on the same base gives the same image. Four things
 * carry it: `acPACK_DATE`, `packTime` in the colophon, there the file's name in KidLisp bundles, and the picture that
 * the page hides at once, which goes. What AC itself is packed (`acPACK_GIT`, the files) stays.
 */
export function normalise(page: AcPage, time: Date): string {
  const { html, lines, boxArt } = page;
  const build = html.slice(lines.build.start, lines.build.end);
  const replaced = new Map<Line, string>([
    [lines.date, `window.acPACK_DATE = ${JSON.stringify(dateText(time))};`],
    [
      lines.build,
      build
        .replace(PACK_TIME, `packTime: ${time.getTime()},`)
        .replace(FILE_TIME, () => `-${fileTime(time)}.lisp.html'`),
    ],
  ]);
  if (boxArt) replaced.set(boxArt, "");
  return replaceLines(page, replaced);
}

const MONTHS = "January February March April May June July August September October November December";

/** As AC writes it, in UTC; not by `Intl`, whose spaces differ from one browser to the next. */
function dateText(time: Date): string {
  const month = MONTHS.split(" ")[time.getUTCMonth()];
  const hours = time.getUTCHours();
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = `${hours % 12 || 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  return `${month} ${time.getUTCDate()}, ${time.getUTCFullYear()} at ${clock} ${hours < 12 ? "AM" : "PM"} UTC`;
}

function fileTime(time: Date): string {
  const [year, month, ...rest] = [time.getUTCFullYear(), time.getUTCMonth() + 1, time.getUTCDate()];
  const clock = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()];
  return [year, month, ...rest, ...clock, String(time.getUTCMilliseconds()).padStart(3, "0")].join(".");
}
