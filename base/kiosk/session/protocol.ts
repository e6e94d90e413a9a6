import type { Readable, Writable } from "node:stream";

/** A notification of the browser's: a method's name and its parameters, from the page `sessionId` if there is one. */
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

interface Pending {
  readonly method: string;
  readonly resolve: (result: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The Chrome DevTools Protocol over `--remote-debugging-pipe`: JSON messages, each ended by a NUL, that nobody
 * but the process which started the browser can send (https://chromedevtools.github.io/devtools-protocol/).
 */
export class Protocol {
  readonly #output: Writable;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Error | undefined;

  /** `onEvent` is called for every event, in order. */
  constructor(input: Readable, output: Writable, onEvent: (event: Event) => void) {
    this.#output = output;
    const parts: Buffer[] = [];
    input.on("data", (bytes: Buffer) => {
      let start = 0;
      for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
        parts.push(bytes.subarray(start, end));
        const message = Buffer.concat(parts.splice(0)).toString();
        start = end + 1;
        this.#take(JSON.parse(message) as Answer & Event, onEvent);
      }
      if (start < bytes.length) parts.push(bytes.subarray(start));
    });
    for (const stream of [input, output]) stream.on("error", (error: Error) => this.#end(error));
    input.on("close", () => this.#end(new Error("the browser has closed its pipe")));
  }

  /** Call a method; the result. Throws `Error` when the browser refuses, or has closed its pipe. */
  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    this.#output.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#pending.set(id, { method, resolve, reject }));
  }

  #take(message: Answer & Event, onEvent: (event: Event) => void): void {
    if (message.id === undefined) return onEvent(message);
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.error) pending?.reject(new Error(`${pending.method}: ${message.error.message}`));
    else pending?.resolve(message.result ?? {});
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
