import { stableApi } from "./api.ts";
import { keyEvent, penEvent, plainEvent } from "./event.ts";
import { loadPiece, type Host, type Piece } from "./load.ts";
import type { Frame, KeyEvent, PenEvent, Rendered, ToDisk } from "./messages.ts";
import { overlaid } from "./overlay.ts";
import { Painting } from "./painting.ts";
import { parse, type Parsed } from "./parse.ts";
import { picture, type Picture } from "./raster.ts";
import { Timers } from "./timers.ts";
import { Button } from "./ui.ts";

const NOTICE_TICKS = 160;

/**
 * Runs one piece after another, as AC's disk worker does (`lib/disk.mjs`): for each frame `sim` for the
 * time that has passed, `act` for each event, then `paint` unless the piece rests; before its first paint
 * `boot`, which is awaited. AC warns of a failing piece in the console; here it is also shown.
 */
export class Disk {
  readonly #host: Host;
  readonly #api: ReturnType<typeof stableApi>;
  readonly #painting = new Painting(picture(1, 1));
  #piece: Piece = {};
  #place: object = {}; // params, colon, slug, … of the piece
  #slug = "";
  #booted = false;
  #broken = false; // boot has failed: AC would try it again at every frame
  #rests = false;
  #paintCount = 0;
  #simCount = 0;
  #pieceCount = -1;
  #loading = false;
  #leave: (() => Promise<void>) | undefined; // a jump waits for the end of the frame
  #history: string[] = [];
  #signals: unknown[] = [];
  #alerts: string[] = [];
  #failure: unknown; // of loading, until a piece has been told
  #reframed = false;
  #focused = true;
  #handle: string | undefined;
  #dark: boolean | undefined;
  #timers = new Timers();
  #notice: { text: string; colors: unknown[]; left: number } | undefined;
  #label: { text: string; color: unknown; button: Button } | undefined;
  #trouble = "";
  #stale = false; // something beside the piece's own painting has changed
  #retrieved: ((value: unknown) => void) | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#api = stableApi({
      send: host.send,
      screen: () => this.#painting.target,
      needsPaint: () => (this.#rests = false),
      jump: (to, ahistorical, alias) => this.#jump(to, ahistorical, alias),
      alias: (name, colon, params) => {
        const path = `aesthetic.computer/disks/${name}`;
        const parsed = { ...parse(this.#slug), path, piece: name, colon, params };
        if (!this.#loading) this.#leave ??= () => this.#load(parsed, { alias: true });
      },
      back: () => {
        if (this.#history.length > 0) host.send({ type: "back-to-piece" });
        else this.#jump("prompt");
      },
      notice: (text, colors = ["white", "green"]) => {
        this.#notice = { text, colors, left: NOTICE_TICKS };
        this.#rests = false;
      },
      delay: (run, ticks, again) => this.#timers.add(run, ticks, again),
      label: (text, color) => this.#setLabel(text, color),
      session: () => this.#handle,
      retrieve: (key, method) => {
        if (this.#retrieved)
          this.#report(`store.retrieve("${key}") while another waits: AC forgets the first`);
        const value = new Promise<unknown>((resolve) => (this.#retrieved = resolve));
        host.send({ type: "store:retrieve", content: { key, method } });
        return value;
      },
    });
  }

  /** Take a message of the page. */
  async receive(message: ToDisk): Promise<void> {
    if (message.type === "frame") await this.#frame(message);
    else if (message.type === "load") await this.#arrive(message.slug, message.fromHistory);
    else if (message.type === "ping") this.#host.send({ type: "pong" });
    else if (message.type === "session") this.#handle = message.handle;
    else if (message.type === "reframed") this.#reframed = this.#booted;
    else if (message.type === "signal") this.#signals.push(message.content);
    else if (message.type === "store:retrieved") {
      this.#retrieved?.(message.content);
      this.#retrieved = undefined;
    } else if (message.type === "dark-mode") {
      this.#dark = message.content;
      this.#alerts.push(message.content ? "dark-mode" : "light-mode");
    } else if (message.type === "scroll") {
      if (this.#acting)
        this.#act(this.#updateApi(), plainEvent("scroll", { ...message.content, device: "wheel" }));
    } else if (message.content !== this.#focused) {
      this.#focused = message.content;
      if (this.#acting) this.#act(this.#updateApi(), plainEvent(this.#focused ? "focus" : "defocus"));
    }
  }

  get #acting(): boolean {
    return this.#booted && this.#paintCount > 0;
  }

  async #frame({ width, height, updates, pens, pointers, keys, focused }: Frame): Promise<void> {
    for (const key of keys) this.#globalKey(key);
    const primary = pointers.find((pointer) => pointer.isPrimary);
    const now = { pen: primary, pens: (n?: number) => (n === undefined ? pointers : pointers[n - 1]) };
    Object.assign(this.#place, now);

    if (this.#acting) {
      const $ = this.#updateApi();
      for (let i = 0; i < updates; i++) this.#sim($);
      if (this.#reframed) this.#act($, plainEvent("reframed"));
      this.#reframed = false;
      if (this.#failure) this.#act($, plainEvent("load-error", { error: this.#failure }));
      this.#failure = undefined;
      if (this.#signals.length > 0) {
        this.#act($, plainEvent("signal", { signal: this.#signals }));
        this.#signals.length = 0; // the very array: a piece that keeps it will find it empty, as in AC
      }
      for (const pen of pens) this.#pen($, pen);
      for (const key of keys) this.#act($, keyEvent(key));
      for (const name of this.#alerts.splice(0)) this.#act($, plainEvent(name));
    }

    const rendered = await this.#render(width, height, focused);
    if (this.#leave) this.#depart(this.#leave);
    const transfer = rendered.picture ? [rendered.picture.pixels.buffer] : [];
    this.#host.send({ type: "rendered", content: rendered }, transfer);
  }

  async #render(width: number, height: number, focused: boolean): Promise<Rendered> {
    const painting = this.#painting;
    if (painting.target.width !== width || painting.target.height !== height) {
      painting.target = reframed(painting.target, width, height);
      this.#stale = true;
    }
    const { target } = painting;
    const screen = { ...target, center: { x: width / 2, y: height / 2 } };
    const $ = this.#phaseApi({
      screen,
      paintCount: this.#paintCount,
      inFocus: focused,
      fps() {},
    });

    const piece = this.#piece;
    if (this.#pieceCount >= 0 && this.#paintCount === 0 && !this.#loading && !this.#broken) {
      try {
        await piece.boot?.($);
        this.#booted = true;
      } catch (error) {
        this.#broken = true;
        this.#report("boot", error);
      }
    }
    let text: string[] | undefined;
    if (this.#booted && !this.#rests) {
      painting.written.length = 0;
      let rests: unknown;
      try {
        rests = piece.paint ? piece.paint($) : void painting.api.wipe(64);
      } catch (error) {
        this.#report("paint", error);
      }
      this.#rests = rests === false || (rests !== undefined && rests !== true);
      if (this.#notice) {
        const { text: words, colors } = this.#notice;
        painting.api.layer(1000).ink(colors[0]);
        painting.api.write(words, { center: "xy", size: 2 }, colors[1], width - 8).layer(0);
      }
      painting.run();
      text = painting.written.slice();
      this.#paintCount += 1;
      this.#stale = true;
    }
    if (!this.#stale) return {};
    this.#stale = false;
    return { picture: overlaid(target, this.#label, this.#trouble), ...(text ? { text } : {}) };
  }

  #sim($: Api): void {
    $.simCount = ++this.#simCount;
    try {
      this.#piece.sim?.($);
      this.#timers.step();
    } catch (error) {
      this.#report("sim", error);
    }
    if (this.#notice && --this.#notice.left <= 0) {
      this.#notice = undefined;
      this.#rests = false;
    }
  }

  #act($: Api, event: Partial<AcEvent>): void {
    Object.assign($, { event });
    try {
      this.#piece.act?.($);
    } catch (error) {
      this.#report("act", error);
    }
  }

  /** The corner label is a button to the prompt, and what hits it does not reach the piece. */
  #pen($: Api, pen: PenEvent): void {
    const event = penEvent(pen);
    let masked = false;
    this.#label?.button.act(event, {
      down: () => (masked = true),
      push: () => {
        masked = true;
        this.#jump("prompt");
      },
    });
    if (!masked) this.#act($, event);
  }

  /** Keys that AC takes for itself, whatever the piece does with them. */
  #globalKey({ name, key }: KeyEvent): void {
    if (!name.startsWith("keyboard:down") || !["`", "Enter", "Backspace", "Escape"].includes(key)) return;
    if (parse(this.#slug).piece === "prompt") return;
    this.#jump(key === "Backspace" ? `prompt~${this.#label?.text ?? this.#slug}` : "prompt");
  }

  #jump(to: string, ahistorical = false, alias = false): void {
    if (this.#leave || this.#loading) return; // already leaving: the first jump counts
    const out = to.startsWith("out:");
    if (out || (to.startsWith("http") && !to.endsWith(".mjs"))) {
      this.#host.send({ type: "web", content: { url: to.replace(/^out:/, ""), blank: out } });
    } else {
      this.#leave = () => this.#load(parse(to), { fromHistory: ahistorical, alias });
    }
  }

  async #arrive(slug: string, fromHistory: boolean): Promise<void> {
    const load = () => this.#load(parse(slug), { fromHistory });
    if (this.#pieceCount < 0) await load();
    else if (!this.#loading) this.#leave = load;
  }

  /** The old piece is told, and goes on until the new one has been loaded. */
  #depart(load: () => Promise<void>): void {
    this.#leave = undefined;
    try {
      this.#piece.leave?.(this.#phaseApi({ screen: this.#painting.target }));
    } catch (error) {
      this.#report("leave", error);
    }
    void load();
  }

  async #load(parsed: Parsed, { fromHistory = false, alias = false }): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    try {
      const { piece, title, desc } = await loadPiece(this.#host, parsed);
      this.#swap(parsed, piece, { fromHistory, alias, title, desc });
    } catch (error) {
      this.#loading = false;
      this.#failure = error;
      this.#host.send({ type: "trouble", content: `${parsed.text}: ${messageOf(error)}` });
      console.error(error);
      if (this.#pieceCount < 0) return this.#load(parse(`prompt~${parsed.text}`), { fromHistory: true });
      this.#api.notice(messageOf(error), ["red", "yellow"]);
    }
  }

  #swap(
    parsed: Parsed,
    piece: Piece,
    loaded: { fromHistory: boolean; alias: boolean; title: string; desc: string },
  ): void {
    const { text: slug, colon, params, hash, search } = parsed;
    const left = this.#slug;
    if (!loaded.fromHistory && left && left !== "prompt" && left !== this.#history.at(-1)) {
      this.#history.push(left);
    }
    this.#piece = piece;
    this.#slug = slug;
    this.#pieceCount += 1;
    const query = Object.fromEntries(new URLSearchParams(search));
    this.#place = { piece: parsed.piece, slug, colon, params, query, hash, pieceCount: this.#pieceCount };
    this.#loading = this.#booted = this.#broken = this.#rests = false;
    this.#paintCount = this.#simCount = 0;
    this.#timers.clear();
    this.#trouble = "";
    if (!loaded.alias) this.#setLabel(slug);
    if (piece.nohud || parsed.piece === "prompt") this.#setLabel();
    const first = this.#pieceCount === 0;
    this.#host.send({ type: "disk-loaded", content: { slug, piece: parsed.piece, first, ...loaded } });
  }

  #setLabel(text?: string, color: unknown = [255, 200, 240]): void {
    const button = new Button(0, 0, (text ?? "").length * 6 + 6, 11 + 6);
    this.#label = text ? { text: text.replaceAll("~", " "), color, button } : undefined;
    this.#stale = true;
  }

  /** `$` of `act` and `sim`: the only one with `signal`. */
  #updateApi(): Api {
    const { width, height, pixels } = this.#painting.target;
    return this.#phaseApi({
      screen: { width, height, pixels },
      inFocus: this.#focused,
      signal: (content: unknown) => this.#host.send({ type: "signal", content }),
      simCount: this.#simCount,
    });
  }

  #phaseApi(parts: object): Api {
    const { api: pencil } = this.#painting;
    const state = { dark: this.#dark, history: this.#history, loading: this.#loading, cursor() {} };
    const $ = { ...this.#api, ...this.#place, ...state, ...pencil, ...parts };
    // oxlint-disable-next-line no-unsafe-type-assertion -- in each phase some parts of it are missing, as in AC
    return Object.assign($, { api: $ }) as unknown as Api;
  }

  #report(where: string, error?: unknown): void {
    const text = error === undefined ? where : `${where}: ${messageOf(error)}`;
    if (text === this.#trouble) return; // sixty times a second
    this.#trouble = text;
    this.#stale = true;
    console.error(`${this.#slug}: ${text}`, error ?? "");
    this.#host.send({ type: "trouble", content: `${this.#slug}: ${text}` });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A new screen with what fits of the old one, until the piece paints. */
function reframed(old: Picture, width: number, height: number): Picture {
  const made = picture(width, height);
  new Uint32Array(made.pixels.buffer).fill(0xff000000);
  for (let y = 0; y < Math.min(old.height, height); y++) {
    const row = old.pixels.subarray(y * old.width * 4, (y * old.width + Math.min(old.width, width)) * 4);
    made.pixels.set(row, y * width * 4);
  }
  return made;
}
