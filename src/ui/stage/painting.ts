import { findColor } from "./color.ts";
import { BLOCK_WIDTH } from "./font.ts";
import { picture, Raster, type Picture } from "./raster.ts";
import { place, textBox, type TextPosition } from "./text.ts";

/** The drawing half of a piece's API; every call returns it, so that calls chain. */
export type Pencil = Painting["api"];

/**
 * AC's drawing calls. They are queued, layer by layer, and run after the piece's `paint` has returned:
 * what a piece reads from `screen.pixels` meanwhile is the frame before.
 */
export class Painting {
  /** All that was written since the last `run`, in order. */
  readonly written: string[] = [];
  readonly api = this.#createApi();
  readonly #raster: Raster;
  #layers: (() => void)[][] = [];
  #layer = 0;
  #ink: unknown[] = [255, 255, 255, 255];

  constructor(target: Picture) {
    this.#raster = new Raster(target);
  }

  get target(): Picture {
    return this.#raster.target;
  }
  set target(target: Picture) {
    this.#raster.target = target;
  }

  /** Draw what was queued. */
  run(): void {
    const layers = this.#layers;
    this.#layers = [];
    this.#layer = 0;
    for (const layer of layers) for (const draw of layer ?? []) draw();
  }

  #queue(draw: (raster: Raster) => void): Pencil {
    (this.#layers[this.#layer] ??= []).push(() => draw(this.#raster));
    return this.api;
  }

  #createApi() {
    const api = {
      ink: (...color: unknown[]): typeof api => {
        this.#ink = color.flat();
        return this.#queue((raster) => (raster.color = findColor(...color)));
      },
      wipe: (...color: unknown[]): typeof api => this.#queue((raster) => raster.clear(findColor(...color))),
      plot: (x: number, y: number): typeof api =>
        this.#queue((raster) => raster.plot(x + raster.pan.x, y + raster.pan.y)),
      line: (...ends: unknown[]): typeof api =>
        this.#queue((raster) => {
          const [x0, y0, x1, y1] = endsOf(ends);
          const { width, height } = raster.target;
          raster.line(x0 ?? any(width), y0 ?? any(height), x1 ?? any(width), y1 ?? any(height));
        }),
      box: (...args: unknown[]): typeof api =>
        this.#queue((raster) => {
          const { x, y, w, h, mode } = boxOf(args);
          const { width, height } = raster.target;
          raster.box(x ?? any(width), y ?? any(height), w ?? NaN, h ?? NaN, mode);
        }),
      write: (
        text: unknown,
        position?: TextPosition | [number, number],
        behind?: unknown,
        bounds?: number,
        wordWrap = true,
      ): typeof api => {
        if (!text) return api;
        const all = String(text as string);
        const pos = Array.isArray(position) ? { x: position[0], y: position[1] } : { ...position };
        this.written.push(all);
        if (!bounds) return this.#print(all, pos, 0, behind);
        const wrapped = textBox(all, pos, bounds, pos.size || 1, wordWrap, this.target);
        wrapped.lines.forEach((line, i) => this.#print(line.join(" "), wrapped.pos, i, behind));
        return api;
      },
      paste: (from: Picture | undefined, x = 0, y = 0, scale = 1): typeof api =>
        this.#queue((raster) => from && raster.paste(from, x, y, scale)),
      stamp: (from: Picture | undefined, x = 0, y = 0): typeof api =>
        this.#queue((raster) => from && raster.paste(from, x - from.width / 2, y - from.height / 2)),
      pan: (x: number, y = x): typeof api =>
        this.#queue((raster) => {
          raster.pan = { x: raster.pan.x + Math.floor(x), y: raster.pan.y + Math.floor(y) };
        }),
      unpan: (): typeof api => this.#queue((raster) => (raster.pan = { x: 0, y: 0 })),
      layer: (number: number): typeof api => {
        this.#layer = number;
        return api;
      },
      /** A new picture, drawn on at once by `draw`. */
      painting: (width: number, height: number, draw?: (pencil: object) => void): Picture => {
        const made = picture(width, height);
        const painting = new Painting(made);
        draw?.({ ...painting.api, screen: { width, height } });
        painting.run();
        return made;
      },
      inkrn: () => this.#ink,
    };
    return api;
  }

  /** One line, with its background, in the ink at hand. */
  #print(text: string, position: TextPosition, number: number, behind: unknown): Pencil {
    const { x, y, width, height } = place(text, position, this.target, number);
    const ink = this.#ink;
    if (behind !== undefined && behind !== null) this.api.ink(behind).box(x, y, width, height);
    this.api.ink(...ink);
    return this.#queue((raster) => raster.text(text, x, y, position.size || 1, BLOCK_WIDTH));
  }
}

type Maybe = number | undefined;

/** `(x0, y0, x1, y1)`, `({x0, y0, x1, y1})`, `([x, y], [x, y])` or `({x, y}, {x, y})`. */
function endsOf(args: unknown[]): Maybe[] {
  if (args.length === 1) {
    const { x0, y0, x1, y1 } = args[0] as Record<string, Maybe>;
    return [x0, y0, x1, y1];
  }
  if (args.length !== 2) return args as Maybe[];
  return args.flatMap((end) => {
    const { x, y } = end as { x: Maybe; y: Maybe };
    return Array.isArray(end) ? (end as Maybe[]) : [x, y];
  });
}

/** `(x, y, w, h[, mode])`, `(x, y, size[, mode])`, `({x, y, w, h}[, mode])` or `([x, y, w, h][, mode])`. */
function boxOf(args: unknown[]): { x: Maybe; y: Maybe; w: Maybe; h: Maybe; mode: string | undefined } {
  const last = args.at(-1);
  const mode = args.length > 1 && typeof last === "string" ? last : undefined;
  const numbers = (mode === undefined ? args : args.slice(0, -1)) as Maybe[];
  if (numbers.length > 2) {
    const [x, y, w, h = w] = numbers;
    return { x, y, w, h, mode };
  }
  const [first] = args as [unknown];
  if (Array.isArray(first)) {
    const [x, y, w, h] = first as Maybe[];
    return { x, y, w, h, mode };
  }
  const { x = 0, y = 0, w, h, width = w, height = h } = (first ?? {}) as Record<string, Maybe>;
  return { x, y, w: width, h: height ?? width, mode };
}

function any(size: number): number {
  return Math.floor(Math.random() * size);
}
