import type { Allowance } from "../allowances.ts";
import { gap, text, type Block } from "./blocks.ts";
import { plain } from "./text.ts";
import { words } from "./words.ts";

const USES = Object.keys(words.uses) as Allowance[];

/** What the piece called `name` may use of the machine that it starts, each to be allowed or not. */
export function allowing(
  name: string,
  allow: readonly Allowance[],
  asks: readonly Allowance[] = [],
): Block[] {
  return [
    gap(),
    text(words.allowing(plain(name)), { color: "title" }),
    ...USES.map((use): Block => {
      const label = asks.includes(use) ? words.asked(words.uses[use].label) : words.uses[use].label;
      const checked = allow.includes(use);
      return { kind: "checkbox", key: words.uses[use].key, label, checked, command: `use:${use}` };
    }),
  ];
}
