import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Hold } from "../control/hold.ts";
import type { Answer, Request } from "../control/request.ts";

/** After root's watcher has gone, it is asked for again. */
const AGAIN_MS = 5000;

/** Asks root, by the socket of kiosk-control@.service: it runs as long as this is connected. */
export class RootClient {
  readonly #path: string;
  #socket: Socket | undefined;
  #waiting: ((answer: Answer) => void)[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** What root answers; "failed" when it is not there. Never rejects. */
  async ask(request: Request): Promise<Answer> {
    this.#socket ??= this.#connect();
    const socket = this.#socket;
    return await new Promise((resolve) => {
      this.#waiting.push(resolve);
      socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Let it end; what has been asked for is answered by "failed". */
  close(): void {
    this.#socket?.destroy();
    this.#gone();
  }

  #connect(): Socket {
    const socket = createConnection(this.#path);
    void (async () => {
      for await (const line of linesOf(socket)) this.#waiting.shift()?.(JSON.parse(line) as Answer);
    })()
      .catch(() => {}) // it is not there, or has ended
      .finally(() => (this.#socket === socket ? this.#gone() : undefined));
    return socket;
  }

  #gone(): void {
    this.#socket = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve({ ok: false, why: "failed" });
  }
}

/** Call `onHold` with whatever kiosk-hold@.service notices, for ever; a machine without it has no such page. */
export async function followHolds(path: string, onHold: (hold: Hold) => void): Promise<never> {
  for (;;) {
    try {
      for await (const line of linesOf(createConnection(path))) onHold(line as Hold);
    } catch {
      // it is not there, or has ended
    }
    await delay(AGAIN_MS, undefined, { ref: false });
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of socket.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
