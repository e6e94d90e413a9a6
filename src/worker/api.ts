import { transferHandlers, type TransferHandler } from "comlink";
import type { BuildRequest, ImageInfo, Progress } from "../messages.ts";

/** The worker, as the page calls it. One worker builds one image; to cancel, terminate it. */
export interface Builder {
  /** Fetch the manifest and the piece, and decide every byte. `hear` hears news until the end. */
  open(request: BuildRequest, hear: (news: Progress) => void): Promise<ImageInfo>;
  /** The piece's bundle, as it will be on the disk. After `open`. */
  bundle(): Promise<Blob>;
  /**
   * Make the image, chunk by chunk, as `port` asks for it (see `src/messages.ts`). Settles when the last byte
   * has been taken or something failed; then the port has been told too.
   */
  send(port: MessagePort): Promise<void>;
  /** Make the image in `file`, going on with what an earlier attempt left there. */
  write(file: FileSystemFileHandle): Promise<void>;
  /** Fetch nothing more for now; connections are closed. */
  pause(): void;
  resume(): void;
  /**
   * Over, done or not. `keep`: the base image stays in this browser. `cancelled`: the person wants none of it, so a
   * file begun goes; else it stays, for another attempt to go on with.
   */
  close(end: { keep: boolean; cancelled: boolean }): Promise<void>;
}

interface Thrown {
  readonly value: unknown;
}

interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
}

/**
 * comlink passes an error's name, message and stack; with this, on both sides, its causes too. (Its own
 * handler is found by the name "throw".)
 */
export function carryCauses(): void {
  const inner = transferHandlers.get("throw") as TransferHandler<Thrown, unknown>;
  const outer: TransferHandler<Thrown, unknown> = {
    canHandle: (thrown): thrown is Thrown => inner.canHandle(thrown),
    serialize: ({ value }) => (value instanceof Error ? [plain(value), []] : inner.serialize({ value })),
    deserialize: (sent) => {
      if (typeof sent === "object" && sent !== null && "stack" in sent) throw revive(sent as PlainError);
      return inner.deserialize(sent);
    },
  };
  transferHandlers.set("throw", outer);
}

function plain(error: Error): PlainError {
  const { name, message, stack, cause } = error;
  return { name, message, stack, cause: cause instanceof Error ? plain(cause) : undefined };
}

function revive({ name, message, stack, cause }: PlainError): Error {
  const error = new Error(message, cause ? { cause: revive(cause) } : {});
  return Object.assign(error, { name, stack });
}
