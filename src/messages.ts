import type { Allowance } from "./allowances.ts";

// Everything that passes between threads, as plain data:
//
//   piece ─PieceMessage─▶ page ─BuildRequest─▶ build worker
//         ◀─PageMessage──      ◀─ImageInfo, Progress, heartbeat─   (calls: src/worker/api.ts)
//   page ─OpenDownload, KeepAlive, Abort─▶ service worker ─DataRequest─▶ build worker
//        ◀──Control, KeepAliveAnswer──────                 ◀─DataAnswer──

/**
 * Piece → page, by AC's signals. `os:hello` asks what the page can do; `os:open` makes ready what `piece` and
 * `qualifiers` name, or joins the build of it; `os:pause` and `os:resume` fetch nothing for a while; `os:preview` shows
 * the bundle itself over `box` of the canvas, or takes it away; `os:link` asks for the address of this build, to be
 * opened elsewhere; `os:say` is for those who hear the page.
 *
 * What costs the person something is done only if they have just pressed a key or tapped, and is answered by `os:press`
 * otherwise: `os:start` makes what is ready; `os:allow` says what the piece may use of the machine that it starts; `os:cancel` stops it; `os:keep` lets the base image stay, or not;
 * `os:clear` removes what is kept; `os:checksum` saves `<name>.sha256`, `os:copy` puts the SHA-256 on the clipboard.
 */
export interface PieceMessage {
  /** Tells the answers to this visit from those to an earlier one. */
  readonly visit: string;
  /** As the person named it. */
  readonly piece: string;
  /** What followed the piece's name after colons: a flavor, a version. For `os:open`. */
  readonly qualifiers?: readonly string[];
  /** For `os:start`: into the browser's downloads, or into a file that the person chooses now. */
  readonly where?: "downloads" | "choose";
  /** For `os:keep`: whether the base image is to stay in this browser for the next piece. */
  readonly keep?: boolean;
  /** For `os:allow`: what the piece may use of the machine that it starts, if it may not, and the other way round. */
  readonly use?: Allowance;
  /** For `os:preview`: where, in fractions of the canvas; nowhere when absent. */
  readonly box?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** For `os:say`. */
  readonly text?: string;
}

/**
 * Page → piece: somebody is listening (`os:ready`, which whoever was on the page before can have said too, so it is
 * believed no more than that); what the page can do; that a key is needed; what a build has come to; what is kept in
 * this browser.
 */
export type PageMessage =
  | { readonly type: "os:ready" }
  | { readonly type: "os:page"; readonly visit: string; readonly page: PageInfo }
  | { readonly type: "os:press"; readonly visit: string }
  | { readonly type: "os:state"; readonly visit: string; readonly state: BuildState }
  | { readonly type: "os:cleared"; readonly visit: string; readonly bytes: number; readonly message?: string }
  /** `qr`: the modules of a QR code of `url`, a text of 0 and 1 for each row; none when `url` is too long for one. */
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
  /** Known once preparing is over. Its SHA-256 is "" for the moment in which it is computed anew (`os:allow`). */
  readonly info?: ImageInfo;
  /** Of the file: handed to the browser, or written to the chosen file. */
  readonly written: number;
  /** Of the base image, over the network, by this build. */
  readonly fetched: number;
  /** At which the file grows. */
  readonly bytesPerSecond: number;
  readonly paused: boolean;
  /** Why nothing comes at the moment, if so. */
  readonly trouble?: Trouble;
  /** Whether the base image stays in this browser when this is over, and how much of it is here now. */
  readonly keep: { readonly wanted: boolean; readonly bytes: number; readonly possible: boolean };
  /** Where the file goes. */
  readonly where: "downloads" | "chosen";
  /** Whether an earlier build has left a chosen file unfinished, which `choose` then continues. */
  readonly unfinished?: boolean;
  /** When `done`: whether the file is known to be saved; otherwise the browser has been handed all of it. */
  readonly saved?: boolean;
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
   * · `portal`: the network has put a page of its own in the way, on which people sign in
   */
  readonly kind: "offline" | "lost" | "busy" | "refused" | "wrong" | "portal";
  /** How often it has been tried since bytes last came. */
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
  /** For how long to try again while nothing comes, in seconds. */
  readonly giveUpAfterSeconds?: number;
  /** The newest versions of base seen so far (`SeenVersions` in `src/release/seen.ts`). */
  readonly seen?: Readonly<Record<string, string>>;
  /** What the piece may use of the machine that it starts; what its bundle asks for when absent. */
  readonly allow?: readonly Allowance[];
  /** Whether verified windows may be written to this browser's storage. */
  readonly keep: boolean;
}

