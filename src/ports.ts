/** What passes over the ports that join page, build worker and service worker; plain data only. */

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

/** Page → service worker, over the control port: end the download as failed. */
export type Abort = "abort";

/** Service worker → build worker, over the data port: the next chunk, please; or no more. */
export type DataRequest = "pull" | "cancel";

/** Build worker → service worker: a chunk (transferred), the end, or that there will be none. */
export type DataAnswer = { chunk: ArrayBuffer } | { end: true } | { error: string };
