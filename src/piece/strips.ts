import type { Action, Block } from "./blocks.ts";
import { box, PICTURE, pictures, write, type ButtonItem, type Item } from "./pictures.ts";
import type { ColorName } from "./palette.ts";
import { wrap } from "./text.ts";
import { words } from "./words.ts";

/** Where things go on a canvas, in its pixels. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  /** A pixel of the typeface; grows with the canvas. */
  readonly unit: number;
  /** The column of the text, and how high a line is. */
  readonly x: number;
  readonly w: number;
  readonly top: number;
  readonly line: number;
  /** Whether there is room for what is only nice to have. */
  readonly roomy: boolean;
}

/** What a page cannot cut: its height, and what to draw at a place. Without items it is a gap. */
export interface Strip {
  readonly h: number;
  readonly items?: (x: number, y: number) => Item[];
}

const CHARACTER = 6; // pixels of the typeface, as AC's is

/** How wide a text with a button around it is. */
export const buttonWidth = (label: string, unit: number): number => (label.length * CHARACTER + 8) * unit;

/** A place to press. */
export const button = (it: Omit<ButtonItem, "kind" | "chosen"> & { chosen?: boolean }): ButtonItem => ({
  kind: "button",
  chosen: false,
  ...it,
});

/** A block as strips, from top to bottom; `room` is how high a page is. */
export function stripsOf(block: Block, frame: Frame, room: number): Strip[] {
  const { unit, w, line, roomy } = frame;
  const columns = columnsOf(frame);
  switch (block.kind) {
    case "heading": {
      if (!roomy) return block.needed ? paragraph(block.text, "title", frame) : []; // AC's label has our name
      const large = block.text.length * 2 * CHARACTER * unit <= w ? 2 : 1;
      const shown = block.text.slice(0, columns);
      const items = (x: number, y: number) => [
        write(shown, x + unit, y + unit, unit * large, "shade"),
        write(shown, x, y, unit * large, "title"),
      ];
      return [{ h: 26 * unit, items }];
    }
    case "text": {
      const shown = roomy ? block.text : block.brief;
      return shown ? paragraph(shown, block.color, frame) : [];
    }
    case "gap":
      return [{ h: (roomy ? 6 : 3) * unit }];
    case "break":
      return [{ h: Infinity }];
    case "field": {
      if (columns < 32) {
        return paragraph(block.clear ? block.value : `${block.label} ${block.value}`, "text", frame);
      }
      return labelled(block.label, paragraph(block.value, "text", frame, LABEL), frame);
    }
    case "sha256": {
      const indent = columns >= 42 ? LABEL : 0;
      const chunk = [64, 32, 16, 8, 4].find((n) => n + indent <= columns) ?? 1;
      const rows = block.hex.match(new RegExp(`.{1,${chunk}}`, "g")) ?? [];
      const strips = rows.map((row) => ({
        h: line,
        items: (x: number, y: number) => [write(row, x + indent * CHARACTER * unit, y, unit, "dim")],
      }));
      if (indent) return labelled(words.sha256, strips, frame);
      return [...paragraph(words.sha256, "dim", frame), ...strips];
    }
    case "bar":
      return [{ h: 14 * unit, items: (x, y) => lamps(block.part, block.calm, x, y, w, unit) }];
    case "pair": {
      const { left, right, widest } = block;
      const together = widest[0].length + 1 + widest[1].length <= columns;
      const items = (x: number, y: number) => {
        const all = left ? [write(left, x, y, unit, "text")] : [];
        if (right && together)
          all.push(write(right, x + w - right.length * CHARACTER * unit, y, unit, "text"));
        else if (right) all.push(write(right, x, y + line, unit, "text"));
        return all;
      };
      return [{ h: together ? line : 2 * line, items }];
    }
    case "news": {
      const numbers = stacked(stripsOf(block.pair, frame, room));
      const tallest = Math.max(...block.holds.map((each) => wrap(each, columns).length));
      const shown = block.news ? stacked(paragraph(block.news, block.color, frame)) : numbers;
      return [{ ...shown, h: Math.max(numbers.h, tallest * line) }];
    }
    case "dots": {
      const items = (x: number, y: number) =>
        [0, 1, 2].map((i) =>
          box(x + i * 8 * unit, y + 4 * unit, 5 * unit, 5 * unit, i === block.lit ? "bar" : "track"),
        );
      return [{ h: 14 * unit, items }];
    }
    case "input": {
      const shown = `> ${block.text}`.slice(-Math.max(1, columns - 1));
      const items = (x: number, y: number) => [
        write(shown, x, y + 2 * unit, unit, "title"),
        box(x + shown.length * CHARACTER * unit, y + 2 * unit, 5 * unit, 8 * unit, "bar"),
      ];
      return [{ h: 15 * unit, items }];
    }
    case "offer": {
      const { piece, number, chosen, label, note, marked } = block;
      const place = { offer: number, chosen };
      if (marked !== undefined) {
        const mark = marked ? "[x] " : "[ ] ";
        return [
          pressable(
            { ...place, command: `mark:${piece}` },
            ["", mark, label, note],
            Math.min(w, 220 * unit),
            frame,
          ),
        ];
      }
      const own = buttonWidth(words.mark, unit);
      const wide = Math.min(w - own - 2 * unit, 220 * unit);
      const { h, items } = pressable(
        { ...place, command: `go:${piece}` },
        ["", "", label, note],
        wide,
        frame,
      );
      const marking = (x: number, y: number) => [
        button({ command: `mark:${piece}`, x, y, w: own, h: h - unit, unit }),
        write(words.mark, x + 4 * unit, y + 2 * unit, unit, "dim"),
      ];
      return [{ h, items: (x, y) => [...items(x, y), ...marking(x + wide + 2 * unit, y)] }];
    }
    case "choice": {
      const { command, key, label, note } = block;
      return [pressable({ command }, [`${key} `, "", label, note], Math.min(w, 320 * unit), frame)];
    }
    case "checkbox": {
      const { command, key, checked, label } = block;
      const mark = checked ? "[x] " : "[ ] ";
      const longest = wrap(label, Math.max(1, columns - 8)).map((row) => row.length);
      const wide = buttonWidth(`${key} ${mark}${" ".repeat(Math.max(...longest))}`, unit);
      return [pressable({ command }, [`${key} `, mark, label, ""], Math.min(w, wide), frame)];
    }
    case "row": {
      const tall = (roomy ? 17 : 15) * unit;
      return rowsOf(block.actions, w, unit).map((row) => ({
        h: tall + 2 * unit,
        items: (x, y) => row.flatMap((placed) => actionButton(placed, x, y, tall, unit)),
      }));
    }
    case "cells": {
      const wide = Math.max(...block.cells.map((cell) => cell.length)) + 2;
      const across = Math.max(1, Math.floor((columns + 2) / wide));
      const down = Math.ceil(block.cells.length / across);
      return Array.from({ length: down }, (_, i) => ({
        h: line,
        items: (x, y) =>
          block.cells
            .filter((_cell, n) => n % down === i)
            .map((cell, n) => write(cell.slice(0, columns), x + n * wide * CHARACTER * unit, y, unit, "key")),
      }));
    }
    case "picture": {
      const fit = Math.min(Math.floor(w / PICTURE.w), Math.floor((room * 0.4) / PICTURE.h));
      const scale = Math.max(1, fit);
      const items = (x: number, y: number) => pictures[block.name](x, y + 2 * unit, scale);
      return PICTURE.w <= w ? [{ h: PICTURE.h * scale + (roomy ? 9 : 6) * unit, items }] : [];
    }
    case "preview": {
      const h = Math.floor(Math.min(room - 6 * unit, (w * 10) / 16));
      const wide = Math.floor(Math.min(w, (h * 16) / 10));
      const items = (x: number, y: number): Item[] => [
        box(x, y, wide, h, "edge"),
        { kind: "preview", x: x + unit, y: y + unit, w: wide - 2 * unit, h: h - 2 * unit },
        box(x + unit, y + unit, wide - 2 * unit, h - 2 * unit, "glass"),
      ];
      return h > 12 * unit ? [{ h: h + 4 * unit, items }] : [];
    }
    case "qr":
      return qr(block.rows, w, room, unit);
    default:
      throw new TypeError(`no such block: ${JSON.stringify(block satisfies never)}`);
  }
}

