import { transferHandlers, type TransferHandler } from "comlink";

/** What to build, and from where. */
export interface BuildRequest {
  /** As the person typed it. */
  readonly piece: string;
  /** URL of a manifest or of a `latest.json`. */
  readonly manifest: string;
  /** Which flavor of base to take from a `latest.json`. */
  readonly flavor?: string;
  /** URL of AC's oven. */
  readonly oven: string;
}

/** All that is known of an image before it is made. Sizes in bytes, digests in lower-case hex. */
export interface ImageInfo {
  readonly fileName: string;
  readonly size: number;
  /** Of the finished file. */
  readonly sha256: string;
  /** How much of the base has to be fetched; windows of zeros are not. */
  readonly download: number;
  readonly piece: { readonly name: string; readonly size: number; readonly sha256: string };
  readonly base: {
    readonly name: string;
    readonly version: string;
    readonly flavor: string;
    readonly arch: string;
  };
}

/** The worker, as the page calls it. One worker builds one image; to cancel, terminate it. */
export interface Builder {
  /** Fetch the manifest and the piece, and decide every byte. */
  open(request: BuildRequest): Promise<ImageInfo>;
  /**
   * Make the image, chunk by chunk, as `port` asks for it (see `src/ports.ts`). Settles when the last byte
   * has been taken or something failed; then the port has been told too.
   */
  send(port: MessagePort): Promise<void>;
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