/** Build worker → page, at each change. Sizes in bytes. */
export interface Progress {
  /** Of the base image, over the network, by this build. */
  readonly fetched: number;
  /** Of the base image, kept in this browser now. */
  readonly kept: number;
  /** Whether any of it can be kept. */
  readonly canKeep: boolean;
  /** Of the file: handed to the browser, or written to the chosen file. */
  readonly written: number;
  /** Why nothing comes at the moment; absent once it comes again. */
  readonly trouble?: Trouble;
  /** What the oven says of its baking, while it bakes: one line of its own words. */
  readonly baking?: string;
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
  readonly piece: {
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
    /** Whether its bundle is AC's with the base's time in it, so that it is the same for everybody (`src/bundle/`). */
    readonly isNormalised?: boolean;
  };
  readonly base: {
    readonly name: string;
    readonly version: string;
    readonly flavor: string;
    readonly arch: string;
    /** ISO 8601. */
    readonly created: string;
  };
  /** What the piece may use of the machine that it starts. */
  readonly allow: readonly Allowance[];
  /** What the piece's bundle asks to use, where that has been looked at. */
  readonly asks?: readonly Allowance[];
  /**
   * Of a release from a server: the id of the key that had signed it, and, when it was asked for by version and is
   * older than one seen here before, that newer version.
   */
  readonly release?: { readonly keyId: string; readonly olderThan?: string };
}

/** Page → service worker, by `ServiceWorker.postMessage`: only that extends its life, messages over ports do not. */
export type ServiceWorkerMessage = OpenDownload | KeepAlive;

/** Page → service worker: open a download. The control port and the data port come with it. */
export interface OpenDownload {
  readonly type: "open";
  readonly id: string;
  readonly fileName: string;
  /** Bytes, for `Content-Length`. */
  readonly size: number;
}

/** Page → service worker, every few seconds while a download lasts. A port for the answer comes with it. */
export interface KeepAlive {
  readonly type: "keepAlive";
  /** Of the download. */
  readonly id: string;
}

/**
 * Service worker → page, over the port that came with `KeepAlive`: whether it knows the download, be it over or not.
 * One that was stopped, and that this message has started again, does not.
 */
export interface KeepAliveAnswer {
  readonly known: boolean;
}

/** Service worker → page, over the control port: how the download gets on. */
export type Control =
  /** Open `url` in a frame: it is answered with the file. */
  | { readonly type: "ready"; readonly url: string }
  /** The browser has asked for it. */
  | { readonly type: "started" }
  /** The outcomes. */
  | { readonly type: "whole" }
  | { readonly type: "cancelled" }
  | { readonly type: "failed"; readonly message: string };

/**
 * Page → service worker, over the control port: end the download as failed; hand over all but the last chunk for now;
 * hand over that too.
 */
export type Command = "abort" | "hold" | "release";

/**
 * Service worker → build worker, over the data port: a request for the next chunk, with the memory of an earlier one
 * (transferred) to be used again; or no more requests.
 */
export type DataRequest = { readonly back: ArrayBuffer | undefined } | "cancel";

/** Build worker → service worker: a chunk (transferred), the end, or that there will be none. */
export type DataAnswer = { chunk: ArrayBuffer } | { end: true } | { error: string };
