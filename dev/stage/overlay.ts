import { findColor } from "./color.ts";
import { BLOCK_WIDTH, LINE_HEIGHT } from "../../src/splash/font.ts";
import { Raster, type Picture } from "./raster.ts";
import { textBox } from "./text.ts";

/** A copy of `screen`, ready to be given away, with the corner label and what went wrong drawn over it. */
export function overlaid(
  screen: Picture,
  label: { text: string; color: unknown } | undefined,
  trouble: string,
) {
  const copy = { ...screen, pixels: screen.pixels.slice() };
  const raster = new Raster(copy);
  const write = (text: string, x: number, y: number, color: unknown) => {
    raster.color = findColor(color);
    raster.text(text, x, y, 1, BLOCK_WIDTH);
  };
  if (label) {
    write(label.text, 7, 7, 0);
    write(label.text, 6, 6, label.color);
  }
  if (trouble) {
    const { lines } = textBox(trouble, {}, screen.width - 6, 1, true, screen);
    const top = screen.height - lines.length * LINE_HEIGHT - 6;
    raster.color = findColor(140, 0, 40);
    raster.box(0, top, screen.width, screen.height - top);
    lines.forEach((line, i) => write(line.join(" "), 6, top + 3 + i * LINE_HEIGHT, [255, 230, 120]));
  }
  return copy;
}
