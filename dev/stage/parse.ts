/** What a line of the prompt, or a path in the address bar, asks for. */
export interface Parsed {
  /** Where the piece's source lies, from the root of the site, without `.mjs`. */
  readonly path: string;
  readonly piece: string;
  readonly colon: string[];
  readonly params: string[];
  /** What follows a `?`, undecoded. */
  readonly search: string | undefined;
  readonly hash: string | undefined;
  /** The whole in the form that the address bar shows: AC's slug. */
  readonly text: string;
}

/**
 * Take a line apart as AC's `lib/parse.mjs` does, in its order and with its oddities: `os notepat`,
 * `os~notepat`, `os:notepat:fast~x`, `os : notepat`. What cannot be decoded is taken as it stands.
 */
export function parse(line: string): Parsed {
  let text = line
    .trim()
    .replace(/\s*:\s*/g, ":")
    .replace(/ /g, "~");
  text = decoded(text).replaceAll("~#", "~0x"); // `ink #ff0000` is a colour, no fragment
  let hash, search: string | undefined;
  [text = "", hash] = text.split("#");
  if (text.startsWith("?")) [text, search] = ["prompt", text.slice(1)];
  else if (/[^~]\?[^~]/.test(text)) [text = "", search] = text.split("?");
  text = text.replace(/\/$/, "") || "prompt";

  const [name = "", ...params] = text.split("~");
  const [piece = "", ...colon] = name.split(":");
  const [handle, own] = piece.split("/");
  const path =
    name.startsWith("@") && name.includes("/")
      ? `media/${handle}/piece/${own}`
      : `aesthetic.computer/disks/${piece}`;
  return { path, piece, colon, params, search, hash, text };
}

/** The line that an address stands for: all after the host. */
export function slugOf({ pathname, search }: { pathname: string; search: string }): string {
  return pathname.slice(1) + search;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
