import { transferHandlers, type TransferHandler } from "comlink";
import type { Allowance } from "../allowances.ts";
import type { Arch } from "../architectures.ts";
import type {
  FileInfo,
  ImageInfo,
  ImageProgress,
  ImageView,
  Progress,
  StickJob,
  StickView,
  Trouble,
} from "../messages.ts";
import type { SealedSettings } from "../settings/settings.ts";

/** What the build worker is told of an image. Nothing else may know the settings: they hold passphrases. */
export interface Decisions {
  /**
   * The pieces that go on it, of those that were asked for, and what each may use of the machine. If there is no room for
   * all, the first go on it.
   */
  readonly pieces: readonly { readonly name: string; readonly allow: readonly Allowance[] }[];
  /** The name of the one of several that the machine shows first; a menu when absent. */
  readonly start?: string;
  /** Who builds it, as `@jeffrey`, where the image is to say so. */
  readonly by?: string;
  /** The piece partition alone, for what has the base already; the whole image when absent. */
  readonly only?: "piece";
  /** How the machine is set up; a blank `settings.json` when absent. */
  readonly settings?: SealedSettings;
}

/** What to build, and from where. */
export interface BuildRequest extends Omit<Decisions, "pieces" | "only"> {
  /** As the person typed them, one or more. */
  readonly pieces: readonly string[];
  /** What the person has let each of them use, by name; what its bundle asks for when absent. */
  readonly allow?: Readonly<Record<string, readonly Allowance[]>>;
  /** URL of a manifest or of a `latest.json`. */
  readonly manifest: string;
  /** Which flavor of base to take from a `latest.json`. */
  readonly flavor?: string;
  /** Which architecture, as manifests say it. */
  readonly arch?: Arch;
  /** Which one where none is asked for, if there is a base for it. */
  readonly suggested?: Arch;
  /** Which version of base; the newest when absent. Asked for by name, an older one is taken too. */
  readonly version?: string;
  /** URL of AC's oven. */
  readonly oven: string;
  /** minisign public keys, in base64, one of which must have signed the manifest. */
  readonly keys: readonly string[];
  /** For how long to try again while nothing comes, in seconds. */
  readonly giveUpAfterSeconds?: number;
  /** The newest versions of base seen so far (`SeenVersions` in `src/release/seen.ts`). */
  readonly seen?: Readonly<Record<string, string>>;
  /** Whether verified windows may be written to this browser's storage. */
  readonly keep: boolean;
}

/** The build worker, as the page calls it. One worker builds one image. */
export interface Builder {
  /**
   * Fetch the manifest and the pieces, and decide every byte. Of several pieces those that cannot be had, or that there is
   * no room for, are left out, and `ImageInfo.leftOut` says why. `listener` is called until `close`.
   */
  open(request: BuildRequest, listener: BuildListener): Promise<ImageInfo>;
  /** Another image, or its piece partition alone, with these choices. Before it is made. */
  choose(choices: Decisions): Promise<ImageInfo>;
  /** Fetch what could not be had once more; what can be had now goes on the image, if there is room. Before it is made. */
  again(): Promise<ImageInfo>;
  /** The bundle of a piece that was asked for, as it will be on the disk. After `open`. */
  bundle(piece: string): Promise<Blob>;
  /**
   * Make the image, chunk by chunk, as `port` asks for it (see `src/messages.ts`). Settles when the last byte
   * has been taken or something failed; then the port has been told too.
   */
  send(port: MessagePort): Promise<void>;
  /** Make the image in `file`, continuing what an earlier attempt left there. */
  write(file: FileSystemFileHandle): Promise<void>;
  /** Look at a stick, whose top folder is `root`, and stay with it. After `open`. */
  openStick(root: FileSystemDirectoryHandle): Promise<StickView>;
  /** Do `job` on the stick that was opened, and look what is there then. */
  doOnStick(job: StickJob): Promise<StickView>;
  /** Stop what is being done there; `doOnStick` rejects with `CancelledError`. */
  stopStick(): void;
  /** Fetch nothing more for now; connections are closed. */
  pause(): void;
  resume(): void;
  /**
   * End the build, whether it is done or not. `keep`: the base image stays in this browser. `cancelled`: the person
   * wants none of it, so a file that was begun is removed; otherwise it stays for the next attempt to continue.
   */
  close(end: { keep: boolean; cancelled: boolean }): Promise<void>;
}

/** The page, as the build worker calls it. */
export interface BuildListener {
  /** Something has changed: a few times a second while bytes flow. */
  onProgress(progress: Progress): void;
  /** Every few seconds, also while the page is hidden and its own timers hardly run. */
  onHeartbeat(): void;
}

/** What an image on disk is held against: the releases of a list, or one by its manifest. */
export type ImageRequest = Pick<BuildRequest, "manifest" | "keys" | "seen" | "giveUpAfterSeconds">;

/** The name of a worker for an image that is on disk. */
export const IMAGE_WORKER = "image";

/** The worker for an image that is on disk, as the page calls it. One worker has one image. */
export interface ImageMender {
  /** See what `image` is, and find the signed release that it was made from. `listener` is called from then on. */
  open(
    image: File | FileSystemFileHandle,
    request: ImageRequest,
    listener: ImageListener,
  ): Promise<ImageView>;
  /** Read all of it. After `open`. */
  check(): Promise<ImageView>;
  /**
   * Write again what is wrong, and these pieces if there are any, where the file is: `image` was a handle that may be
   * written. After `check`. Resolves to what there is then, and the SHA-256 of the file where all of it is known.
   */
  mend(pieces: BuildRequest | undefined): Promise<{ readonly found: ImageView; readonly sha256?: string }>;
  /** Decide the image that `send` then makes: this one mended, with these pieces in it if there are any. After `check`. */
  prepare(pieces: BuildRequest | undefined): Promise<FileInfo>;
  /** As `Builder.send`. After `prepare`. */
  send(port: MessagePort): Promise<void>;
  /** Stop what is being done, which rejects with `CancelledError`. */
  stop(): void;
}

/** The page, as the worker for an image calls it. */
export interface ImageListener {
  /** A few times a second while bytes are read or written. */
  onProgress(progress: ImageProgress | undefined, trouble: Trouble | undefined): void;
  /** As `BuildListener.onHeartbeat`. */
  onHeartbeat(): void;
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
