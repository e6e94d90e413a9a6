/**
 * What a piece may use of the machine that it starts, beyond screen, sound, keys and pointers. Nothing of it unless whoever
 * makes the stick says so; `allow` in `os.json` carries it there. In alphabetical order.
 */
export const ALLOWANCES = [
  /** To see: `getUserMedia` with `video`. */
  "camera",
  /** To hear: `getUserMedia` with `audio`. */
  "microphone",
  /** To play and to be played by MIDI devices: `requestMIDIAccess`. */
  "midi",
  /** To reach other computers, by cable or Wi-Fi, and all that a web page reaches them with. */
  "network",
  /** To send MIDI devices system exclusive messages, by which some are changed for good. It includes `midi`. */
  "sysex",
] as const;

/** One of `ALLOWANCES`. */
export type Allowance = (typeof ALLOWANCES)[number];

/** `words` as allowances, sorted and each once, and those that are none (of a later release, or a mistake). */
export function allowancesOf(words: readonly unknown[]): { allow: Allowance[]; unknown: unknown[] } {
  return {
    allow: ALLOWANCES.filter((known) => words.includes(known)),
    unknown: words.filter((word) => !ALLOWANCES.some((known) => known === word)),
  };
}

/** `allow` with `use` in it or not, sorted; system exclusive messages go with MIDI, and not without it. */
export function withAllowance(allow: readonly Allowance[], use: Allowance, allowed: boolean): Allowance[] {
  const also: Allowance[] = [use];
  if (use === "sysex" && allowed) also.push("midi");
  if (use === "midi" && !allowed) also.push("sysex");
  return ALLOWANCES.filter((each) => (also.includes(each) ? allowed : allow.includes(each)));
}
