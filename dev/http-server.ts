import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** A server on this machine. */
export interface Running {
  /** Its origin, without a slash at the end. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** What a server does about a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>;

/** Serve `answer` on `port`, or on a free one for 0. Throws a plain sentence when the port is taken. */
export async function listen(what: string, port: number, answer: Answer): Promise<Running> {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((ready, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port}, meant for ${what}, is taken: end what uses it, or name another port.`;
      fail(error.code === "EADDRINUSE" ? new Error(taken, { cause: error }) : error);
    });
    server.listen(port, "127.0.0.1", ready); // for this machine alone
  });
  const address = server.address();
  const actual = typeof address === "object" && address ? address.port : port;
  return { url: `http://localhost:${actual}`, close: () => closed(server) };
}

async function closed(server: Server): Promise<void> {
  const end = new Promise((done) => server.close(done));
  server.closeAllConnections();
  await end;
}
