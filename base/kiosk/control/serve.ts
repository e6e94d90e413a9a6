import type { Readable, Writable } from "node:stream";
import { type Answer, parseRequest, RefusedError, type Request, REQUEST_LIMIT } from "./request.ts";

/** Answer what comes in on `input`, one after the other, until it ends. Of a line that is too long nothing is kept. */
export async function serveRequests(
  input: Readable,
  output: Writable,
  carryOut: (request: Request) => Promise<Omit<Answer & { ok: true }, "ok">>,
): Promise<void> {
  for await (const line of linesOf(input)) {
    const answer = await answerTo(line, carryOut);
    output.write(`${JSON.stringify(answer)}\n`);
  }
}

async function answerTo(
  line: string,
  carryOut: (request: Request) => Promise<Omit<Answer & { ok: true }, "ok">>,
): Promise<Answer> {
  try {
    return { ok: true, ...(await carryOut(parseRequest(line))) };
  } catch (error) {
    if (error instanceof RefusedError) return { ok: false, why: error.why };
    console.error((error as NodeJS.ErrnoException).code ?? (error as Error).name); // its words may have a name in them
    return { ok: false, why: "failed" };
  }
}

/** Lines, of which one that is too long comes shortened, so that it is refused. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of input.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = (lines.pop() ?? "").slice(0, REQUEST_LIMIT + 1);
    yield* lines;
  }
}
