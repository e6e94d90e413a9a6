import { createInterface } from "node:readline";
import { systemReason } from "./reason.ts";

/**
 * What a terminal may be shown: `text` with a `?` for each character that it would obey instead of show. Those are the
 * controls (C0, DEL, C1, and so ESC and line breaks), what reorders text (U+202A to U+202E, U+2066 to U+2069) or cannot
 * be seen, U+2028 and U+2029, and lone surrogates. The joiners U+200C and U+200D stay: names in Persian and emoji need
 * them.
 */
export function printable(text: string): string {
  return text.replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "?");
}

/** Whether the line at the terminal says how far we are, and belongs to whatever is said next. */
let showing = false;

/** One line on standard output. */
export function print(line: string): void {
  showProgress("");
  process.stdout.write(`${printable(line)}\n`);
}

/** One line on standard error. */
export function printError(line: string): void {
  showProgress("");
  process.stderr.write(`${printable(line)}\n`);
}

/** Show somebody who waits at a terminal how far it is, in place of what was shown before; "" takes it away. */
export function showProgress(text: string): void {
  if (!process.stderr.isTTY || (text === "" && !showing)) return;
  process.stderr.write(`\r\x1b[K${printable(text)}`);
  showing = text !== "";
}

/** What somebody at the terminal answers, "" at the end of input; `undefined` where there is no terminal to ask at. */
export async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  showProgress("");
  process.stderr.write(printable(question));
  const lines = createInterface({ input: process.stdin, terminal: false }); // so Ctrl-C stays a signal
  for await (const line of lines) return line.trim();
  return "";
}

/**
 * End as tools do when standard output takes no more: quietly, with the code that a shell gives SIGPIPE, when its reader
 * has had enough; with a sentence when it cannot be written. That standard error is gone is no reason to end.
 */
export function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(141);
    printError(`os: Standard output cannot be written: ${systemReason(error)}`);
    process.exit(1);
  });
  process.stderr.on("error", () => {});
}