/** Where a button of a row stands in it, and what it is called there. */
export interface Placed {
  readonly action: Action;
  readonly label: string;
  readonly x: number;
  readonly w: number;
}

/** Actions in rows of no more than `w`, by their short names if the full ones need several. */
export function rowsOf(actions: readonly Action[], w: number, unit: number): Placed[][] {
  const broken = (length: 0 | 1) => {
    const rows: Placed[][] = [];
    let used = w;
    for (const action of actions) {
      const label = action.name[length];
      const wide = buttonWidth(`${action.keys[0]} ${label.padEnd(action.other[length].length)}`, unit);
      if (used + wide > w) {
        rows.push([]);
        used = 0;
      }
      rows.at(-1)?.push({ action, label, x: used, w: wide });
      used += wide + 4 * unit;
    }
    return rows;
  };
  const full = broken(0);
  const isTooWide = full.some((row) => row.some((placed) => placed.w > w));
  return full.length > 1 || isTooWide ? broken(1) : full;
}

/** A button with its key and what it does, in a row that begins at `x`. */
export function actionButton(placed: Placed, x: number, y: number, tall: number, unit: number): Item[] {
  const { action, label, w } = placed;
  const { command, keys } = action;
  const key = keys[0] ?? "";
  const left = x + placed.x;
  const inner = y + Math.floor((tall - 9 * unit) / 2);
  return [
    button({ command, x: left, y, w, h: tall, unit }),
    write(key, left + 4 * unit, inner, unit, "key"),
    write(label, left + (4 + CHARACTER * (key.length + 1)) * unit, inner, unit, "text"),
  ];
}

