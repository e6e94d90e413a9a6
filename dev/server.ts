import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on this machine. */
export interface Running {
  /** Its origin, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serve `listener` on `port`, or on a free one for 0. Throws a plain sentence when the port is taken. */
export async function listen(what: string, port: number, listener: RequestListener): Promise<Running> {
  const server = createServer(listener);
  await new Promise<void>((ready, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port}, meant for ${what}, is taken: end what uses it, or name another port.`;
      fail(error.code === "EADDRINUSE" ? new Error(taken, { cause: error }) : error);
    });
    server.listen(port, ready);
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () => closed(server),
  };
}

async function closed(server: Server): Promise<void> {
  const end = new Promise((done) => server.close(done));
  server.closeAllConnections();
  await end;
}
