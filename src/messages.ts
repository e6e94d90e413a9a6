import type { Allowance } from "./allowances.ts";
import type { Arch } from "./architectures.ts";

// Everything that passes between threads, as plain data:
//
//   piece ─PieceMessage─▶ page ─BuildRequest─▶ build worker
//         ◀─PageMessage──      ◀─ImageInfo, Progress, heartbeat─   (calls: src/worker/api.ts)
//   page ─OpenDownload, KeepAlive, Abort─▶ service worker ─DataRequest─▶ build worker
//        ◀──Control, KeepAliveAnswer──────                 ◀─DataAnswer──

/**
 * Piece → page, by AC's signals. `os:hello` asks what the page can do; `os:open` makes ready what `piece` and
 * `qualifiers` name, or joins the build of it; `os:again` fetches those of several pieces that could not be had; `os:pause` and `os:resume` fetch nothing for a while; `os:preview` shows
 * the bundle itself over `box` of the canvas, or takes it away; `os:link` asks for the address of this build, to be
 * opened elsewhere; `os:only` makes the piece's partition alone, or the whole image again; `os:say` is for those who hear
 * the page; `os:handle` tells who is there, once AC knows.
 *
 * What costs the person something is done only if they have just pressed a key or tapped, and is answered by `os:press`
 * otherwise: `os:start` makes what is ready; `os:allow` says what a piece may use of the machine that it starts; `os:first`
 * which of several pieces that shows first, a menu if none; `os:include` leaves one of them out, or puts it in again;
 * `os:sign` whether the image says who has built it; `os:cancel` stops it; `os:keep` lets the base image stay, or not;
 * `os:clear` removes what is kept; `os:checksum` saves `<name>.sha256`, `os:copy` puts the SHA-256 on the clipboard;
 * `os:command` puts the command there that writes the file; `os:image` does `image` with an image that is on disk already;
 * `os:stick` does `job` on a stick; `os:settings` asks the person how the machine is set up, over the whole canvas.
 */
export interface PieceMessage {
  /** Tells the answers to this visit from those to an earlier one. */
  readonly visit: string;
  /** As the person named it; of several the first. */
  readonly piece: string;
  /** The other pieces that go on the same image. For `os:open` and `os:link`. */
  readonly others?: readonly string[];
  /** Which of several pieces is meant. For `os:allow`, `os:first`, `os:include` and `os:preview`. */
  readonly of?: string;
  /** What stood beside the pieces' names: a flavor, a version, an architecture. For `os:open` and `os:link`. */
  readonly qualifiers?: readonly string[];
  /** For `os:start`: into the browser's downloads, or into a file that the person chooses now. */
  readonly where?: "downloads" | "choose";
  /** For `os:keep`: whether the base image is to stay in this browser for the next piece. */
  readonly keep?: boolean;
  /** For `os:allow`: what that piece may use of the machine that it starts, if it may not, and the other way round. */
  readonly use?: Allowance;
  /** For `os:stick`. */
  readonly job?: StickJob | StickChoice;
  /** For `os:only`. */
  readonly only?: boolean;
  /** For `os:image`. */
  readonly image?: ImageJob;
  /** For `os:open` and `os:handle`: who AC says is there, as `@jeffrey`. */
  readonly handle?: string;
  /** For `os:sign`: whether the image is to say who has built it. */
  readonly sign?: boolean;
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
  | { readonly type: "os:image"; readonly visit: string; readonly image: ImageFileState }
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
  /** Whether files can be put onto a stick (`showDirectoryPicker`). */
  readonly stick: boolean;
  /** What this computer runs, as far as the browser tells: it says how a stick is ejected. */
  readonly system?: "windows" | "mac" | "chromeos" | "linux";
  /** The architecture of this computer, where an image for it is suggested instead of one for the usual one. */
  readonly suggested?: Arch;
  /** What is kept of base images. */
  readonly kept: number;
  /** What was built lately, the last first: pieces, and with tildes between those that were built together. */
  readonly recent: readonly string[];
  /** How large the pages of these pieces were, by name. */
  readonly sizes: Readonly<Record<string, number>>;
  /** How much room for pieces there is on the base that was taken last; 0 when none was. */
  readonly room: number;
}

