// All that passes between threads, as plain data:
//
//   piece ─PieceMessage─▶ page ─BuildRequest─▶ build worker
//         ◀─PageMessage──      ◀─ImageInfo──
//   page ─OpenDownload─▶ service worker ─DataRequest─▶ build worker
//        ◀──Control────                 ◀─DataAnswer──

/** Piece → page, by AC's signals `os:open` and `os:cancel`. */
export interface PieceMessage {
  /** Tells the answers to this visit from those to an earlier one. */
  readonly visit: string;
  /** As the person named it. */
  readonly piece: string;
}

/** Page → piece: somebody is listening; or what a build has come to. */
export type PageMessage =
  | { readonly type: "os:ready" }
  | { readonly type: "os:state"; readonly visit: string; readonly state: BuildState };

/** All there is to show of a build, as plain data. Sizes in bytes. */
export interface BuildState {
  readonly piece: string;
  /** `preparing` → `starting` (the browser takes up the download) → `saving` → one of the last three. */
  readonly stage: "preparing" | "starting" | "saving" | "done" | "failed" | "cancelled";
  /** Known once preparing is over. */
  readonly info?: ImageInfo;
  readonly written: number;
  readonly bytesPerSecond: number;
  /** What happened and what to do, when `failed` or `cancelled`. */
  readonly message?: string;
}

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

/** Page → service worker, by way of the mitm: open a download. The control and the data port come with it. */
export interface OpenDownload {
  readonly type: "open";
  readonly id: string;
  readonly fileName: string;
  /** Bytes, for `Content-Length`. */
  readonly size: number;
}

/** Service worker → page, over the control port; "failed" may also come from the mitm. */
export type Control =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "started" }
  | { readonly type: "written"; readonly written: number }
  | { readonly type: "alive" }
  | { readonly type: "whole" }
  | { readonly type: "cancelled" }
  | { readonly type: "failed"; readonly message: string };

/** Mitm → page, as a window's message: the service worker was stopped and knows nothing of this download. */
export interface Lost {
  readonly type: "os:lost";
  readonly id: string;
}

/** Page → service worker, over the control port: end the download as failed. */
export type Abort = "abort";

/**
 * Service worker → build worker, over the data port: the next chunk, please, and here is the memory of an
 * earlier one (transferred); or no more.
 */
export type DataRequest = { readonly back: ArrayBuffer | undefined } | "cancel";

/** Build worker → service worker: a chunk (transferred), the end, or that there will be none. */
export type DataAnswer = { chunk: ArrayBuffer } | { end: true } | { error: string };
