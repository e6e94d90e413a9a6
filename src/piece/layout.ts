import type { Action, Block, Command, Face, Screen } from "./blocks.ts";
import { box, MACHINE, machine, write, type ButtonItem, type Item } from "./pictures.ts";
import {
  actionButton,
  button,
  buttonWidth,
  rowsOf,
  stacked,
  stripsOf,
  type Frame,
  type Strip,
} from "./strips.ts";
import { words } from "./words.ts";

/** A screen on a canvas: what to draw, and which of its pages this is. */
export interface Layout {
  /** Pixels of the canvas to one of the typeface. */
  readonly unit: number;
  readonly items: readonly Item[];
  readonly buttons: readonly ButtonItem[];
  /** Which page is shown, from 0, of how many. */
  readonly page: number;
  readonly pages: number;
  /** The number of the first offer on each page that has one. */
  readonly firstOffers: readonly (number | undefined)[];
  /** Where the page shows the bundle itself, in fractions of the canvas. */
  readonly preview: { x: number; y: number; width: number; height: number } | null;
}

/**
 * Lay a screen out on a canvas of `width` by `height` pixels. What does not fit on a page goes on to the next: page
 * `wanted` is shown, or the last, or the one with the chosen offer.
 */
export function layout(screen: Screen, width: number, height: number, wanted: number): Layout {
  const frame = frameOf(width, height);
  const single = screen.kind === "meter";
  let { pages, bar } = flow(screen, frame, false);
  if (pages.length > 1 && !single) ({ pages, bar } = flow(screen, frame, true));
  const count = single ? 1 : pages.length;
  const chosen = pages.findIndex((items) => items.some((it) => it.kind === "button" && it.chosen));
  const page = Math.max(0, screen.kind === "picker" ? chosen : Math.min(wanted, count - 1));
  const items = [...(pages[page] ?? []), ...bar.items(page, count)];
  if (frame.roomy) items.push(...standing(screen.face, items, frame, bar.h));
  const preview = items.find(({ kind }) => kind === "preview");
  return {
    unit: frame.unit,
    items,
    buttons: items.filter((it) => it.kind === "button"),
    page,
    pages: count,
    firstOffers: pages.map((each) => offersOn(each)[0]),
    preview:
      preview?.kind === "preview"
        ? {
            x: preview.x / width,
            y: preview.y / height,
            width: preview.w / width,
            height: preview.h / height,
          }
        : null,
  };
}

function frameOf(width: number, height: number): Frame {
  const unit = Math.max(1, Math.floor(Math.min(width / 400, height / 240)));
  const w = Math.max(1, Math.min(width - 12 * unit, 78 * 6 * unit));
  const roomy = height / unit >= 170 && width / unit >= 170;
  return {
    width,
    height,
    unit,
    x: Math.floor((width - w) / 2),
    w,
    top: height < 60 ? 2 : unit > 1 ? 14 + 8 * unit : 22, // below AC's corner label, which does not grow
    line: (roomy ? 13 : 10) * unit,
    roomy,
  };
}

/**
 * The strips of a screen's blocks on pages above its actions; `pager` is whether these leave room to turn the page.
 * A picture to the side stands beside the text where there is room, and else below it.
 */
function flow(screen: Screen, frame: Frame, pager: boolean): { pages: Item[][]; bar: ActionBar } {
  const { unit, top, height, w, x } = frame;
  const bar = actionBar(screen.actions, frame, pager);
  const room = Math.max(frame.line, height - bar.h - 2 * unit - top);
  const aside = screen.kind === "pages" ? screen.aside : undefined;
  const isStep = aside?.some(({ kind }) => kind === "picture") ?? false;
  const column = { ...frame, w: Math.floor((w * (isStep ? 0.53 : 0.56)) / unit) * unit }; // a picture at twice its size
  const strips = (blocks: readonly Block[], where: Frame) =>
    blocks.flatMap((block) => stripsOf(block, where, room));
  const right = { ...frame, w: w - column.w - 8 * unit };
  const side = stacked(strips(aside?.filter(({ kind }) => kind !== "break") ?? [], right));
  const beside = aside && w / unit >= 300 && room / unit >= 90 && side.h <= room;
  const firstBreak = screen.blocks.findIndex(({ kind }) => kind === "break");
  const end = firstBreak < 0 ? screen.blocks.length : firstBreak;
  const all = [
    ...strips(screen.blocks.slice(0, end), beside ? column : frame),
    ...(aside && !beside ? [{ h: 6 * unit }, ...strips(aside, frame)] : []),
  ];
  const rest = strips(screen.blocks.slice(end), frame);

  const pages = [...paginate(all, x, top, room)];
  if (beside) {
    const items = side.items(x + w - right.w, top);
    for (const page of pages) page.push(...items);
  }
  if (rest.length > 0) pages.push(...paginate(rest, x, top, room));
  // After the last of the offers come but hints, which are not worth a page.
  const shown = screen.kind === "picker" ? pages.filter((items) => offersOn(items).length > 0) : pages;
  return { pages: shown, bar };
}

