import * as v from "valibot";
import { MAX_SEEN, parseSeen, type SeenVersions, withSeen } from "../release/seen.ts";
import type { ImageInfo } from "../messages.ts";
import { parsePiece } from "../piece/name.ts";

// What this browser remembers of builds, in localStorage. Little, and nothing depends on it.

const KEY = "os:notes";
/** How many builds are remembered. */
const RECENT = 8;
/** How many pieces a build may have (`MOST_PIECES` in `src/image/os-json.ts`). */
const PIECES = 32;
/** No notes that we have written are longer, in characters. */
const LONGEST = 64 * 1024;

// Every page and piece of the site can write here, so each note is checked by itself as it is read.
const built = v.pipe(v.string(), v.check(isBuilt));
const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.object({
  /** The newest versions of base seen. */
  seen: v.fallback(v.record(v.string(), v.unknown()), {}),
  /** What was made ready lately, the last first: pieces, and with tildes between those that were made together. */
  recent: v.fallback(v.array(v.unknown()), []),
  /** How large the pages of those are. */
  sizes: v.fallback(v.record(v.string(), v.unknown()), {}),
  /** How much room there is for pieces on the base that was taken last. */
  room: v.fallback(bytes, 0),
  /** Whether base images are to stay when a build is over. */
  keep: v.fallback(v.boolean(), false),
  /** Whether images say who has built them, where AC knows. */
  sign: v.fallback(v.boolean(), true),
});

interface Notes {
  readonly seen: SeenVersions;
  readonly recent: readonly string[];
  readonly sizes: Readonly<Record<string, number>>;
  readonly room: number;
  readonly keep: boolean;
  readonly sign: boolean;
}

function read(): Notes {
  try {
    const text = localStorage.getItem(KEY) ?? "";
    if (text.length > LONGEST) throw new RangeError("longer than any of ours");
    const { seen, recent, sizes, room, keep, sign } = v.parse(schema, JSON.parse(text));
    const versions = Object.entries(seen).filter(
      ([channel, version]) => parseSeen({ [channel]: version }) && isPast(version as string),
    );
    return {
      seen: parseSeen(Object.fromEntries(versions.slice(-MAX_SEEN))) ?? {},
      recent: recent.filter((each) => v.is(built, each)).slice(0, RECENT),
      sizes: Object.fromEntries(
        Object.entries(sizes).filter(
          (each): each is [string, number] => isPiece(each[0]) && v.is(bytes, each[1]),
        ),
      ),
      room,
      keep,
      sign,
    };
  } catch {
    return { seen: {}, recent: [], sizes: {}, room: 0, keep: false, sign: true }; // nothing yet, or not ours, or no storage here
  }
}

/**
 * Whether a version is not from the far future: they are dates. One that is would make every base to come look old,
 * and be refused.
 */
function isPast(text: string): boolean {
  return Number.parseInt(text) <= new Date().getUTCFullYear() + 1;
}

function isBuilt(text: string): boolean {
  const names = text.split("~");
  return names.length <= PIECES && new Set(names).size === names.length && names.every(isPiece);
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
  /** What was made ready lately, the last first: pieces, and with tildes between those that were made together. */
  get recent(): readonly string[] {
    return read().recent;
  },
  /** How large the pages of those pieces were, by name, in bytes. */
  get sizes(): Readonly<Record<string, number>> {
    return read().sizes;
  },
  /** How many bytes of room for pieces there are on the base that was taken last; 0 when none was. */
  get room(): number {
    return read().room;
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
  /** An image of these pieces is ready to be made, on this base. */
  recordReady({
    pieces,
    base,
    release,
    room,
  }: Pick<ImageInfo, "pieces" | "base" | "release" | "room">): void {
    const before = read();
    const now = pieces.map(({ name }) => name).join("~");
    const recent = [now, ...before.recent.filter((each) => each !== now)].slice(0, RECENT);
    const sizes = { ...before.sizes, ...Object.fromEntries(pieces.map(({ name, size }) => [name, size])) };
    const known = new Set(recent.flatMap((each) => each.split("~")));
    write({
      seen: release ? withSeen(before.seen, { ...base, keyId: release.keyId }) : before.seen,
      recent,
      sizes: Object.fromEntries(Object.entries(sizes).filter(([name]) => known.has(name))),
      ...(room && { room: room.of }),
    });
  },
};
