import { BLOCK_WIDTH, LINE_HEIGHT } from "../../src/splash/font.ts";

/** Where text goes, as pieces say it. What is missing of x and y is a random place. */
export interface TextPosition {
  x?: number | undefined;
  y?: number | undefined;
  center?: string | undefined;
  left?: number | undefined;
  right?: number | undefined;
  top?: number | undefined;
  bottom?: number | undefined;
  size?: number | undefined;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** How high a line is. The gap between lines does not grow with the size. */
export function lineHeight(size: number): number {
  return (LINE_HEIGHT - 2) * size + 2;
}

/**
 * Where AC's `Typeface.print` puts line `number` of a text: the corner of its first block. AC's oddities
 * are kept, since a piece must look the same there: `right` leaves room for one character only, and what
 * is random is so for each line.
 */
export function place(text: string, position: TextPosition, screen: Size, number = 0) {
  const size = position.size || 1;
  const [width, height] = [BLOCK_WIDTH * size * text.length, lineHeight(size)];
  const center = position.center ?? "";
  let { x, y } = position;
  if (position.center === undefined) {
    if (position.right !== undefined) x = screen.width - BLOCK_WIDTH - position.right;
    else if (position.left !== undefined) x = position.left;
    else x ??= between(-width / 2, screen.width + width / 2);
    if (position.bottom !== undefined) y = screen.height - height - position.bottom;
    else if (position.top !== undefined) y = position.top;
    else y ??= between(-height / 2, screen.height + height / 2);
  }
  if (center.includes("x")) x = (x ?? screen.width / 2) - width / 2;
  if (center.includes("y")) y = (y ?? screen.height / 2) - Math.floor(height / 2);
  return { x: x ?? 0, y: (y ?? 0) + number * height, width, height };
}

/**
 * AC's `text.box`: break `text` into lines of less than `bounds` pixels, at spaces or, without
 * `wordWrap`, anywhere. A word longer than the bounds is left whole. Each line is a list of words.
 */
export function textBox(
  text: string,
  position: TextPosition,
  bounds: number | undefined,
  scale: number,
  wordWrap: boolean,
  screen: Size,
) {
  const blockWidth = BLOCK_WIDTH * Math.abs(scale);
  const width = bounds ?? (text.length + 2) * blockWidth;
  const lines = wordWrap ? words(text, width, blockWidth) : characters(text, Math.floor(width / blockWidth));
  const pos = { ...position };
  const height = lines.length * LINE_HEIGHT * scale;
  if (pos.center?.includes("y")) {
    pos.y = screen.height / 2 - height / 2 + (LINE_HEIGHT * scale) / 2 + (pos.y ?? 0);
  }
  return { pos, box: { x: pos.x, y: pos.y, width, height }, lines };
}

function words(text: string, width: number, blockWidth: number): string[][] {
  const lines: string[][] = [[]];
  let run = 0;
  const newLine = () => {
    run = 0;
    lines.push([]);
  };
  const parts: string[] = [];
  text.split(" ").forEach((word, i, all) => {
    if (word === "" && i > 0 && all[i - 1] === "")
      parts[parts.length - 1] += " "; // as AC keeps runs of spaces
    else parts.push(word);
  });
  for (const part of parts) {
    part.split("\n").forEach((segment, i) => {
      const length = (segment.length + 1) * blockWidth;
      if (run + length >= width || i > 0) newLine();
      lines.at(-1)?.push(segment);
      run += length;
    });
  }
  return lines;
}

function characters(text: string, columns: number): string[][] {
  return text.split("\n").flatMap((line) => {
    const lines = line.match(new RegExp(`.{1,${Math.max(columns, 1)}}`, "gu")) ?? [];
    return lines.length === 0 ? [[]] : lines.map((each) => [each]);
  });
}

/** A random whole number, like AC's `randIntRange`. */
function between(low: number, high: number): number {
  return Math.floor(low + Math.random() * (high - low));
}
