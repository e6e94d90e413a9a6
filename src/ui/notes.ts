import * as v from "valibot";
import { compareVersions, channelOf } from "../release/manifest.ts";
import type { ImageInfo } from "../messages.ts";

// What this browser remembers of builds, in localStorage. Little, and nothing depends on it.

const KEY = "os:notes";
/** How many pieces are remembered. */
const RECENT = 8;

const schema = v.object({
  /** The newest version of base seen, by flavor and architecture. */
  seen: v.record(v.string(), v.string()),
  /** Pieces made ready lately, the last one first. */
  recent: v.array(v.string()),
  /** Whether base images are to stay when a build is over. */
  keep: v.boolean(),
});

type Notes = v.InferOutput<typeof schema>;

function read(): Notes {
  try {
    return v.parse(schema, JSON.parse(localStorage.getItem(KEY) ?? ""));
  } catch {
    return { seen: {}, recent: [], keep: false }; // nothing yet, or not ours, or no storage here
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
  /** The newest version of base seen, by flavor and architecture (`kiosk x86_64`). */
  get seen(): Readonly<Record<string, string>> {
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
  /** An image of this piece is ready to be made, on this base. */
  recordReady({ piece, base }: Pick<ImageInfo, "piece" | "base">): void {
    const { seen, recent } = read();
    const channel = channelOf(base);
    const known = seen[channel];
    const isNewer = known === undefined || compareVersions(base.version, known) > 0;
    write({
      seen: isNewer ? { ...seen, [channel]: base.version } : seen,
      recent: [piece.name, ...recent.filter((name) => name !== piece.name)].slice(0, RECENT),
    });
  },
};
