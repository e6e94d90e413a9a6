import { allowancesOf } from "../allowances.ts";
import type { ImageInfo } from "../messages.ts";
import { describeSettings, type SealedSettings } from "../settings/settings.ts";
import type { Decisions } from "../worker/api.ts";

/**
 * The pieces that go on the image when the one called `name` is left out, or put in if it was: then it comes last, so that
 * it is the one too many if there is no room. What there was no room for comes in the place of what is left out.
 */
export function including(
  name: string,
  pieces: Decisions["pieces"],
  { leftOut = [] }: ImageInfo,
): Decisions["pieces"] {
  const others = pieces.filter((each) => each.name !== name);
  const here = leftOut.flatMap((each) =>
    each.size === undefined ? [] : [{ ...each, allow: each.allow ?? [] }],
  );
  if (others.length === pieces.length) {
    return [...pieces, ...here.filter((each) => each.name === name).map(({ allow }) => ({ name, allow }))];
  }
  const waiting = here
    .filter(({ message }) => message !== "")
    .map((each) => ({ name: each.name, allow: each.allow }));
  return others.length + waiting.length > 0 ? [...others, ...waiting] : pieces;
}

/** What is decided of an image as the worker has made it ready. */
export function decisionsOf(
  { pieces, start, by, only }: ImageInfo,
  settings: SealedSettings | undefined,
): Decisions {
  return {
    pieces: pieces.map(({ name, allow }) => ({ name, allow })),
    ...(start !== undefined && { start }),
    ...(by !== undefined && { by }),
    ...(only && { only }),
    ...(settings && { settings }),
  };
}

/** What is known of the image of `next` before it has been computed. Settings are secrets, and go to the worker alone. */
export function foreseen(info: ImageInfo, { pieces, settings, start, by, only }: Decisions): ImageInfo {
  const { by: _, setUp: __, start: ___, only: ____, ...rest } = info;
  const [first, ...others] = info.pieces.map((piece) => {
    return { ...piece, allow: pieces.find(({ name }) => name === piece.name)?.allow ?? piece.allow };
  });
  return {
    ...rest,
    pieces: [first!, ...others],
    allow: allowancesOf(pieces.flatMap(({ allow }) => allow)).allow,
    ...(start !== undefined && { start }),
    ...(by !== undefined && { by }),
    ...(only && { only }),
    ...(settings && { setUp: describeSettings(settings) }),
    sha256: "",
  };
}
