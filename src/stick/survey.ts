import type { StickView } from "../messages.ts";
import type { Manifest } from "../release/manifest.ts";
import type { StickEntry, StickFolder } from "./folder.ts";
import { systemName } from "./layout.ts";
import { holdsOurs, look, placesTaken } from "./look.ts";

/**
 * What a person is told of the stick in `folder` before they decide. `keys` are minisign public keys, one of which must
 * have signed a base; `manifest` is the base that can be put there. Throws `StickError`.
 */
export async function survey(
  folder: StickFolder,
  keys: readonly string[],
  manifest: Manifest,
): Promise<Omit<StickView, "isFat">> {
  const stick = await look(folder, keys);
  const starts = stick.systems.find((system) => system.folder === stick.config?.system);
  const taken = await placesTaken(folder, stick, manifest);
  return {
    isOurs: holdsOurs(stick),
    ...(starts?.manifest && {
      base: {
        flavor: starts.manifest.flavor,
        version: starts.manifest.version,
        size: starts.size,
        isCurrent: starts.folder === systemName(manifest),
      },
    }),
    pieces: stick.pieces.map((piece) => ({
      folder: piece.folder,
      name: piece.os?.piece ?? piece.folder,
      size: piece.size,
      starts: piece.folder === stick.config?.folder,
    })),
    problems: stick.problems,
    ...(taken.length > 0 && { other: otherSystem(await folder.list("/")) }),
  };
}

/** Systems by a name at the top of their sticks, in lower case. The first that is there names the system. */
const SYSTEMS_BY_NAME: readonly (readonly [string, string])[] = [
  ["ventoy", "Ventoy"],
  ["bootmgr.efi", "Windows"],
  ["casper", "Ubuntu"],
  ["liveos", "Fedora"],
  ["arch", "Arch Linux"],
  ["live", "Debian"],
  ["install.amd", "the Debian installer"],
  ["memtest86", "MemTest86"],
];

/** What the system is called that starts from a stick with this at its top; "another system" when that does not tell. */
function otherSystem(top: readonly StickEntry[]): string {
  const names = new Set(top.map(({ name }) => name.toLowerCase()));
  return SYSTEMS_BY_NAME.find(([name]) => names.has(name))?.[1] ?? "another system";
}
