import { boxOf, endsOf, type Argument } from "./arguments.ts";
import { findColor } from "./color.ts";
import { BLOCK_WIDTH } from "../../src/splash/font.ts";
import { picture, Raster, type Picture } from "./raster.ts";
import { place, textBox, type TextPosition } from "./text.ts";

/** The drawing half of a piece's API; drawing calls return it, so that they chain. */
export interface Pencil {
  ink(...color: unknown[]): Pencil;
  wipe(...color: unknown[]): Pencil;
  plot(x: number, y: number): Pencil;
  line(...ends: Argument[]): Pencil;
  box(...box: Argument[]): Pencil;
  write(
    text: string | number | undefined,
    position?: TextPosition | [number, number],
    behind?: unknown,
    bounds?: number,
    wordWrap?: boolean,
  ): Pencil;
  paste(from: Picture | undefined, x?: number, y?: number, scale?: number): Pencil;
  stamp(from: Picture | undefined, x?: number, y?: number): Pencil;
  pan(x: number, y?: number): Pencil;
  unpan(): Pencil;
  layer(number: number): Pencil;
  /** A new picture, drawn on at once by `draw`. */
  painting(width: number, height: number, draw?: (pencil: Pencil) => void): Picture;
}

/**
 * AC's drawing calls. They are queued, layer by layer, and run after the piece's `paint` has returned:
 * what a piece reads from `screen.pixels` meanwhile is the frame before.
 */
export class Painting {
  /** All that was written since somebody emptied it, in order. */
  readonly written: string[] = [];
  readonly api: Pencil = this.#createApi();
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

  #createApi(): Pencil {
    return {
      ink: (...color) => {
        this.#ink = color.flat();
        return this.#queue((raster) => (raster.color = findColor(...color)));
      },
      wipe: (...color) => this.#queue((raster) => raster.clear(findColor(...color))),
      plot: (x, y) => this.#queue((raster) => raster.plot(x, y)),
      line: (...ends) =>
        this.#queue((raster) => {
          const [x0, y0, x1, y1] = endsOf(ends);
          const { width, height } = raster.target;
          raster.line(x0 ?? any(width), y0 ?? any(height), x1 ?? any(width), y1 ?? any(height));
        }),
      box: (...args) =>
        this.#queue((raster) => {
          const { box, mode } = boxOf(args);
          const [x = any(raster.target.width), y = any(raster.target.height), w = NaN, h = NaN] = box;
          raster.box(x, y, w, h, mode);
        }),
      write: (text, position, behind, bounds, wordWrap = true) => {
        if (!text) return this.api;
        const all = String(text);
        const pos = Array.isArray(position) ? { x: position[0], y: position[1] } : { ...position };
        this.written.push(all);
        if (!bounds) return this.#print(all, pos, 0, behind);
        const wrapped = textBox(all, pos, bounds, pos.size || 1, wordWrap, this.target);
        wrapped.lines.forEach((line, i) => this.#print(line.join(" "), wrapped.pos, i, behind));
        return this.api;
      },
      paste: (from, x = 0, y = 0, scale = 1) =>
        this.#queue((raster) => from && raster.paste(from, x, y, scale)),
      stamp: (from, x = 0, y = 0) =>
        this.#queue((raster) => from && raster.paste(from, x - from.width / 2, y - from.height / 2)),
      pan: (x, y = x) =>
        this.#queue((raster) => {
          raster.pan = { x: raster.pan.x + Math.floor(x), y: raster.pan.y + Math.floor(y) };
        }),
      unpan: () => this.#queue((raster) => (raster.pan = { x: 0, y: 0 })),
      layer: (number) => {
        this.#layer = number;
        return this.api;
      },
      painting: (width, height, draw) => {
        const painting = new Painting(picture(width, height));
        draw?.(Object.assign({ screen: { width, height } }, painting.api));
        painting.run();
        return painting.target;
      },
    };
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

function any(size: number): number {
  return Math.floor(Math.random() * size);
}
