import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

interface Message {
  readonly QMP?: object;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** QEMU's monitor (QEMU Machine Protocol): one command at a time or several, answered in order. */
export class Qmp {
  readonly #waiting: Waiting[] = [];
  #ended: Error | undefined;
  #text = "";
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("QEMU closed its monitor")));
  }

  /** Connect to the Unix socket `path`, which QEMU makes when it starts. Throws `Error` when `signal` aborts. */
  static async connect(path: string, signal: AbortSignal): Promise<Qmp> {
    for (;;) {
      signal.throwIfAborted();
      const socket = await connected(path);
      if (socket) {
        const qmp = new Qmp(socket);
        await qmp.execute("qmp_capabilities");
        return qmp;
      }
      await delay(50);
    }
  }

  /** What QEMU answers. Throws `Error` with its words when it refuses, or is gone. */
  async execute(command: string, args: object = {}): Promise<unknown> {
    if (this.#ended) throw this.#ended;
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(JSON.stringify({ execute: command, arguments: args }));
    });
  }

  /** End the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const lines = (this.#text += chunk).split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) {
      const message: Message = JSON.parse(line);
      if (message.QMP !== undefined || message.event !== undefined) continue; // the greeting, or news
      const next = this.#waiting.shift();
      if (message.error) next?.reject(new Error(`QEMU: ${message.error.desc}`));
      else next?.resolve(message.return);
    }
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}

async function connected(path: string): Promise<Socket | undefined> {
  const socket = createConnection(path);
  return await new Promise((done) => {
    socket.once("connect", () => done(socket));
    socket.once("error", () => done(undefined)); // not there yet
  });
}
