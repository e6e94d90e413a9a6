import type { Color } from "./color.ts";
import { Box } from "./box.ts";
import { glyph } from "../../src/splash/font.ts";

/** A picture: what AC calls a painting, a screen or a buffer. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** A new, transparent picture. */
export function picture(width: number, height: number): Picture {
  return { width, height, pixels: new Uint8ClampedArray(width * height * 4) };
}

/** Draws on a picture, as AC's software renderer does: whole pixels, no smoothing. */
export class Raster {
  color: Color = [255, 255, 255, 255];
  pan = { x: 0, y: 0 };
  target: Picture;

  constructor(target: Picture) {
    this.target = target;
  }

  /** Fill all, without blending. */
  clear(color: Color): void {
    const { pixels } = this.target;
    const value = new Uint32Array(Uint8ClampedArray.from(color).buffer)[0] ?? 0;
    new Uint32Array(pixels.buffer).fill(value);
  }

  plot(x: number, y: number): void {
    this.#fill(x, y, 1, 1);
  }

  /** Both ends included. */
  line(x0: number, y0: number, x1: number, y1: number): void {
    const { floor } = Math;
    let [x, y] = [floor(x0) + this.pan.x, floor(y0) + this.pan.y];
    const [endX, endY] = [floor(x1) + this.pan.x, floor(y1) + this.pan.y];
    if (y === endY) return this.#span(Math.min(x, endX), Math.max(x, endX), y);
    const [dx, dy] = [Math.abs(endX - x), -Math.abs(endY - y)];
    const [stepX, stepY] = [Math.sign(endX - x), Math.sign(endY - y)];
    for (let error = dx + dy; ;) {
      this.#span(x, x, y);
      if (x === endX && y === endY) return;
      const twice = 2 * error;
      if (twice >= dy) [error, x] = [error + dy, x + stepX];
      if (twice <= dx) [error, y] = [error + dx, y + stepY];
    }
  }

  /** `mode` is AC's: `fill`, `outline` (outside), `inline`, with `:thickness` and `*center`. */
  box(x: number, y: number, w: number, h: number, mode = "fill"): void {
    if (!w || !h) return;
    const centered = mode.endsWith("*center");
    const [kind = "", thickness = "1"] = mode.replace(/\*?center$/, "").split(":");
    const left = Math.floor(centered ? x - w / 2 : x);
    const top = Math.floor(centered ? y - h / 2 : y);
    const box = upright(left, top, awayFromZero(w), awayFromZero(h));
    const t = parseInt(thickness) || 1;
    if (kind === "outline" || kind === "out")
      this.#frame(box.x - t, box.y - t, box.w + 2 * t, box.h + 2 * t, t);
    else if (kind === "inline" || kind === "in") this.#frame(box.x, box.y, box.w, box.h, t);
    else if (kind === "fill" || kind === "") this.#fill(box.x, box.y, box.w, box.h);
  }

  /** One line of text, its block's corner at `x`, `y`. */
  text(text: string, x: number, y: number, size: number, blockWidth: number): void {
    Array.from(text).forEach((character, i) => {
      const left = Math.floor(x + blockWidth * size * i);
      for (const pixel of glyph(character)) {
        this.#fill(left + pixel.x * size, Math.floor(y) + pixel.y * size, size, size);
      }
    });
  }

  /** Copy `from`, blending, each of its pixels `scale` pixels wide. */
  paste(from: Picture, x = 0, y = 0, scale = 1): void {
    const kept = this.color;
    for (let row = 0; row < from.height; row++) {
      for (let column = 0; column < from.width; column++) {
        const i = (row * from.width + column) * 4;
        const [r = 0, g = 0, b = 0, a = 0] = from.pixels.subarray(i, i + 4);
        this.color = [r, g, b, a];
        if (a > 0) this.#fill(Math.floor(x) + column * scale, Math.floor(y) + row * scale, scale, scale);
      }
    }
    this.color = kept;
  }

  #fill(x: number, y: number, w: number, h: number): void {
    const left = Math.floor(x) + this.pan.x;
    const top = Math.floor(y) + this.pan.y;
    const bottom = Math.min(top + Math.ceil(h), this.target.height);
    for (let row = Math.max(top, 0); row < bottom; row++) this.#span(left, left + Math.ceil(w) - 1, row);
  }

  #frame(x: number, y: number, w: number, h: number, thickness: number): void {
    if (thickness * 2 > w || thickness * 2 > h) return this.#fill(x, y, w, h);
    this.#fill(x, y, w, thickness);
    this.#fill(x, y + h - thickness, w, thickness);
    this.#fill(x, y + thickness, thickness, h - 2 * thickness);
    this.#fill(x + w - thickness, y + thickness, thickness, h - 2 * thickness);
  }

  /** The one place where pixels change: from `x0` to `x1`, both included. */
  #span(x0: number, x1: number, y: number): void {
    const { width, height, pixels } = this.target;
    const [r, g, b, a] = this.color;
    if (y < 0 || y >= height || x1 < 0 || x0 >= width || a === 0) return;
    const end = (y * width + Math.min(x1, width - 1)) * 4;
    for (let i = (y * width + Math.max(x0, 0)) * 4; i <= end; i += 4) {
      const over = (above: number, below = 0) => (a >= 255 ? above : below + ((above - below) * a) / 255);
      pixels[i] = over(r, pixels[i]);
      pixels[i + 1] = over(g, pixels[i + 1]);
      pixels[i + 2] = over(b, pixels[i + 2]);
      pixels[i + 3] = Math.min(255, a + (pixels[i + 3] ?? 0));
    }
  }
}

/** A box of negative width or height reaches to the left or up from its pixel, which belongs to it. */
function upright(x: number, y: number, w: number, h: number): Box {
  return new Box(w < 0 ? x + w + 1 : x, h < 0 ? y + h + 1 : y, Math.abs(w), Math.abs(h));
}

function awayFromZero(n: number): number {
  return Math.sign(n) * Math.ceil(Math.abs(n));
}
