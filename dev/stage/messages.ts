// What passes between the page and the disk worker, as in AC: a frame goes down whenever the display
// refreshes and the one before has come back; everything a piece `send`s comes up.

import type { Picture } from "./raster.ts";

/** Main thread → disk worker. */
export type ToDisk =
  | { readonly type: "load"; readonly slug: string; readonly fromHistory: boolean }
  | Frame
  | { readonly type: "reframed" }
  | { readonly type: "signal"; readonly content: unknown }
  | { readonly type: "focus-change"; readonly content: boolean }
  | { readonly type: "dark-mode"; readonly content: boolean }
  | { readonly type: "scroll"; readonly content: Scroll }
  | { readonly type: "store:retrieved"; readonly content: unknown }
  /** Somebody has logged in. */
  | { readonly type: "session"; readonly handle: string }
  | { readonly type: "ping" };

/** How far the wheel was turned, in canvas pixels; twice, as AC's runtimes differ. */
export interface Scroll {
  readonly x: number;
  readonly y: number;
  readonly delta: { readonly x: number; readonly y: number };
}

/** Time has passed, and this happened meanwhile. */
export interface Frame {
  readonly type: "frame";
  readonly width: number;
  readonly height: number;
  /** How many 120ths of a second to simulate. */
  readonly updates: number;
  readonly pens: readonly PenEvent[];
  readonly pointers: readonly Pointer[];
  readonly keys: readonly KeyEvent[];
  readonly focused: boolean;
}

/** A pen, mouse or finger, in canvas pixels. */
export interface Pointer {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly px: number;
  readonly py: number;
  readonly delta: { readonly x: number; readonly y: number };
  readonly device: string;
  readonly pressure: number;
  readonly isPrimary: boolean;
  readonly drawing: boolean;
  readonly button: number;
}

/** What a pointer does, by AC's names. */
export interface PenEvent extends Pointer {
  readonly name: "touch" | "lift" | "draw" | "move";
  /** Which of the pointers down, from 1. */
  readonly pointer: number;
}

/** A key that went down or up. */
export interface KeyEvent {
  /** `keyboard:down:c`, `keyboard:up:space` … */
  readonly name: string;
  readonly key: string;
  readonly repeat: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly ctrl: boolean;
}

/** Disk worker → main thread. Pieces may `send` any of these, and more, which are ignored. */
export type FromDisk =
  | { readonly type: "rendered"; readonly content: Rendered }
  | { readonly type: "disk-loaded"; readonly content: Loaded }
  | { readonly type: "trouble"; readonly content: string }
  | { readonly type: "signal"; readonly content: string | { type: string; content?: unknown } }
  | { readonly type: "content-create"; readonly content: { readonly content: string } }
  | { readonly type: "content-remove" }
  | { readonly type: "store:persist"; readonly content: { key: string; method: string; data: unknown } }
  | { readonly type: "store:retrieve" | "store:delete"; readonly content: { key: string; method: string } }
  | { readonly type: "rewrite-url-path"; readonly content: { path: string; historical?: boolean } }
  | { readonly type: "web"; readonly content: { url: string; blank: boolean } }
  | { readonly type: "back-to-piece" | "refresh" | "pong" }
  | { readonly type: "keyboard:enabled" | "keyboard:open" | "keyboard:close" };

/** The frame is done; `picture` only if there is something new to see. */
export interface Rendered {
  readonly picture?: Picture;
  /** What the piece has written in it, in order. */
  readonly text?: readonly string[];
}

/** A piece has taken the stage. */
export interface Loaded {
  readonly slug: string;
  readonly piece: string;
  readonly first: boolean;
  readonly fromHistory: boolean;
  readonly alias: boolean;
  readonly title: string;
  readonly desc: string;
}