const LABEL = 10; // characters to the left of a value

const columnsOf = ({ w, unit }: Frame): number => Math.max(1, Math.floor(w / (CHARACTER * unit)));

/** Lines, `from` characters to the right. */
function paragraph(text: string, color: ColorName, frame: Frame, from = 0): Required<Strip>[] {
  const { unit, line } = frame;
  return wrap(text, Math.max(1, columnsOf(frame) - from)).map((row) => ({
    h: line,
    items: (x, y) => [write(row, x + from * CHARACTER * unit, y, unit, color)],
  }));
}

/** With a label to the left of the first. */
function labelled(label: string, strips: readonly Required<Strip>[], { unit }: Frame): Strip[] {
  return strips.map(({ h, items }, i) => ({
    h,
    items: (x, y) => [...(i === 0 ? [write(label, x, y, unit, "dim")] : []), ...items(x, y)],
  }));
}

/** Several strips as one, which no page can cut. */
export function stacked(strips: readonly Strip[]): Required<Strip> {
  return {
    h: strips.reduce((sum, { h }) => sum + h, 0),
    items(x, y) {
      let top = y;
      return strips.flatMap(({ h, items }) => {
        top += h;
        return items?.(x, top - h) ?? [];
      });
    },
  };
}

/** A line, or a few, that can be pressed: a key, a mark, a label, and a note to the right if there is room. */
function pressable(
  place: Pick<ButtonItem, "command"> & Partial<Pick<ButtonItem, "offer" | "chosen">>,
  [key, mark, label, note]: readonly [string, string, string, string],
  wide: number,
  frame: Frame,
): Required<Strip> {
  const { unit, line } = frame;
  const from = key.length + mark.length;
  const rows = wrap(label, Math.max(1, Math.floor((wide / unit - 8) / CHARACTER) - from));
  const longest = Math.max(...rows.map((row) => row.length));
  const h = rows.length * line + 2 * unit;
  const at = (column: number) => (4 + CHARACTER * column) * unit;
  const items = (x: number, y: number) => {
    const top = y + 2 * unit;
    const all: Item[] = [button({ ...place, x, y, w: wide, h, unit })];
    if (key) all.push(write(key.trim(), x + at(0), top, unit, "key"));
    if (mark) all.push(write(mark.trim(), x + at(key.length), top, unit, "key"));
    rows.forEach((row, i) => all.push(write(row, x + at(from), top + i * line, unit, "text")));
    const left = wide - (note.length * CHARACTER + 4) * unit;
    if (note && left > (longest + 2) * CHARACTER * unit) all.push(write(note, x + left, top, unit, "dim"));
    return all;
  };
  return { h: h + unit, items };
}

/** An old machine's bar: lamps from purple to pink. */
function lamps(part: number, calm: boolean, x: number, y: number, w: number, unit: number): Item[] {
  const count = Math.max(1, Math.floor((w - 2 * unit) / (6 * unit)));
  const lit = Math.floor(part * count);
  const colorOf = (i: number): ColorName => {
    if (i >= lit) return "track";
    if (calm) return "dim";
    return i / count < 0.34 ? "from" : i / count < 0.67 ? "body" : "bar";
  };
  return [
    box(x, y, w, 12 * unit, "edge"),
    box(x + unit, y + unit, w - 2 * unit, 10 * unit, "glass"),
    ...Array.from({ length: count }, (_, i) =>
      box(x + (2 + 6 * i) * unit, y + 2 * unit, 5 * unit, 8 * unit, colorOf(i)),
    ),
  ];
}

/** Black on white in either palette, with the white edge that readers need. */
function qr(rows: readonly string[], w: number, room: number, unit: number): Strip[] {
  const across = rows.length + 8;
  const dot = Math.floor(Math.min(w, Math.max(room * 0.62, Math.min(room, 90 * unit))) / across);
  if (dot < 1) return [];
  const items = (x: number, y: number) => [
    box(x, y, across * dot, across * dot, "white"),
    ...rows.flatMap((row, i) =>
      Array.from(row.matchAll(/1+/g), ({ index, 0: run }) =>
        box(x + (4 + index) * dot, y + (4 + i) * dot, run.length * dot, dot, "black"),
      ),
    ),
  ];
  return [{ h: across * dot + 4 * unit, items }];
}
