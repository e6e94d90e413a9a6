import { picture, type Picture } from "./raster.ts";

const GAP = 8; // CSS pixels around the canvas, as AC leaves them

/** The canvas on the page: pixels `density` CSS pixels wide, in the middle of the window. */
export class View {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly density: number;

  constructor(canvas: HTMLCanvasElement, density: number) {
    this.#canvas = canvas;
    this.density = density;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no canvas");
    this.#context = context;
  }

  /** The size in canvas pixels that the window asks for. */
  get size(): { width: number; height: number } {
    const gap = Math.floor((GAP * devicePixelRatio) / this.density);
    const fit = (length: number) => Math.max(1, Math.floor(length / this.density) - gap);
    return { width: fit(innerWidth), height: fit(innerHeight) };
  }

  show({ width, height, pixels }: Picture): void {
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${width * this.density}px`;
      canvas.style.height = `${height * this.density}px`;
    }
    this.#context.putImageData(new ImageData(pixels, width, height), 0, 0);
  }

  /** An empty picture of the right size, for what the page itself has to say. */
  blank(): Picture {
    const { width, height } = this.size;
    return picture(width, height);
  }

  /** A point of the window in canvas pixels. */
  point(x: number, y: number): { x: number; y: number } {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: Math.floor((x - left) / this.density), y: Math.floor((y - top) / this.density) };
  }
}