/** Strips on pages that are `room` high. A page is begun where one does not fit, and at a break. */
function paginate(strips: readonly Strip[], x: number, top: number, room: number): Item[][] {
  const pages: Item[][] = [[]];
  let y = 0;
  for (const { h, items } of strips) {
    const isBreak = h === Infinity;
    if ((isBreak && pages.at(-1)!.length > 0) || (!isBreak && y > 0 && y + h > room)) {
      pages.push([]);
      y = 0;
    }
    if (isBreak || (y === 0 && !items)) continue; // no gap at the top
    pages.at(-1)?.push(...(items?.(x, top + y) ?? []));
    y += h;
  }
  return pages;
}

const offersOn = (items: readonly Item[]): number[] =>
  items.flatMap((it) => (it.kind === "button" && it.offer !== undefined ? [it.offer] : []));

interface ActionBar {
  readonly h: number;
  /** For page `page`, from 0, of `pages`. */
  readonly items: (page: number, pages: number) => Item[];
}

/** What can be done, in rows at the bottom, and the pages to turn. */
function actionBar(actions: readonly Action[], frame: Frame, pager: boolean): ActionBar {
  const { x, w, width, height, unit, roomy } = frame;
  if (height < 60 || (actions.length === 0 && !pager)) return { h: 0, items: () => [] };
  const tall = (roomy ? 19 : 15) * unit;
  const between = 4 * unit;
  const one = buttonWidth("<", unit);
  const counter = 6 * 6 * unit;

  const rows = rowsOf(actions, w, unit);
  const last = rows.at(-1)?.at(-1);
  const used = last ? last.x + last.w + between : 0;
  if (pager && (rows.length === 0 || used + 2 * one + counter > w)) rows.push([]);
  const h = rows.length * (tall + between) + between;
  const top = height - h;

  const turning = (page: number, pages: number): Item[] => {
    const y = height - tall - between;
    const inner = y + Math.floor((tall - 9 * unit) / 2);
    const right = x + w - one;
    const count = `${page + 1}/${pages}`;
    const turn = (label: string, command: Command, left: number): Item[] => [
      button({ command, x: left, y, w: one, h: tall, unit }),
      write(label, left + 4 * unit, inner, unit, "key"),
    ];
    return [
      ...(page > 0 ? turn(words.backward, "previousPage", right - one - counter) : []),
      ...(page < pages - 1 ? turn(words.forward, "nextPage", right) : []),
      write(count, right - counter / 2 - 3 * count.length * unit, inner, unit, "dim"),
    ];
  };

  return {
    h,
    items: (page, pages) => [
      box(0, top, width, h, "panel"),
      box(0, top, width, unit, "edge"),
      ...rows.flatMap((row, i) => {
        const y = top + between + i * (tall + between);
        return row.flatMap((placed) => actionButton(placed, x, y, tall, unit));
      }),
      ...(pages > 1 ? turning(page, pages) : []),
    ],
  };
}

/** The machine, on the bar at the bottom to the right, as large as what is above leaves room for. */
function standing(face: Face, items: readonly Item[], frame: Frame, barHeight: number): Item[] {
  const { width, height, unit, x, w } = frame;
  const floor = height - (barHeight || 6 * unit);
  for (const scale of [5 * unit, 4 * unit, 3 * unit, 2 * unit]) {
    const left = x + w - (MACHINE.w + 2) * scale;
    const top = floor - MACHINE.h * scale;
    const taken = items.some((it) => {
      const [wide, high] = it.kind === "text" ? [it.text.length * 6 * it.size, 9 * it.size] : [it.w, it.h];
      return it.y < floor && it.x + wide > left - 6 * unit && it.y + high > top - 6 * unit;
    });
    if (!taken && width > 44 * scale) return machine(face, left, top, scale);
  }
  return [];
}
