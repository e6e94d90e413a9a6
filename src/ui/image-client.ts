import { proxy, transfer, wrap } from "comlink";
import type { FileInfo, ImageView } from "../messages.ts";
import {
  type BuildRequest,
  IMAGE_WORKER,
  type ImageListener,
  type ImageMender,
  type ImageRequest,
} from "../worker/api.ts";
import { brokenOf, startWorker } from "./build-client.ts";

/** The worker of one image that is on disk. Every call rejects when it does not load or breaks. */
export interface ImageClient {
  /** See `ImageMender`, as for all of these. */
  open(image: File | FileSystemFileHandle, request: ImageRequest): Promise<ImageView>;
  check(): Promise<ImageView>;
  mend(pieces: BuildRequest | undefined): ReturnType<ImageMender["mend"]>;
  prepare(pieces: BuildRequest | undefined): Promise<FileInfo>;
  send(port: MessagePort): Promise<void>;
  stop(): void;
  /** End the worker, whatever it does. */
  close(): void;
}

/** Start a worker for an image, which reports to `listener`. */
export function startImageClient(
  listener: ImageListener,
  worker: Worker = startWorker(IMAGE_WORKER),
): ImageClient {
  const mender = wrap<ImageMender>(worker);
  const broken = brokenOf(worker);
  const orBroken = <T>(call: Promise<T>) => Promise.race([call, broken]);
  return {
    open: (image, request) => orBroken(mender.open(image, request, proxy(listener))),
    check: () => orBroken(mender.check()),
    mend: (pieces) => orBroken(mender.mend(pieces)),
    prepare: (pieces) => orBroken(mender.prepare(pieces)),
    send: (port) => orBroken(mender.send(transfer(port, [port]))),
    stop: () => void mender.stop(),
    close: () => worker.terminate(),
  };
}
