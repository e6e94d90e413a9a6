import type { ImageInfo } from "../messages.ts";
import { isHandle } from "../piece/name.ts";
import type { BuildRequest } from "../worker/api.ts";
import { ac } from "./ac.ts";
import { openBuild } from "./build.ts";
import { loadConfig } from "./config.ts";
import { imageDesk } from "./image-file.ts";
import { MachineSettings } from "./machine-settings.ts";
import { notes } from "./notes.ts";
import { BuildRegistry } from "./registry.ts";
import { requestFor } from "./request.ts";
import { suggestedArch } from "./system.ts";

/** The architecture that an image is suggested for on this computer. */
export const suggested = suggestedArch(navigator);

/** How machines are set up, by this page. */
export const machineSettings = new MachineSettings();

let imageVisit: string | undefined;

/** Tell this visit of the piece of the image on disk that is open, now and at each change; nobody when `undefined`. */
export function showImageTo(visit: string | undefined): void {
  imageVisit = visit;
  if (visit !== undefined && images.state) ac.signal({ type: "os:image", visit, image: images.state });
}

/** The image on disk that this page has open. */
export const images = imageDesk(
  async () => {
    const { latest, keys, giveUpAfterSeconds } = await loadConfig();
    const patience = giveUpAfterSeconds === undefined ? {} : { giveUpAfterSeconds };
    return { manifest: latest, keys, seen: notes.seen, ...patience };
  },
  () => showImageTo(imageVisit),
);

/** The pieces of a build that is ready, as they are decided now, to be put into an image on disk. */
export async function piecesToPut(info: ImageInfo): Promise<BuildRequest> {
  const { by, pieces } = info;
  const [piece, ...others] = pieces.map(({ name }) => name);
  const settings = await machineSettings.sealed;
  const decided = {
    ...decidedBefore(info),
    ...(by !== undefined && { by }),
    ...(settings && { settings }),
  };
  return requestFor({ visit: "", piece: piece!, others }, await loadConfig(), notes.seen, decided);
}

/**
 * The builds of this page. AC runs `page.ts` anew at every visit of the piece, as another instance of the module; this
 * module it imports by one and the same address, so all instances share it. (It is a file of its own for that reason:
 * see `vite.config.ts`.)
 */
export const builds = new BuildRegistry(
  (asked, report, before) => {
    const handle =
      asked.handle !== undefined && isHandle(asked.handle) ? asked.handle : before?.state.sign?.handle;
    const sign = handle === undefined ? undefined : { handle, wanted: notes.sign };
    const chosen = { ...decidedBefore(before?.state.info), ...(sign?.wanted && { by: sign.handle }) };
    const build = openBuild(
      async () => {
        const settings = await machineSettings.sealed;
        const decided = { ...chosen, ...(settings && { settings }) };
        return requestFor(asked, await loadConfig(), notes.seen, decided, await suggested);
      },
      { piece: asked.piece, keep: notes.keep, sign },
      () => {
        if (build.state.stage === "ready" && build.state.info) notes.recordReady(build.state.info);
        report();
      },
    );
    return build;
  },
  (message) => ac.signal(message),
);

/** What the person has allowed the pieces, and which one comes first, holds for the next attempt. */
function decidedBefore(info: ImageInfo | undefined): Pick<BuildRequest, "allow" | "start"> {
  if (!info) return {};
  const allow = Object.fromEntries(info.pieces.map((piece) => [piece.name, piece.allow]));
  return { allow, ...(info.start !== undefined && { start: info.start }) };
}
