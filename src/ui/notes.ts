import * as v from "valibot";
import { MAX_SEEN, parseSeen, type SeenVersions, withSeen } from "../release/seen.ts";
import type { ImageInfo } from "../messages.ts";
import { parsePiece } from "../piece/name.ts";

// What this browser remembers of builds, in localStorage. Little, and nothing depends on it.

const KEY = "os:notes";
/** How many pieces are remembered. */
const RECENT = 8;
/** No notes that we have written are longer, in characters. */
const LONGEST = 16 * 1024;

// Every page and piece of the site can write here, so each note is checked by itself as it is read.
const pieceName = v.pipe(v.string(), v.check(isPiece));
const schema = v.object({
  /** The newest versions of base seen. */
  seen: v.fallback(v.record(v.string(), v.unknown()), {}),
  /** Pieces made ready lately, the last one first. */
  recent: v.fallback(v.array(v.unknown()), []),
  /** Whether base images are to stay when a build is over. */
  keep: v.fallback(v.boolean(), false),
  /** Whether images say who has built them, where AC knows. */
  sign: v.fallback(v.boolean(), true),
});

interface Notes {
  readonly seen: SeenVersions;
  readonly recent: readonly string[];
  readonly keep: boolean;
  readonly sign: boolean;
}

function read(): Notes {
  try {
    const text = localStorage.getItem(KEY) ?? "";
    if (text.length > LONGEST) throw new RangeError("longer than any of ours");
    const { seen, recent, keep, sign } = v.parse(schema, JSON.parse(text));
    const versions = Object.entries(seen).filter(
      ([channel, version]) => parseSeen({ [channel]: version }) && isPast(version as string),
    );
    return {
      seen: parseSeen(Object.fromEntries(versions.slice(-MAX_SEEN))) ?? {},
      recent: recent.filter((each) => v.is(pieceName, each)).slice(0, RECENT),
      keep,
      sign,
    };
  } catch {
    return { seen: {}, recent: [], keep: false, sign: true }; // nothing yet, or not ours, or no storage here
  }
}

/**
 * Whether a version is not from the far future: they are dates. One that is would make every base to come look old,
 * and be refused.
 */
function isPast(text: string): boolean {
  return Number.parseInt(text) <= new Date().getUTCFullYear() + 1;
}

function isPiece(text: string): boolean {
  try {
    return parsePiece(text) === text;
  } catch {
    return false;
  }
}

function write(change: Partial<Notes>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), ...change }));
  } catch {
    // no storage here
  }
}

/** What this browser remembers. Where there is no storage, nothing is remembered and nothing fails. */
export const notes = {
  /** The newest versions of base seen. */
  get seen(): SeenVersions {
    return read().seen;
  },
  /** Pieces made ready lately, the last one first. */
  get recent(): readonly string[] {
    return read().recent;
  },
  /** Whether base images are to stay when a build is over. */
  get keep(): boolean {
    return read().keep;
  },
  set keep(keep: boolean) {
    write({ keep });
  },
  /** Whether images say who has built them, where AC knows: until the person has said that they do not want it. */
  get sign(): boolean {
    return read().sign;
  },
  set sign(sign: boolean) {
    write({ sign });
  },
  /** An image of this piece is ready to be made, on this base. */
  recordReady({ piece, base, release }: Pick<ImageInfo, "piece" | "base" | "release">): void {
    const { seen, recent } = read();
    write({
      seen: release ? withSeen(seen, { ...base, keyId: release.keyId }) : seen,
      recent: [piece.name, ...recent.filter((name) => name !== piece.name)].slice(0, RECENT),
    });
  },
};
