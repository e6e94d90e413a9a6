import type { PageMessage, PieceMessage } from "../messages.ts";
import { startBuild, type Build } from "./build.ts";
import { loadConfig } from "./config.ts";

/**
 * The page's side of `disks/os.mjs`. AC runs this module anew at every visit of the piece; builds outlive
 * visits, so they live in one desk on `window`, and a returning piece is shown the build it left, unless it
 * has seen how that ended: then it begins another.
 */
interface Desk {
  /** A visit has loaded the module: tell its piece that somebody is listening. */
  welcome(): void;
}

/** What AC gives pages to talk to pieces (and what we add). */
interface AestheticComputer {
  signal(message: unknown): void;
  when(type: string, listener: (content: unknown) => void): void;
  acCONTENT_EVENTS: (() => void)[];
  aestheticOs?: Desk;
}

const ac = window as unknown as AestheticComputer;

function createDesk(): Desk {
  const builds = new Map<string, Build>();
  let visit: PieceMessage | undefined;

  const unseen = new Set<Build>(); // builds whose outcome nobody has been shown

  const show = () => {
    const build = visit && builds.get(visit.piece);
    if (!visit || !build) return;
    send({ type: "os:state", visit: visit.visit, state: build.state });
    if (!build.running) unseen.delete(build);
  };
  const open = (piece: string) => {
    const build = builds.get(piece);
    if (build && unseen.has(build)) return show(); // a second `os` of a piece joins the first
    const request = async () => {
      const { latest, oven, flavor } = await loadConfig();
      return { piece, manifest: latest, oven, ...(flavor === undefined ? {} : { flavor }) };
    };
    const next = startBuild(request, piece, () => {
      if (visit?.piece === piece) show();
    });
    builds.set(piece, next);
    unseen.add(next);
    show();
  };

  return {
    welcome() {
      // AC forgets listeners between pieces.
      ac.when("os:open", (content) => {
        visit = content as PieceMessage;
        open(visit.piece);
      });
      ac.when("os:cancel", (content) => {
        builds.get((content as PieceMessage).piece)?.cancel();
      });
      ac.acCONTENT_EVENTS.push(() => (visit = undefined)); // signals would reach the next piece
      send({ type: "os:ready" });
    },
  };
}

function send(message: PageMessage): void {
  ac.signal(message);
}

ac.aestheticOs ??= createDesk();
ac.aestheticOs.welcome();