/** All there is to show of a build, as plain data. Sizes in bytes. */
export interface BuildState {
  readonly piece: string;
  /**
   * `preparing` → `ready` (the person decides) → `starting` (the browser takes up the download) → `saving` →
   * one of the last three. `ready` ⇄ `stick`: the person sees to a stick, as `stick` says.
   */
  readonly stage: "preparing" | "ready" | "stick" | "starting" | "saving" | "done" | "failed" | "cancelled";
  /** Known once preparing is over. Its SHA-256 is "" for the moment in which it is computed anew (`os:allow`, …). */
  readonly info?: ImageInfo;
  /** Of the file: handed to the browser, or written to the chosen file. */
  readonly written: number;
  /** Of the base image, over the network, by this build. */
  readonly fetched: number;
  /** At which the file grows, or what is on the stick. */
  readonly bytesPerSecond: number;
  /** At which bytes come over the network. */
  readonly fetchedPerSecond: number;
  readonly paused: boolean;
  /** Why nothing comes at the moment, if so. */
  readonly trouble?: Trouble;
  /** While `preparing`: what the oven says of its baking, in its own words. */
  readonly baking?: string;
  /** While `preparing` several pieces: which of them is being fetched, from 1 on. */
  readonly fetching?: { readonly name: string; readonly number: number; readonly of: number };
  /** Whether the base image stays in this browser when this is over, and how much of it is here now. */
  readonly keep: { readonly wanted: boolean; readonly bytes: number; readonly possible: boolean };
  /** Who can be said on the image to have built it, once AC knows, and whether they want it. */
  readonly sign?: { readonly handle: string; readonly wanted: boolean };
  /** Where the file goes. */
  readonly where: "downloads" | "chosen";
  /** When `stick`. */
  readonly stick?: StickState;
  /** Whether an earlier build has left a chosen file unfinished, which `choose` then continues. */
  readonly unfinished?: boolean;
  /** When `done`: whether the file is known to be saved; otherwise the browser has been handed all of it. */
  readonly saved?: boolean;
  /** What happened and what to do, when `failed` or `cancelled`. */
  readonly message?: string;
  /** The name of the error's class in `src/errors.ts`, when `failed` or `cancelled`. */
  readonly error?: string;
}

/** What the person does about sticks: choose one; the last one again, if there is one and they may; leave sticks be; stop a job. */
export type StickChoice =
  { readonly do: "choose" } | { readonly do: "again" } | { readonly do: "leave" } | { readonly do: "stop" };

/** What can be done on a stick that was chosen. Folders are those of `StickView`. */
export type StickJob =
  /** Look what there is. */
  | { readonly do: "look" }
  /** Put the base there and the piece, which then starts. `replace`: another system on it may give way. */
  | { readonly do: "put"; readonly replace: boolean }
  /** Write the base again where it is damaged, or older than the one to be had. */
  | { readonly do: "repair" }
  /** Start another piece. */
  | { readonly do: "start"; readonly folder: string }
  | { readonly do: "remove"; readonly folder: string }
  /** Read every byte. */
  | { readonly do: "check" }
  /** Take all of ours off. */
  | { readonly do: "takeOff" };

/** A stick that was chosen, and what is going on there. */
export interface StickState {
  /** As the person's system calls it. */
  readonly name: string;
  /** What is being done: `look` comes first. Nothing while the person decides. */
  readonly doing?: StickJob["do"];
  /** How far it has come. */
  readonly progress?: StickProgress;
  /** Whether it is to stop, once the file that is being written is in place. */
  readonly stops?: boolean;
  /** What was done last, if it came to an end. */
  readonly did?: StickJob["do"];
  /** What there is; unknown until it has been looked at, and when it cannot be read. */
  readonly found?: StickView;
  /** What happened and what to do, when the last job failed or was stopped. */
  readonly message?: string;
}

/**
 * What is done with an image that is on disk already: choose one; read all of it; write again what is wrong; put the
 * build's piece in; stop what is being done.
 */
export type ImageJob = "choose" | "check" | "repair" | "put" | "stop";

/** An image on disk that was opened, and what is going on there. Sizes in bytes. */
export interface ImageFileState {
  /** The file's, as the person's system calls it. */
  readonly name: string;
  readonly size: number;
  /** Whether it can be written where it is; what is made of it is a new download otherwise. */
  readonly inPlace: boolean;
  readonly doing?: "look" | "check" | "repair" | "put";
  readonly progress?: ImageProgress;
  /** Why nothing comes at the moment, if so. */
  readonly trouble?: Trouble;
  /** What it is, once that is known. */
  readonly found?: ImageView;
  /** What was done last, if it came to an end. */
  readonly did?: ImageDone;
  /** What happened and what to do, when the last job failed or was stopped. */
  readonly message?: string;
}

/** How far a job on an image has come. Sizes in bytes. */
export interface ImageProgress {
  /**
   * It is read; the pieces that are to be put in are fetched; the browser copies all of it, to write in the copy; windows
   * are fetched and written there, or into a download; the browser puts the copy in place.
   */
  readonly does: "reading" | "fetching" | "copying" | "writing" | "finishing";
  readonly done: number;
  readonly total: number;
}

/** What an image on disk is. Nothing of it is believed but what a signature says. Sizes in bytes. */
export interface ImageView {
  /** The pieces in it, by its own words; none in a base image, or when they are damaged. */
  readonly pieces: readonly string[];
  /** Who has built it, by its own words. */
  readonly by?: string;
  readonly base: {
    readonly flavor: string;
    readonly version: string;
    /** As its manifest says it. */
    readonly arch: string;
    /** The version that is offered now, when it is another. */
    readonly newest?: string;
  };
  /** How many bytes lie behind the image: a tool has filled up its file. */
  readonly behind: number;
  /** What came of reading all of it, once that has been done. */
  readonly checked?: {
    /** So many windows of the base are wrong, and their length together. */
    readonly wrong: number;
    readonly bytes: number;
    /** Whether the piece is what its `os.json` says; a base image has none. */
    readonly piece: "whole" | "none" | "damaged";
    /** Whether a partition tool has changed the table, which is left as it is. */
    readonly hasOwnTable: boolean;
  };
}

