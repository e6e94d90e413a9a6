import type { BuildRequest, ImageInfo, PageMessage, PieceMessage } from "../messages.ts";
import { clearKept, keptBytes } from "../cache/opfs.ts";
import { openBuild, type Build } from "./build.ts";
import { canChoose } from "./chosen.ts";
import { loadConfig } from "./config.ts";
import { linkTo } from "./link.ts";
import { say } from "./live.ts";
import { notes } from "./notes.ts";
import { hidePreview, showPreview, type Box } from "./preview.ts";

/**
 * The page's side of `disks/os.mjs`. AC runs this module anew at every visit of the piece; builds outlive
 * visits, so they live in one desk on `window`, and a returning piece is shown the build it left, unless it
 * has seen how that ended: then it begins another.
 */
interface BuildRegistry {
  /** A visit has loaded the module: tell its piece that somebody is listening. */
  welcome(): void;
}

/** What AC gives pages to talk to pieces (and what we add). */
interface AestheticComputer {
  signal(message: unknown): void;
  when(type: string, listener: (content: unknown) => void): void;
  acCONTENT_EVENTS: (() => void)[];
  aestheticOs?: BuildRegistry;
}

const ac = window as unknown as AestheticComputer;

function createRegistry(): BuildRegistry {
  const builds = new Map<string, Build>();
  const unseen = new Set<Build>(); // builds whose outcome nobody has been shown
  let visit: PieceMessage | undefined;

  const current = () => visit && builds.get(keyOf(visit));
  const show = () => {
    const build = current();
    if (!visit || !build) return;
    send({ type: "os:state", visit: visit.visit, state: build.state });
    if (!build.running) unseen.delete(build);
  };
  const open = (asked: PieceMessage) => {
    const build = builds.get(keyOf(asked));
    if (build && unseen.has(build)) return show(); // a second `os` of a piece joins the first
    const next = openBuild(
      () => requestFor(asked),
      { piece: asked.piece, keep: notes.keep },
      () => {
        if (next.state.stage === "ready" && next.state.info) notes.saw(next.state.info);
        if (current() === next) show();
      },
    );
    builds.set(keyOf(asked), next);
    unseen.add(next);
    show();
  };

  const preview = async (box: Box | undefined) => {
    const build = current();
    if (!box || !build) return hidePreview();
    const bundle = await build.bundle();
    if (current() === build && build.state.stage === "ready") showPreview(bundle, box);
  };

  /** What a piece may ask, by its signals' names. */
  const handlers: Record<string, (message: PieceMessage) => void> = {
    "os:open": (message) => open((visit = message)),
    "os:start": ({ where }) => current()?.start(where === "choose" ? "chosen" : "downloads"),
    "os:pause": () => current()?.pause(),
    "os:resume": () => current()?.resume(),
    "os:cancel": () => current()?.cancel(),
    "os:keep": ({ keep = false }) => {
      notes.keep = keep;
      for (const build of builds.values()) build.keep(keep);
    },
    "os:copy": () => void copy(current()?.state.info?.sha256 ?? ""),
    "os:checksum": () => checksum(current()?.state.info),
    "os:preview": ({ box }) => void preview(box).catch(() => hidePreview()), // a build that is over has none
    "os:link": ({ visit: to, piece, qualifiers: more }) => {
      send({ type: "os:link", visit: to, ...linkTo(piece, more) });
    },
    "os:say": ({ text = "" }) => say(text),
    "os:clear": (message) => void clear((visit = message)),
  };

  return {
    welcome() {
      for (const [type, act] of Object.entries(handlers)) {
        ac.when(type, (content) => act(content as PieceMessage)); // AC forgets listeners between pieces
      }
      ac.acCONTENT_EVENTS.push(() => {
        visit = undefined; // signals would reach the next piece
        hidePreview();
        say("");
      });
      void greet();
    },
  };
}

async function greet(): Promise<void> {
  const kept = await keptBytes();
  send({ type: "os:ready", page: { choose: canChoose, kept, recent: notes.recent } });
}

/** What a build of this is known by: a flavor or version asked for makes another one. */
function keyOf({ piece, qualifiers = [] }: PieceMessage): string {
  return [piece, ...qualifiers].join(":");
}

async function requestFor({ piece, qualifiers = [] }: PieceMessage): Promise<BuildRequest> {
  const { latest, oven, keys, flavor: usual, giveUpAfterSeconds } = await loadConfig();
  const version = qualifiers.find((qualifier) => /^\d/.test(qualifier));
  const flavor = qualifiers.find((qualifier) => !/^\d/.test(qualifier)) ?? usual;
  return {
    piece,
    manifest: latest,
    oven,
    keys,
    keep: true,
    seen: notes.seen,
    ...(flavor === undefined ? {} : { flavor }),
    ...(version === undefined ? {} : { version }),
    ...(giveUpAfterSeconds === undefined ? {} : { giveUpAfterSeconds }),
  };
}

async function clear({ visit }: PieceMessage): Promise<void> {
  const bytes = await clearKept();
  notes.keep = false;
  const left = await keptBytes();
  const message = left > 0 ? { message: "The rest is in use by a build." } : {};
  send({ type: "os:cleared", visit, bytes, ...message });
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text).catch(() => {}); // not allowed: it stands on the canvas
}

/** Save `<name>.sha256`, as `sha256sum --check` reads it. */
function checksum(info: ImageInfo | undefined): void {
  if (!info) return;
  const link = document.createElement("a");
  link.download = `${info.fileName}.sha256`;
  link.href = URL.createObjectURL(new Blob([`${info.sha256}  ${info.fileName}\n`], { type: "text/plain" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function send(message: PageMessage): void {
  ac.signal(message);
}

ac.aestheticOs ??= createRegistry();
ac.aestheticOs.welcome();
