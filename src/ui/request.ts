import type { Config } from "../config.ts";
import type { PieceMessage } from "../messages.ts";
import type { BuildRequest } from "../worker/api.ts";

/**
 * What the build worker is asked for when the piece asks for `asked`: a qualifier that begins with a digit is a
 * version, another one a flavor. `seen`: the newest versions of base seen so far. `chosen`: what the person has let the
 * pieces use and which is to come first, if they have been asked, and who is to be named.
 */
export function requestFor(
  { piece, others = [], qualifiers = [] }: PieceMessage,
  { latest, oven, keys, flavor: usual, giveUpAfterSeconds }: Config,
  seen: Readonly<Record<string, string>>,
  chosen: Pick<BuildRequest, "allow" | "start" | "by" | "settings"> = {},
): BuildRequest {
  const version = qualifiers.find((qualifier) => /^\d/.test(qualifier));
  const flavor = qualifiers.find((qualifier) => !/^\d/.test(qualifier)) ?? usual;
  return {
    pieces: [piece, ...others],
    manifest: latest,
    oven,
    keys,
    keep: true,
    seen,
    ...chosen,
    ...(flavor === undefined ? {} : { flavor }),
    ...(version === undefined ? {} : { version }),
    ...(giveUpAfterSeconds === undefined ? {} : { giveUpAfterSeconds }),
  };
}
