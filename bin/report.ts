import { printable } from "./terminal.ts";

/** What came of looking at one thing after another: a line for each, ✓ or ✗ with what to do. */
export class Report {
  readonly #say: (line: string) => void;
  #wrong = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** How many things are wrong. */
  get wrong(): number {
    return this.#wrong;
  }

  /**
   * What `look` finds; when it throws, `what` is wrong, `advice` says what to do, and this resolves to
   * `undefined`.
   */
  async check<T>(what: string, advice: string, look: () => T | Promise<T>): Promise<T | undefined> {
    try {
      const found = await look();
      this.#say(plain(`✓ ${what}`));
      return found;
    } catch (error) {
      this.#wrong += 1;
      this.#say(plain(`✗ ${what}: ${reasonOf(error)}. ${advice}`));
      return undefined;
    }
  }

  /** Something cannot be looked at, since what came before it is wrong. */
  pass(what: string): void {
    this.#say(plain(`- ${what}`));
  }
}

/** An error's message, and that of what is behind it all. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  let { cause } = error;
  while (cause instanceof Error && cause.cause instanceof Error) ({ cause } = cause);
  const behind = cause instanceof Error && cause.message ? ` (${cause.message})` : "";
  return `${error.message.replace(/[.\s]*$/, "")}${behind}`;
}

/** Servers choose some of the words: one line, and not a long one. */
function plain(line: string): string {
  return printable(line.replace(/\s+/g, " ")).slice(0, 600);
}
