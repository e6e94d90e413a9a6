import { appendFile, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { inUse, type Sense } from "./in-use.ts";

/** How often it is looked for what is in use. */
const LOOK_MS = 500;

/** What stands in the light, in Pango's markup: on a ground of its own, so that no piece can be of its colours. */
export function lightText(senses: readonly Sense[]): string {
  if (senses.length === 0) return "";
  return `<span background="#000000" foreground="#ffffff"> <span foreground="#ff5c5c">●</span> ${senses.join(" and ")} on </span>`;
}

/** A light, and how it reaches the screen. */
interface LightOptions {
  /** The file that the bar in the compositor's configuration follows, line by line. */
  readonly file: string;
  /** Show the bar, or take it away. */
  readonly show: (visible: boolean) => Promise<void>;
  readonly signal: AbortSignal;
  /** What is in use now. */
  readonly look?: () => readonly Sense[];
}

/**
 * Keep a light on the screen while a camera or a microphone is in use, until `signal`. Rejects when that cannot be done: a
 * session that may use them does not go on without.
 */
export async function keepLight({ file, show, signal, look = inUse }: LightOptions): Promise<void> {
  let shown = "";
  while (!signal.aborted) {
    const text = lightText(look());
    if (text !== shown) {
      await appendFile(file, `${text}\n`);
      await show(text !== "");
      shown = text;
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

/** Make the file that a light is written to, before what follows it is started. */
export async function prepareLight(file: string): Promise<void> {
  await writeFile(file, "\n");
}
