import { Box } from "./box.ts";
import { BLOCK_WIDTH } from "../../src/splash/font.ts";
import type { FromDisk } from "./messages.ts";
import { parse } from "./parse.ts";
import { textBox, type TextPosition } from "./text.ts";
import { Button, TextButton } from "./ui.ts";

/** Whatever a piece sends: the page ignores what it does not know. */
export type Send = (
  message: FromDisk | { readonly type: string; readonly content?: unknown },
  transfer?: Transferable[],
) => void;

/** What AC's API needs of the disk that runs the pieces. */
export interface DiskCalls {
  readonly send: Send;
  readonly screen: () => { readonly width: number; readonly height: number };
  readonly needsPaint: () => void;
  readonly jump: (to: string, ahistorical?: boolean, alias?: boolean) => void;
  readonly alias: (name: string, colon: string[], params: string[]) => void;
  readonly back: () => void;
  readonly notice: (text: string, colors?: unknown[]) => void;
  readonly delay: (run: () => void, ticks: number, again: boolean) => void;
  readonly label: (text?: string, color?: unknown) => void;
  /** Who is logged in, as `jeffrey`; nobody until the session message has come. */
  readonly session: () => string | undefined;
  readonly retrieve: (key: string, method: string) => Promise<unknown>;
}

/** The part of `$` that is in every phase and never changes. */
export function stableApi(disk: DiskCalls) {
  const { send } = disk;
  const { origin, host } = location;
  const add = (content: string) => send({ type: "content-create", content: { content } });
  const rewrite = (path: string, historical = false) =>
    send({ type: "rewrite-url-path", content: { path, historical } });
  return {
    send,
    needsPaint: disk.needsPaint,
    jump: disk.jump,
    alias: disk.alias,
    back: disk.back,
    notice: disk.notice,
    delay: (run: () => void, ticks: number) => disk.delay(run, ticks, false),
    blink: (ticks: number, run: () => void) => disk.delay(run, ticks, true),
    seconds: (s: number) => s * 120,
    hud: { label: disk.label },
    dom: {
      html: (strings: TemplateStringsArray, ...values: (string | number)[]) => add(joined(strings, values)),
      css: (strings: TemplateStringsArray, ...values: (string | number)[]) =>
        add(`<style>${joined(strings, values)}</style>`),
      javascript: (strings: TemplateStringsArray, ...values: (string | number)[]) =>
        add(`<script>${joined(strings, values)}</script>`),
      clear: () => send({ type: "content-remove" }),
    },
    net: {
      host,
      pieces: `${origin}/aesthetic.computer/disks`,
      parse,
      rewrite,
      preload,
      sandboxed: false,
      iframe: false,
      refresh: () => send({ type: "refresh" }),
      web: (url: string, blank = false) => send({ type: "web", content: { url, blank } }),
    },
    store: {
      persist(this: Record<string, unknown>, key: string, method = "local") {
        send({ type: "store:persist", content: { key, method, data: this[key] } });
      },
      retrieve: (key: string, method = "local") => disk.retrieve(key, method),
      delete(this: Record<string, unknown>, key: string, method = "local") {
        delete this[key];
        send({ type: "store:delete", content: { key, method } });
        return Promise.resolve(true);
      },
    },
    text: {
      capitalize: (word: string) => word.charAt(0).toUpperCase() + word.slice(1),
      box: (text: string, pos: TextPosition = { x: 0, y: 0 }, bounds?: number, scale = 1, wordWrap = true) =>
        textBox(text, pos, bounds, scale, wordWrap, disk.screen()),
    },
    typeface: { blockWidth: BLOCK_WIDTH },
    ui: { Button, TextButton },
    geo: { Box },
    num,
    help,
    platform: platform(navigator.userAgent),
    sound: { synth: () => ({ kill() {}, progress: () => 0, update() {} }) }, // the stage is silent
    get user() {
      return disk.session() === undefined ? undefined : { sub: "stage" };
    },
    handle: () => {
      const handle = disk.session();
      return handle === undefined ? undefined : `@${handle}`;
    },
    authorize: () => Promise.reject(new Error("Nobody logs in on the stage")),
    debug: true,
  } satisfies Partial<Api> & object;
}

function joined(strings: TemplateStringsArray, values: (string | number)[]): string {
  return strings.reduce((all, part, i) => all + part + String(values[i] ?? ""), "");
}

async function preload(path: string): Promise<unknown> {
  const response = await fetch(new URL(path.replace(/^\//, ""), `${location.origin}/`));
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  if (path.split("?")[0]?.endsWith(".json")) return response.json();
  throw new Error(`The stage preloads JSON only, not ${path}`);
}

function platform(agent: string) {
  const iOS = /iPhone|iPad|iPod/.test(agent);
  const Android = agent.includes("Android");
  const MetaBrowser = agent.includes("OculusBrowser");
  const Safari = /^((?!chrome|android|crios|fxios).)*safari/i.test(agent);
  return {
    iOS,
    Android,
    Safari,
    Desktop: !iOS && !Android && !MetaBrowser,
    MetaBrowser,
    TikTok: false,
    Aesthetic: false,
    AestheticExtension: false,
  };
}

const { floor, hypot, max, min, random } = Math;

const num = {
  clamp: (value: number, low: number, high: number) => min(max(value, low), high),
  lerp: (a: number, b: number, amount: number) => a + (b - a) * min(max(amount, 0), 1),
  map: (value: number, low: number, high: number, to: number, toHigh: number) =>
    ((value - low) / (high - low)) * (toHigh - to) + to,
  wrap: (n: number, to: number) => ((n % to) + to) % to,
  dist: (x0: number, y0: number, x1: number, y1: number) => hypot(x1 - x0, y1 - y0),
  even: (n: number) => n % 2 === 0,
  odd: (n: number) => n % 2 !== 0,
  rand: () => random(),
  randInt: (n: number) => floor(random() * (n + 1)),
  randIntRange: (low: number, high: number) => low + floor(random() * (high - low + 1)),
  radians: (degrees: number) => (degrees * Math.PI) / 180,
  degrees: (radians: number) => (radians * 180) / Math.PI,
};

const help = {
  choose: <T>(...from: T[]) => from[floor(random() * from.length)],
  any: <T>(from: T[] | Record<string, T>) => help.choose(...Object.values(from)),
  flip: () => random() < 0.5,
  repeat: (times: number, run: (i: number) => void) => {
    for (let i = 0; i < times; i++) run(i);
  },
};
