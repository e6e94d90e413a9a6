import { createConnection } from "node:net";

const MAGIC = "i3-ipc";
const HEADER = 14; // magic, length, type
const RUN_COMMAND = 0;
const GET_OUTPUTS = 3;

/** What sway tells of an output. */
interface Output {
  readonly name: string;
  readonly scale: number;
  readonly transform: string;
  readonly active: boolean;
  readonly current_mode?: { readonly width: number; readonly height: number };
}

/** Have sway carry out a command of sway(5). Throws `Error` when it does not. */
export async function command(socket: string, words: string): Promise<void> {
  const results = (await ask(socket, RUN_COMMAND, words)) as { success: boolean; error?: string }[];
  const failed = results.find(({ success }) => !success);
  if (failed) throw new Error(`sway: ${words}: ${failed.error ?? "failed"}`);
}

/** The outputs that sway has. Throws `Error` when sway closes the connection. */
export async function outputs(socket: string): Promise<Output[]> {
  return (await ask(socket, GET_OUTPUTS, "")) as Output[];
}

/**
 * One question to sway, and its answer, however long that takes: sway-ipc(7). swaymsg gives up after three seconds,
 * which a machine that has just been started may need.
 */
async function ask(socket: string, type: number, payload: string): Promise<unknown> {
  const connection = createConnection(socket);
  try {
    const header = Buffer.alloc(HEADER);
    header.write(MAGIC, "latin1");
    header.writeUInt32LE(Buffer.byteLength(payload), 6);
    header.writeUInt32LE(type, 10);
    connection.write(Buffer.concat([header, Buffer.from(payload)]));
    let answer = Buffer.alloc(0);
    for await (const chunk of connection) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      const length = answer.length < HEADER ? Infinity : answer.readUInt32LE(6);
      if (answer.length >= HEADER + length)
        return JSON.parse(answer.toString("utf8", HEADER, HEADER + length));
    }
    throw new Error("sway has closed the connection");
  } finally {
    connection.destroy();
  }
}
