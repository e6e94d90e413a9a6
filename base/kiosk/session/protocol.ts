import type { Readable, Writable } from "node:stream";

/** What the browser tells unasked: a method's name and its parameters, from the page `sessionId` if there is one. */
export interface Event {
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly sessionId?: string;
}

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Asked {
  readonly method: string;
  readonly done: (result: Record<string, unknown>) => void;
  readonly fail: (error: Error) => void;
}

/**
 * The Chrome DevTools Protocol over `--remote-debugging-pipe`: JSON messages, each ended by a NUL, that nobody
 * but the process which started the browser can send (https://chromedevtools.github.io/devtools-protocol/).
 */
export class Protocol {
  readonly #output: Writable;
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #ended: Error | undefined;

  /** `heard` gets every event, in order. */
  constructor(input: Readable, output: Writable, heard: (event: Event) => void) {
    this.#output = output;
    const parts: Buffer[] = [];
    input.on("data", (bytes: Buffer) => {
      let start = 0;
      for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
        parts.push(bytes.subarray(start, end));
        const message = Buffer.concat(parts.splice(0)).toString();
        start = end + 1;
        this.#take(JSON.parse(message) as Answer & Event, heard);
      }
      if (start < bytes.length) parts.push(bytes.subarray(start));
    });
    for (const stream of [input, output]) stream.on("error", (error: Error) => this.#end(error));
    input.on("close", () => this.#end(new Error("the browser has closed its pipe")));
  }

  /** Ask for something; throws what the browser answers in refusal, or that it has gone. */
  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#last;
    this.#output.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, fail) => this.#asked.set(id, { method, done, fail }));
  }

  #take(message: Answer & Event, heard: (event: Event) => void): void {
    if (message.id === undefined) return heard(message);
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (message.error) asked?.fail(new Error(`${asked.method}: ${message.error.message}`));
    else asked?.done(message.result ?? {});
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { fail } of this.#asked.values()) fail(this.#ended);
    this.#asked.clear();
  }
}
