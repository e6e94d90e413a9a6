/** Lengths from which on it is said how far a transfer is: what is shorter is there at once. */
const LONG = 1_000_000;

/** Lines about one computer in a minute: a start takes some twelve. */
const MOST_LINES = 60;

/**
 * Says lines about computers, each by its address, and of none so many that the others' are lost among them. `now` is in
 * milliseconds.
 */
export function limited(
  say: (line: string) => void,
  now: () => number = () => performance.now(),
): (client: string, words: string) => void {
  const counts = new Map<string, number>();
  let since = now();
  return (client, words) => {
    if (now() - since >= 60_000) {
      counts.clear();
      since = now();
    }
    const count = (counts.get(client) ?? 0) + 1;
    counts.set(client, count);
    if (count < MOST_LINES) say(`${client} ${words}`);
    else if (count === MOST_LINES)
      say(`${client} asks for so much that no more of it is said in this minute`);
  };
}

/** One transfer to one computer. */
export interface Transfer {
  /** So many bytes more have been sent. */
  sent(bytes: number): void;
  /** It has ended, and all was sent or not. */
  ended(): void;
}

/**
 * Lines that say who fetches what, and how far each is: when it begins, at each quarter, and when it ends. `now` is in
 * milliseconds.
 */
export class Transfers {
  readonly #say: (client: string, words: string) => void;
  readonly #now: () => number;
  readonly #running = new Set<string>();
  #count = 0;

  constructor(say: (client: string, words: string) => void, now: () => number = () => performance.now()) {
    this.#say = say;
    this.#now = now;
  }

  /** The computers that have begun something long and have not all of it, each once. */
  get unfinished(): string[] {
    return [...new Set([...this.#running].map((key) => key.split(" ")[0]!))];
  }

  /** `client` begins to fetch `length` bytes of `name`. */
  begin(client: string, name: string, length: number): Transfer {
    const isLong = length >= LONG;
    const key = `${client} ${++this.#count}`;
    const startedAt = this.#now();
    let sent = 0;
    let quarters = 0;
    if (isLong) this.#running.add(key);
    this.#say(client, `${isLong ? "begins" : "fetches"} ${name}${isLong ? `, ${mb(length)} MB` : ""}`);
    return {
      sent: (bytes) => {
        sent += bytes;
        const passed = Math.floor((sent / length) * 4);
        if (!isLong || passed <= quarters || passed >= 4) return;
        quarters = passed;
        this.#say(client, `has ${passed * 25} % of ${name}`);
      },
      ended: () => {
        this.#running.delete(key);
        const seconds = Math.max(0.1, (this.#now() - startedAt) / 1000);
        if (sent < length) this.#say(client, `broke off ${name} at ${mb(sent)} of ${mb(length)} MB`);
        else if (isLong) {
          const rate = (length / 1e6 / seconds).toFixed(1);
          this.#say(client, `has all of ${name}: ${mb(length)} MB in ${seconds.toFixed(1)} s, ${rate} MB/s`);
        }
      },
    };
  }
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
