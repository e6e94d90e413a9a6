import { type Arch, architectureOf } from "../architectures.ts";
import type { Config } from "../config.ts";
import type { PieceMessage } from "../messages.ts";
import type { BuildRequest } from "../worker/api.ts";

/**
 * What the build worker is asked for when the piece asks for `asked`: a qualifier that begins with a digit is a
 * version, the word for an architecture means that, and another one is a flavor. `seen`: the newest versions of base seen so
 * far. `chosen`: what the person has let the pieces use and which is to come first, if they have been asked, and who is to be
 * named. `suggested`: the architecture of the computer that they are at, where that is another than the usual one.
 */
export function requestFor(
  { piece, others = [], qualifiers = [] }: PieceMessage,
  { latest, oven, keys, flavor: usual, giveUpAfterSeconds }: Config,
  seen: Readonly<Record<string, string>>,
  chosen: Pick<BuildRequest, "allow" | "start" | "by" | "settings"> = {},
  suggested?: Arch,
): BuildRequest {
  const version = qualifiers.find((qualifier) => /^\d/.test(qualifier));
  const arch = qualifiers.map(architectureOf).find((each) => each !== undefined)?.arch;
  const flavor =
    qualifiers.find((qualifier) => !/^\d/.test(qualifier) && !architectureOf(qualifier)) ?? usual;
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
    ...(arch === undefined ? {} : { arch }),
    ...(suggested === undefined ? {} : { suggested }),
    ...(giveUpAfterSeconds === undefined ? {} : { giveUpAfterSeconds }),
  };
}
