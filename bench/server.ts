import { fork } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { listen, type Answer, type Running } from "../dev/http-server.ts";
import { partOf } from "../src/bytes/range.ts";

/** How fast a server may send, in bytes a second; as fast as it can where a limit is absent. */
export interface Limits {
  /** To all together. */
  readonly total?: number;
  /** To each connection. */
  readonly each?: number;
}

const BLOCK = 256 * 1024; // read and sent at a time where there is no limit
const SMALL = 64 * 1024; // and where there is one

/**
 * Serve the files in `folder` with CORS and ranges, as a CDN does, from a process of its own: what it costs to
 * serve slows nobody who measures.
 */
export async function serveApart(folder: string, limits: Limits = {}): Promise<Running> {
  const child = fork(import.meta.filename, [folder, JSON.stringify(limits)]);
  const [url] = (await once(child, "message")) as [string];
  return {
    url,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return; // closed already
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Lets through so many bytes a second, whoever asks first. */
class Bucket {
  readonly #rate: number;
  #free = 0; // when all that was let through has gone

  constructor(rate: number) {
    this.#rate = rate / 1000;
  }

  /** Resolves when `length` more bytes may go. */
  async take(length: number): Promise<void> {
    const now = performance.now();
    const due = Math.max(now, this.#free);
    this.#free = due + length / this.#rate;
    if (due - now > 2) await new Promise((later) => setTimeout(later, due - now)); // timers know whole milliseconds
  }
}

function answers(folder: string, { total, each }: Limits): Answer {
  const all = total === undefined ? undefined : new Bucket(total);
  const own = new WeakMap<object, Bucket>(); // by connection

  return async ({ url = "/", headers, socket, method }, response) => {
    const cors = {
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Expose-Headers": "Content-Range, Content-Length",
    };
    const file = path.join(folder, path.basename(new URL(url, "http://any").pathname));
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404, cors).end();
    const { status, start, length, headers: range } = partOf(headers.range, found.size);
    response.writeHead(status, {
      ...cors,
      ...range,
      "Content-Type": "application/octet-stream",
      "Content-Length": length,
    });
    if (method === "HEAD" || length === 0) return response.end();
    if (each !== undefined && !own.has(socket)) own.set(socket, new Bucket(each));
    const buckets = [all, own.get(socket)].filter((bucket) => bucket !== undefined);
    const highWaterMark = buckets.length > 0 ? SMALL : BLOCK;
    const blocks = createReadStream(file, { start, end: start + length - 1, highWaterMark });
    for await (const block of blocks as AsyncIterable<Buffer>) {
      for (const bucket of buckets) await bucket.take(block.length);
      if (!(await sent(response, block))) break;
    }
    return response.end();
  };
}

/** Whether the other side still takes more. */
async function sent(response: ServerResponse, block: Buffer): Promise<boolean> {
  if (response.destroyed) return false;
  if (!response.write(block)) {
    await new Promise<void>((go) => {
      response.once("drain", go).once("close", go);
    });
    response.removeAllListeners("drain").removeAllListeners("close");
  }
  return !response.destroyed;
}

if (process.argv[1] === import.meta.filename) {
  const [folder = "", limits = "{}"] = process.argv.slice(2);
  const { url } = await listen("a server to measure with", 0, answers(folder, JSON.parse(limits) as Limits));
  process.send?.(url);
  process.once("disconnect", () => process.exit()); // whoever measured has ended
}
