// AC's piece API, as far as our pieces use it: what AC-pieces get in `$`. Global, as a piece imports nothing.

/** What every phase gets. Keep what you need: `$` itself is made anew for each. */
interface Api extends AcPencil {
  /** All of this. */
  api: Api;
  /** `os notepat` → `["notepat"]`. */
  params: string[];
  /** `os:notepat` → `["notepat"]`; `undefined` in odd loads of AC's older runtime. */
  colon: string[] | undefined;
  slug: string;
  /** `os`, or `os:notepat` in AC's older runtime. */
  piece: string;
  query: Record<string, string>;
  screen: AcScreen;
  /** Whether the person likes it dark; `undefined` until AC knows. */
  dark: boolean | undefined;
  inFocus: boolean;
  paintCount: number;
  simCount: number;
  /** The primary pointer, once there is one. */
  pen: AcPen | undefined;
  pens: () => AcPen[];
  platform: Record<
    "iOS" | "Android" | "Desktop" | "Safari" | "MetaBrowser" | "TikTok" | "Aesthetic" | "AestheticExtension",
    boolean
  >;

  /** In `act` only. */
  event: AcEvent;
  /** To a listener of `window.when`; in `act` and `sim` only. */
  signal: (message: string | { type: string; content?: unknown }) => void;

  /** Paint again, after `paint` has returned false. */
  needsPaint: () => void;
  send: (message: { type: string; content?: unknown }) => void;
  jump: (to: string, ahistorical?: boolean, alias?: boolean) => void;
  alias: (name: string, colon: string[], params: string[]) => void;
  back: () => void;
  /** Large, across the screen, for a little more than a second: `["white", "green"]` on green. */
  notice: (text: string, colors?: AcColor[]) => void;
  /** Run once, after so many ticks of `sim`. */
  delay: (run: () => void, ticks: number) => void;
  /** Run again and again. */
  blink: (ticks: number, run: () => void) => void;
  /** In ticks of `sim`. */
  seconds: (s: number) => number;
  hud: { label: (text?: string, color?: AcColor) => void };
  dom: {
    /** HTML over the canvas. Of all its scripts the first is run, once in a visit. */
    html: (strings: TemplateStringsArray, ...values: (string | number)[]) => void;
    css: (strings: TemplateStringsArray, ...values: (string | number)[]) => void;
    javascript: (strings: TemplateStringsArray, ...values: (string | number)[]) => void;
    clear: () => void;
  };
  net: {
    host: string;
    pieces: string;
    parse: (slug: string) => {
      piece: string;
      colon?: string[];
      params: string[];
      path: string;
      text: string;
    };
    /** The address bar only. */
    rewrite: (path: string, historical?: boolean) => void;
    refresh: () => void;
    web: (url: string, blank?: boolean) => void;
    /** By the extension of its name. */
    preload: (path: string) => Promise<any>;
    sandboxed?: boolean;
    iframe?: boolean;
  };
  store: {
    [key: string]: any;
    persist: (key: string, method?: "local" | "local:db") => void;
    /** One at a time: AC's older runtime forgets the first of two. */
    retrieve: (key: string, method?: "local" | "local:db") => Promise<any>;
    delete: (key: string, method?: "local" | "local:db") => Promise<boolean>;
  };
  text: {
    capitalize: (word: string) => string;
    /** Lines of words for `bounds` pixels. */
    box: (
      text: string,
      pos?: AcTextPosition,
      bounds?: number,
      scale?: number,
      wordWrap?: boolean,
    ) => {
      pos: AcTextPosition;
      box: { x?: number | undefined; y?: number | undefined; width: number; height: number };
      lines: string[][];
    };
  };
  typeface: { blockWidth: number };
  ui: {
    Button: new (x: number | AcBox, y?: number, w?: number, h?: number) => AcButton;
    TextButton: new (text: string, position: AcButtonPosition) => AcTextButton;
  };
  geo: { Box: new (x?: number, y?: number, w?: number, h?: number) => AcBox };
  num: {
    clamp: (value: number, low: number, high: number) => number;
    lerp: (a: number, b: number, amount: number) => number;
    map: (value: number, low: number, high: number, to: number, toHigh: number) => number;
    wrap: (n: number, to: number) => number;
    dist: (x0: number, y0: number, x1: number, y1: number) => number;
    rand: () => number;
    randInt: (n: number) => number;
    randIntRange: (low: number, high: number) => number;
    radians: (degrees: number) => number;
    degrees: (radians: number) => number;
  };
  help: {
    choose: <T>(...from: T[]) => T | undefined;
    any: <T>(from: T[]) => T | undefined;
    flip: () => boolean;
    repeat: (times: number, run: (i: number) => void) => void;
  };
  /** Nobody, until AC's session message has come; late. */
  user: unknown;
  handle: () => string | undefined;
  authorize: () => Promise<string>;
  debug: boolean;
  sound: {
    synth: (options: {
      tone?: number | string;
      type?: "sine" | "triangle" | "square" | "sawtooth";
      beats?: number;
      attack?: number;
      decay?: number;
      volume?: number;
    }) => { kill: () => void };
  };
}

