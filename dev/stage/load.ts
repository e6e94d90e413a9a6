// oxlint-disable-next-line triple-slash-reference -- pieces import nothing, so their types are global
/// <reference path="../../disks/ac.d.ts" />
import type { Send } from "./api.ts";
import type { Parsed } from "./parse.ts";
import { prepare } from "./source.ts";

/** Where pieces come from and where their messages go. */
export interface Host {
  readonly send: Send;
  /** The source of the piece at `path`; rejects when there is none. */
  source(path: string): Promise<string>;
  /** Run a module's text. */
  run(code: string): Promise<Piece>;
}

/** A piece's module. */
export interface Piece {
  readonly boot?: Phase;
  readonly paint?: Phase;
  readonly act?: Phase;
  readonly sim?: Phase;
  readonly leave?: Phase;
  readonly meta?: ($: object) => { title?: string; desc?: string } | undefined;
  readonly nohud?: boolean;
}

type Phase = ($: Api) => unknown;

/** A piece, with what links to it say: from its `meta`, or else from the comment lines it begins with. */
export async function loadPiece(
  host: Host,
  parsed: Parsed,
): Promise<{ piece: Piece; title: string; desc: string }> {
  const source = await host.source(parsed.path);
  const piece = await host.run(prepare(source));
  const [, title = "", desc = ""] = /^\/\/ ([^,\n]*).*\n\/\/ (.*)/.exec(source) ?? [];
  const said = piece.meta?.({ ...parsed }) ?? {};
  return { piece, title: said.title || title, desc: said.desc || desc };
}
