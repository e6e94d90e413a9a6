import type { Page } from "./page-server.ts";
import { PROBLEMS, type ProblemCode } from "./problem.ts";

const EMPTY = [
  "No piece yet",
  "This stick starts fine, and holds no piece.",
  "On another computer open <b>aesthetic.computer</b>, type <b>os notepat</b> (or the piece of your choice), and write the file you get to this stick.",
];

const GONE = [
  "The piece is gone",
  "This stick starts fine; the piece that it is to start is not on it any more.",
  "Plug it into another computer, and put the piece on it again.",
];

const damaged = (reason: string) => [
  "The piece is damaged",
  "This stick starts fine, but its piece is not as it was when it was made. Perhaps the stick was pulled out too early.",
  "Write the downloaded file to it again, or put the piece on it again. If this comes back, use another stick.",
  `<small>(${reason})</small>`,
];

/** A calm page for a stick without a piece: what happened and what to do. */
export function problemPage(code: ProblemCode): Page {
  const pages: Partial<Record<ProblemCode, readonly string[]>> = {
    "no-filesystem": EMPTY,
    "no-folder": GONE,
  };
  return calmPage(pages[code] ?? damaged(PROBLEMS[code]));
}

/** A calm page for a piece, called `name`, that is whole and does not run, and why; with others there is a menu. */
export function notRunningPage(name: string, reason: string, hasMenu = false): Page {
  return calmPage([
    `${escaped(name)} does not run`,
    "This stick and its piece are as they were made, and the piece has not started.",
    `Press Escape to ${hasMenu ? "choose another piece" : "try again"}. If this comes back, try the piece on <b>aesthetic.computer</b>: what needs the network, or another piece, does not run from a stick.`,
    `<small>(${escaped(reason)})</small>`,
  ]);
}

/** Text, from a piece that anybody may have written, as HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Both in HTML: a title and what is under it. */
function calmPage([title, ...paragraphs]: readonly string[]): Page {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<style>
  html { background: #000; color: #d8dce8; font: 2.4vmin/1.6 "DejaVu Sans", sans-serif; cursor: none }
  body { margin: 20vmin auto; max-width: 88vmin }
  h1 { font-size: 5vmin; font-weight: normal }
  b { color: #fff; font-weight: normal }
  small { opacity: 0.6 }
</style>
<h1>${title}</h1>
${paragraphs.map((text) => `<p>${text}</p>`).join("\n")}
<p>Press the power button to switch off.</p>
`;
  return { type: "text/html; charset=utf-8", body };
}