/** Drawing calls are queued and run after `paint` has returned; each returns these calls. */
interface AcPencil {
  ink: (...color: AcColor[]) => AcPencil;
  wipe: (...color: AcColor[]) => AcPencil;
  line: (x0: number, y0: number, x1: number, y1: number) => AcPencil;
  /** `fill`, `outline` (outside), `inline`; `outline:2` is thicker, `fill*center` is centred. */
  box: {
    (x: number, y: number, w: number, h: number, mode?: string): AcPencil;
    (x: number, y: number, size: number, mode?: string): AcPencil;
    (box: AcBox | [number, number, number, number], mode?: string): AcPencil;
  };
  /** ASCII. With `bounds` in pixels, broken into lines. What is missing of x and y is a random place. */
  write: (
    text: string,
    pos: AcTextPosition,
    background?: AcColor,
    bounds?: number,
    wordWrap?: boolean,
  ) => AcPencil;
  plot: (x: number, y: number) => AcPencil;
  /** Centred on x and y. */
  stamp: (picture: AcPicture, x?: number, y?: number) => AcPencil;
  paste: (picture: AcPicture, x?: number, y?: number, scale?: number) => AcPencil;
  painting: (width: number, height: number, draw?: (pencil: AcPencil) => void) => AcPicture;
  pan: (x: number, y?: number) => AcPencil;
  unpan: () => AcPencil;
  /** What is drawn in a higher layer lies above, whenever it is drawn. */
  layer: (n: number) => AcPencil;
}

/** `(r, g, b, a)`, `(grey, a)`, a CSS name, `"#rrggbb"`; an unknown name and nothing at all are random. */
type AcColor = number | string | number[] | boolean | undefined;

interface AcScreen {
  readonly width: number;
  readonly height: number;
  /** In `boot` and `paint` only. */
  readonly center: { x: number; y: number };
  readonly pixels: Uint8ClampedArray;
}

interface AcPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8ClampedArray;
}

interface AcBox {
  x: number;
  y: number;
  w: number;
  h: number;
}

interface AcTextPosition {
  x?: number | undefined;
  y?: number | undefined;
  center?: string | undefined;
  left?: number | undefined;
  right?: number | undefined;
  top?: number | undefined;
  bottom?: number | undefined;
  size?: number | undefined;
}

interface AcButtonPosition {
  x?: number;
  y?: number;
  center?: "xy";
  left?: number;
  right?: number;
  top?: number;
  bottom?: number;
  screen?: { width: number; height: number };
}

interface AcPen {
  readonly x: number;
  readonly y: number;
  readonly drawing: boolean;
  readonly device: string;
}

interface AcEvent {
  /** `touch`, `lift`, `draw`, `move` (`touch:any`), `keyboard:down:c`, `reframed`, `signal`, `scroll` … */
  is: (name: string) => boolean;
  readonly name: string;
  readonly device: string;
  readonly x: number;
  readonly y: number;
  readonly pointer: number;
  readonly key: string;
  readonly repeat: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly ctrl: boolean;
  /** All that `window.signal` was given since the last time. AC empties this very array afterwards. */
  readonly signal: any[];
  /** Of `load-error`. */
  readonly error: Error;
}

interface AcButton {
  box: AcBox & { contains(place: { x: number; y: number }): boolean };
  down: boolean;
  over: boolean;
  disabled: boolean;
  btn: AcButton;
  act(
    e: AcEvent,
    on: (() => void) | Partial<Record<"down" | "push" | "cancel" | "rollover" | "rollout", () => void>>,
    pens?: AcPen[],
  ): void;
  paint(draw: (button: AcButton) => void): void;
}

/** Six pixels a character and eight, by 19. */
interface AcTextButton {
  txt: string;
  btn: AcButton;
  down: boolean;
  disabled: boolean;
  readonly width: number;
  readonly height: number;
  reposition(position: AcButtonPosition, text?: string): void;
  /** Each scheme is `[fill, outline, text, text background]`. */
  paint($: AcPencil, scheme?: AcColor[], hoverScheme?: AcColor[], disabledScheme?: AcColor[]): void;
}