/** What was made of an image. */
export interface ImageDone {
  readonly job: "repair" | "put";
  /** Where that is: in the file that was opened, or a file of this name in the downloads. */
  readonly fileName: string;
  readonly where: "place" | "downloads";
  /** Of the image that is there now, where all of it is known. */
  readonly sha256?: string;
  /** Of a download: whether it is known to be saved. */
  readonly saved?: boolean;
}

/** How far a job on a stick has come. Sizes in bytes. */
export interface StickProgress {
  /** The file that is being read or written; "" for all of them. */
  readonly path: string;
  /**
   * It is read, to see if it is whole already, or written; or all has been handed over, and the browser puts it in place,
   * which takes a while for a large file.
   */
  readonly does: "reading" | "writing" | "finishing";
  /** Of all files that have to be there: those that are. */
  readonly done: number;
  readonly total: number;
  /** Of `done`, what was written by this job; the rest was there. */
  readonly written: number;
}

/** What is on a stick. Sizes in bytes. */
export interface StickView {
  /** Whether its file system is one that firmware starts from, as far as that can be told. */
  readonly isFat: boolean;
  /** Whether there is anything of ours. */
  readonly isOurs: boolean;
  /** The base that it starts, when that is signed. */
  readonly base?: {
    readonly flavor: string;
    readonly version: string;
    readonly size: number;
    /** Whether it is the one that would be put there. */
    readonly isCurrent: boolean;
  };
  readonly pieces: readonly {
    readonly folder: string;
    readonly name: string;
    readonly size: number;
    readonly starts: boolean;
  }[];
  /** The name of another system that starts from it. */
  readonly other?: string;
  /** What is wrong, by file. */
  readonly problems: readonly string[];
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
  /** Which of several pieces is being fetched. */
  readonly fetching?: BuildState["fetching"];
  /** Of the job on a stick. */
  readonly stick?: StickProgress;
}

/** What is known of a file before it is saved. Size in bytes, SHA-256 in lower-case hex. */
export type FileInfo = Pick<ImageInfo, "fileName" | "size" | "sha256">;

/** All that is known of an image before it is made. Sizes in bytes, digests in lower-case hex. */
export interface ImageInfo {
  /** That it is the piece partition alone, for what has the base already; the whole image when absent. */
  readonly only?: "piece";
  readonly fileName: string;
  readonly size: number;
  /** Of the finished file. */
  readonly sha256: string;
  /** How much of the base the image needs; windows of zeros are made, not fetched. */
  readonly download: number;
  /** How much of that is here already, from an earlier build, perhaps in an older base. */
  readonly here: number;
  readonly piece: {
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
    /** Whether its bundle is AC's with the base's time in it, so that it is the same for everybody (`src/bundle/`). */
    readonly isNormalised?: boolean;
  };
  /** All pieces that are on it, the one above first. */
  readonly pieces: readonly [PieceInfo, ...PieceInfo[]];
  /** Of several pieces, the name of the one that the machine shows first; a menu when absent. */
  readonly start?: string;
  /** Those that were asked for as well, and are not on it. */
  readonly leftOut?: readonly {
    /** As the person named it, if it could not be had. */
    readonly name: string;
    /** What is the matter and what to do; "" when the person has left it out. */
    readonly message: string;
    /** Of its page, if it is here. */
    readonly size?: number;
    /** What it may use when it is put in. */
    readonly allow?: readonly Allowance[];
  }[];
  /** How many bytes of files the piece partition still has room for, and how many it has. */
  readonly room?: { readonly left: number; readonly of: number };
  /** What the pieces may use of the machine that they start, all together. */
  readonly allow: readonly Allowance[];
  /** Who builds it, as `@jeffrey`, where the image says so. */
  readonly by?: string;
  readonly base: {
    readonly name: string;
    readonly version: string;
    readonly flavor: string;
    readonly arch: string;
    /** ISO 8601. */
    readonly created: string;
  };
  /** How the machine is set up, a line for each setting, without secrets; none when it is as usual. */
  readonly setUp?: readonly string[];
  /** What the piece's bundle asks to use, where that has been looked at. */
  readonly asks?: readonly Allowance[];
  /**
   * Of a release from a server: the id of the key that had signed it, and, when it was asked for by version and is
   * older than one seen here before, that newer version.
   */
  readonly release?: { readonly keyId: string; readonly olderThan?: string };
}

/** A piece on an image. */
export interface PieceInfo {
  readonly name: string;
  /** Of its page. */
  readonly size: number;
  readonly sha256: string;
  /** What this one may use, and no other. */
  readonly allow: readonly Allowance[];
  /** What its bundle asks to use, where that has been looked at. */
  readonly asks?: readonly Allowance[];
  /** As for `ImageInfo.piece`. */
  readonly isNormalised?: boolean;
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
