import { describe, expect, test } from "vitest";
import { models } from "../testing/models.ts";
import type { Block, Screen } from "./blocks.ts";
import { layout } from "./layout.ts";
import type { Item } from "./pictures.ts";
import { actionsOf, screenOf } from "./screens.ts";

const SIZES = ["128x128", "188x406", "320x200", "476x296", "640x360", "952x592", "1912x1072"];

describe.each(SIZES)("on a canvas of %s", (size) => {
  const [width = 0, height = 0] = size.split("x").map(Number);

  test.each(Object.entries(models))("%s: all that it says is on one of its pages", (_name, model) => {
    const screen = screenOf(model);
    const pages = pagesOf(screen, width, height);
    const said = pages.flatMap(textsAboveBar).join("").replaceAll(" ", "");
    expect(said).not.toBe("");
    const aside = screen.kind === "pages" ? (screen.aside ?? []) : [];
    for (const block of [...screen.blocks, ...aside]) {
      const alternatives = wordsOf(block, screen).map((text) => text.replaceAll(" ", ""));
      if (alternatives.length === 0) continue;
      expect
        .soft(
          alternatives.some((text) => said.includes(text)),
          JSON.stringify(block),
        )
        .toBe(true);
    }
    const pressed = new Set(pages.flat().flatMap((it) => (it.kind === "button" ? [it.command] : [])));
    for (const { command } of actionsOf(screen)) expect.soft(pressed).toContain(command);
  });

  test.each(Object.entries(models))("%s: each page can be turned to, and back", (_name, model) => {
    const screen = screenOf(model);
    const { pages } = layout(screen, width, height, 0);
    expect(pages).toBeGreaterThan(0);
    for (let page = 0; page < pages && screen.kind !== "picker"; page++) {
      const shown = layout(screen, width, height, page);
      const turns = shown.buttons.map(({ command }) => command);
      expect(shown.page).toBe(page);
      expect(turns.includes("nextPage")).toBe(page < pages - 1);
      expect(turns.includes("previousPage")).toBe(page > 0);
    }
    if (screen.kind !== "picker") expect(layout(screen, width, height, 99).page).toBe(pages - 1);
  });
});

test("a meter is one page, whatever fits", () => {
  expect(layout(screenOf(models["saving"]!), 128, 60, 0).pages).toBe(1);
});

test("the page with the chosen offer is shown, and each page knows its first", () => {
  const shown = [0, 6, 10].map((chosen) => layout(screenOf({ ...models["picker"]!, chosen }), 128, 128, 0));
  for (const [i, chosen] of [0, 6, 10].entries()) {
    expect(shown[i]?.buttons.find((it) => it.chosen)?.offer).toBe(chosen);
  }
  const { firstOffers } = shown[0]!;
  expect(firstOffers).toEqual(firstOffers.toSorted((a = 0, b = 0) => a - b));
  expect(firstOffers[0]).toBe(0);
  expect(firstOffers).toHaveLength(shown[0]!.pages);
});

test("the preview stands beside the text where there is room, in fractions of the canvas", () => {
  const wide = layout(screenOf(models["ready"]!), 476, 296, 0).preview;
  expect(wide?.x).toBeGreaterThan(0.5);
  expect((wide?.x ?? 1) + (wide?.width ?? 1)).toBeLessThan(1);
  const tall = layout(screenOf(models["ready"]!), 188, 406, 0).preview;
  expect(tall?.x).toBeLessThan(0.1);
  expect(tall?.y).toBeGreaterThan(0.4);
  expect(layout(screenOf(models["done"]!), 476, 296, 0).preview).toBeNull();
});

/** What is drawn on each page; of pieces to choose from, with each of them chosen. */
function pagesOf(screen: Screen, width: number, height: number): (readonly Item[])[] {
  if (screen.kind !== "picker") {
    const { pages } = layout(screen, width, height, 0);
    return Array.from({ length: pages }, (_, page) => layout(screen, width, height, page).items);
  }
  return screen.offers.map((_, chosen) => {
    const blocks = screen.blocks.map((block) =>
      block.kind === "offer" ? { ...block, chosen: block.number === chosen } : block,
    );
    return layout({ ...screen, blocks }, width, height, 0).items;
  });
}

/** What is written on a page, without the bar of buttons at its bottom. */
function textsAboveBar(items: readonly Item[]): string[] {
  const bar = items.find((it) => it.kind === "box" && it.x === 0 && it.color === "panel");
  return items.flatMap((it) => (it.kind === "text" && it.y < (bar?.y ?? Infinity) ? [it.text] : []));
}

/** What a block must be seen to say, one of these; nothing for what may be left out where there is no room. */
function wordsOf(block: Block, { kind }: Screen): string[] {
  switch (block.kind) {
    case "heading":
      return block.needed ? [block.text] : [];
    case "text":
      if (kind === "picker" || (kind === "meter" && block.color === "dim")) return []; // hints, and what is below
      return block.brief ? [block.text, block.brief] : [block.text];
    case "field":
      return [block.value];
    case "sha256":
      return kind === "meter" ? [] : [block.hex];
    case "pair":
      return [block.left];
    case "news":
      return [block.news || block.pair.left];
    case "offer":
    case "checkbox":
      return [block.label];
    case "cells":
      return [block.cells.at(-1) ?? ""];
    default:
      return [];
  }
}
