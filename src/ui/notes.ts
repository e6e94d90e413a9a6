import * as v from "valibot";
import { compareVersions, channelOf } from "../release/manifest.ts";
import type { ImageInfo } from "../messages.ts";

// What this browser remembers of builds, in localStorage: few words, and nothing that anything depends on.

const KEY = "os:notes";
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
    return { seen: {}, recent: [], keep: false }; // nothing yet, or somebody else's, or no storage here
  }
}

function write(change: Partial<Notes>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), ...change }));
  } catch {
    // no storage here
  }
}

export const notes = {
  get seen() {
    return read().seen;
  },
  get recent() {
    return read().recent;
  },
  get keep() {
    return read().keep;
  },
  set keep(keep: boolean) {
    write({ keep });
  },
  /** An image of this piece is ready to be made, on this base. */
  saw({ piece, base }: ImageInfo): void {
    const { seen, recent } = read();
    const kind = channelOf(base);
    const known = seen[kind];
    const newer = known === undefined || compareVersions(base.version, known) > 0;
    write({
      seen: newer ? { ...seen, [kind]: base.version } : seen,
      recent: [piece.name, ...recent.filter((name) => name !== piece.name)].slice(0, RECENT),
    });
  },
};
