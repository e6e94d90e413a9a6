import { architectureOf } from "../architectures.ts";

// How pieces are named in AC's addresses and at its prompt.

/** What a person wants: pieces by their names, in their order, each once, and a flavor, version or architecture of base. */
export interface Named {
  readonly pieces: readonly string[];
  readonly qualifiers: readonly string[];
}

/**
 * At the prompt pieces and qualifiers stand in one row, so these words are no pieces there, unless one is the first: the
 * flavors of base in `base/`, architectures, and versions.
 */
const isQualifier = (word: string) =>
  /^(?:kiosk|tiny|\d[\d.]*)$/.test(word) || architectureOf(word) !== undefined;

/**
 * What AC's `colon` and `params` name: `os notepat line tiny` as well as `os:notepat:tiny~line`. What follows a name
 * after a colon is always a qualifier.
 */
export function namedBy(colon: readonly string[] = [], params: readonly string[] = []): Named {
  const pieces = new Set<string>();
  const qualifiers: string[] = [];
  for (const word of [colon.join(":"), ...params]) {
    const [name, ...rest] = word.split(":").filter((part) => part !== "");
    if (name === undefined) continue;
    if (pieces.size > 0 && isQualifier(name)) qualifiers.push(name);
    else pieces.add(name);
    qualifiers.push(...rest);
  }
  return { pieces: [...pieces], qualifiers };
}

/**
 * What `namedBy` reads back, as AC's addresses have it: `os:notepat`, `os:notepat:tiny`, `os:notepat~line~@jeffrey/frog`.
 * AC itself joins what follows a piece's name with tildes.
 */
export function addressOf({ pieces: [first = "", ...others], qualifiers }: Named): string {
  return ["os", first, ...qualifiers].join(":") + others.map((name) => `~${name}`).join("");
}
