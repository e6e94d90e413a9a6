// All that passes between threads, as plain data:
//
//   piece ─PieceMessage─▶ page ─BuildRequest─▶ build worker
//         ◀─PageMessage──      ◀─ImageInfo, Progress──
//   page ─OpenDownload─▶ service worker ─DataRequest─▶ build worker
//        ◀──Control────                 ◀─DataAnswer──

/**
 * Piece → page, by AC's signals: `os:open`, `os:start`, `os:pause`, `os:resume`, `os:cancel`, `os:keep`,
 * `os:clear`, `os:copy`, `os:checksum`, `os:preview`, `os:link`, `os:say`. `os:open` makes ready what `piece` and
 * `qualifiers` name, or joins the build of it; `os:start` then makes it; `os:checksum` saves `<name>.sha256`,
 * `os:copy` puts the SHA-256 on the clipboard; `os:preview` shows the bundle itself over `box` of the canvas, or
 * takes it away; `os:link` asks for the address of this build, to be opened elsewhere; `os:say` is for those who
 * hear the page.
 */
export interface PieceMessage {
  /** Tells the answers to this visit from those to an earlier one. */
  readonly visit: string;
  /** As the person named it. */
  readonly piece: string;
  /** What followed the piece's name after colons: a flavor, a version, an architecture. For `os:open`. */
  readonly qualifiers?: readonly string[];
  /** For `os:start`: into the browser's downloads, or into a file that the person chooses now. */
  readonly where?: "downloads" | "choose";
  /** For `os:keep`: whether the base image is to stay in this browser for the next piece. */
  readonly keep?: boolean;
  /** For `os:preview`: where, in fractions of the canvas; nowhere when absent. */
  readonly box?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** For `os:say`. */
  readonly text?: string;
}

/** Page → piece: somebody is listening; what a build has come to; what is kept in this browser. */
export type PageMessage =
  | { readonly type: "os:ready"; readonly page: PageInfo }
  | { readonly type: "os:state"; readonly visit: string; readonly state: BuildState }
  | { readonly type: "os:cleared"; readonly visit: string; readonly bytes: number; readonly message?: string }
  /** `qr`: the modules of a QR code of `url`, a text of 0 and 1 for each row. */
  | {
      readonly type: "os:link";
      readonly visit: string;
      readonly url: string;
      readonly qr: readonly string[];
    };

/** What the page can do in this browser, and what it remembers. Sizes in bytes. */
export interface PageInfo {
  /** Whether the person can choose where the file goes (`showSaveFilePicker`). */
  readonly choose: boolean;
  /** What is kept of base images. */
  readonly kept: number;
  /** Pieces built lately, the last one first. */
  readonly recent: readonly string[];
}

/** All there is to show of a build, as plain data. Sizes in bytes. */
export interface BuildState {
  readonly piece: string;
  /**
   * `preparing` → `ready` (the person decides) → `starting` (the browser takes up the download) → `saving` →
   * one of the last three.
   */
  readonly stage: "preparing" | "ready" | "starting" | "saving" | "done" | "failed" | "cancelled";
  /** Known once preparing is over. */
  readonly info?: ImageInfo;
  /** Of the file. */
  readonly written: number;
  /** Of the base image, over the network, by this build. */
  readonly fetched: number;
  /** At which the file grows. */
  readonly bytesPerSecond: number;
  readonly paused: boolean;
  /** What keeps it from getting on, while that is being seen to. */
  readonly trouble?: Trouble;
  /** Whether the base image stays in this browser when this is over, and how much of it is here now. */
  readonly keep: { readonly wanted: boolean; readonly bytes: number; readonly possible: boolean };
  /** Where the file goes, or would go on. */
  readonly where: "downloads" | "chosen";
  /** Whether an earlier build has left a chosen file unfinished, so that `choose` goes on with it. */
  readonly unfinished?: boolean;
  /** What happened and what to do, when `failed` or `cancelled`. */
  readonly message?: string;
  /** The name of the error's class in `src/errors.ts`, when `failed` or `cancelled`. */
  readonly error?: string;
}

/** Why nothing comes at the moment, and what is being done. */
export interface Trouble {
  /**
   * `offline`: this computer has no network · `lost`: the server does not answer, or stopped in the middle ·
   * `busy`: it asks to be left alone for a while · `refused`: it says no · `wrong`: its bytes are not the base image's
   */
  readonly kind: "offline" | "lost" | "busy" | "refused" | "wrong";
  /** How often it has been tried since anything came. */
  readonly tries: number;
  /** When it will be tried again, in milliseconds since 1970. */
  readonly again: number;
}

/** What to build, and from where. */
export interface BuildRequest {
  /** As the person typed it. */
  readonly piece: string;
  /** URL of a manifest or of a `latest.json`. */
  readonly manifest: string;
  /** Which flavor of base to take from a `latest.json`. */
  readonly flavor?: string;
  /** Which version of base; the newest when absent. Asked for by name, an older one is taken too. */
  readonly version?: string;
  /** URL of AC's oven. */
  readonly oven: string;
  /** minisign public keys, in base64, one of which must have signed the manifest. */
  readonly keys: readonly string[];
  /** For how long to go on without any progress, in seconds. */
  readonly giveUpAfterSeconds?: number;
  /** The newest version of base seen so far, by flavor and architecture (`kiosk x86_64`). */
  readonly seen?: Readonly<Record<string, string>>;
  /** Whether verified windows may be written to this browser's storage. */
  readonly keep: boolean;
}

/** Worker → page, while it builds. Bytes of base image. */
export interface Progress {
  /** Fetched by this build. */
  readonly fetched: number;
  /** Kept in this browser now. */
  readonly kept: number;
  /** Whether any can be kept. */
  readonly canKeep: boolean;
  /** Written to a chosen file. */
  readonly written?: number;
  readonly trouble?: Trouble;
}

/** All that is known of an image before it is made. Sizes in bytes, digests in lower-case hex. */
export interface ImageInfo {
  readonly fileName: string;
  readonly size: number;
  /** Of the finished file. */
  readonly sha256: string;
  /** How much of the base the image needs; windows of zeros are made, not fetched. */
  readonly download: number;
  /** How much of that is here already, from an earlier build. */
  readonly here: number;
  readonly piece: { readonly name: string; readonly size: number; readonly sha256: string };
  readonly base: {
    readonly name: string;
    readonly version: string;
    readonly flavor: string;
    readonly arch: string;
    /** ISO 8601. */
    readonly created: string;
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
