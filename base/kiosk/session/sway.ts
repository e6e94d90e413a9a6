import { createConnection } from "node:net";

const MAGIC = "i3-ipc";
const HEADER = 14; // magic, length, type
const RUN_COMMAND = 0;
const GET_WORKSPACES = 1;
const SUBSCRIBE = 2;
const GET_OUTPUTS = 3;
const BINDING_EVENT = 0x80000005;

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

/** The name of the workspace that has the focus. Throws `Error` when sway closes the connection. */
export async function focusedWorkspace(socket: string): Promise<string | undefined> {
  const all = (await ask(socket, GET_WORKSPACES, "")) as { name: string; focused: boolean }[];
  return all.find(({ focused }) => focused)?.name;
}

/**
 * Call `onCommand` with the command of a binding of sway(5) each time that one is carried out. Resolves when sway closes
 * the connection. Throws `Error` when sway refuses.
 */
export async function followBindings(socket: string, onCommand: (command: string) => void): Promise<void> {
  for await (const { type, payload } of exchange(socket, SUBSCRIBE, '["binding"]')) {
    if (type === SUBSCRIBE && !(payload as { success: boolean }).success)
      throw new Error("sway: subscribe: failed");
    if (type === BINDING_EVENT) onCommand((payload as { binding: { command: string } }).binding.command);
  }
}

/** One question to sway, and its answer, however long that takes. */
async function ask(socket: string, type: number, payload: string): Promise<unknown> {
  for await (const message of exchange(socket, type, payload)) return message.payload;
  throw new Error("sway has closed the connection");
}

/**
 * One message to sway, and all that comes back: sway-ipc(7). swaymsg gives up after three seconds, which a machine that
 * has just been started may need.
 */
async function* exchange(socket: string, type: number, payload: string) {
  const connection = createConnection(socket);
  try {
    const header = Buffer.alloc(HEADER);
    header.write(MAGIC, "latin1");
    header.writeUInt32LE(Buffer.byteLength(payload), 6);
    header.writeUInt32LE(type, 10);
    connection.write(Buffer.concat([header, Buffer.from(payload)]));
    let received = Buffer.alloc(0);
    for await (const chunk of connection) {
      received = Buffer.concat([received, chunk as Buffer]);
      while (received.length >= HEADER && received.length >= HEADER + received.readUInt32LE(6)) {
        const end = HEADER + received.readUInt32LE(6);
        const text = received.toString("utf8", HEADER, end);
        yield { type: received.readUInt32LE(10), payload: JSON.parse(text) as unknown };
        received = received.subarray(end);
      }
    }
  } finally {
    connection.destroy();
  }
}
