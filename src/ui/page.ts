import { allowancesOf } from "../allowances.ts";
import { clearKept, keptBytes } from "../cache/opfs.ts";
import { NO_SETTINGS } from "../settings/settings.ts";
import type { ImageInfo, PageMessage, PieceMessage } from "../messages.ts";
import { isHandle } from "../piece/name.ts";
import { words } from "../piece/words.ts";
import { ac } from "./ac.ts";
import { builds, images, machineSettings, piecesToPut, showImageTo, suggested } from "./builds.ts";
import { chooseImage, listenForDrops, type Dropped } from "./image-picker.ts";
import { linkTo } from "./link.ts";
import { notes } from "./notes.ts";
import { hidePreview, showPreview, type Box } from "./preview.ts";
import { announce } from "./screen-reader.ts";
import { askSettings, hideSettings } from "./settings-form.ts";
import { stickJobOf } from "./stick-job.ts";
import { systemOf } from "./system.ts";
import { canChoose } from "./targets/chosen-file.ts";
import { canUseSticks } from "./targets/stick.ts";

// The page's side of `disks/os.mjs`. AC runs this module anew at every visit of the piece, so all that outlives a
// visit is in `builds.ts`.

type Handlers = Record<string, (message: PieceMessage) => void>;

/** What a piece may ask at any time, by its signals' names. */
const harmless: Handlers = {
  "os:hello": ({ visit }) => void greet(visit),
  "os:open": (message) => {
    builds.open(message);
    meet(message); // the build may be one from before they were known
  },
  "os:again": () => builds.current?.again(),
  "os:pause": () => builds.current?.pause(),
  "os:resume": () => builds.current?.resume(),
  "os:preview": ({ box, of }) => void preview(box, of).catch(() => hidePreview()), // a build that is over has none
  "os:link": ({ visit, piece, others = [], qualifiers = [] }) => {
    send({ type: "os:link", visit, ...linkTo({ pieces: [piece, ...others], qualifiers }) });
  },
  "os:say": ({ text = "" }) => announce(text),
  "os:handle": (message) => meet(message),
};

/**
 * What only a key or a tap of the person's leads to: any piece of the site can run this module and send these. (That
 * they are at the computer does not prove that they mean it, but nothing happens behind their back.)
 */
const costly: Handlers = {
  "os:start": ({ where }) => builds.current?.start(where === "choose" ? "chosen" : "downloads"),
  "os:settings": () => void setUp(),
  "os:stick": ({ job }) => seeToStick(job),
  "os:image": ({ image }) => void seeToImage(image),
  "os:only": ({ only = false }) => builds.current?.makeOnly(only ? "piece" : undefined),
  "os:command": () => void copy(commandFor(builds.current?.state.info)),
  "os:allow": ({ use, of }) => {
    const [known] = allowancesOf([use]).allow;
    if (known) builds.current?.allow(known, of);
  },
  "os:first": ({ of }) => builds.current?.startWith(of),
  "os:include": ({ of = "" }) => builds.current?.include(of),
  "os:sign": ({ sign = false }) => {
    notes.sign = sign;
    for (const build of builds.all) if (build.state.sign) build.sign({ ...build.state.sign, wanted: sign });
  },
  "os:cancel": () => builds.current?.cancel(),
  "os:keep": ({ keep = false }) => {
    notes.keep = keep;
    for (const build of builds.all) build.keep(keep);
  },
  "os:copy": () => void copy(builds.current?.state.info?.sha256 ?? ""),
  "os:checksum": () => saveChecksum(builds.current?.state.info),
  "os:clear": (message) => void clear(message),
};

/** Ask how the machine is set up. */
async function setUp(): Promise<void> {
  const build = builds.current;
  if (build?.state.stage !== "ready") return;
  const before = (await machineSettings.sealed) ?? NO_SETTINGS;
  const answer = await askSettings(before, machineSettings.isRemembered);
  if (answer) build.setUp(await machineSettings.answer(answer));
}

function seeToStick(asked: unknown): void {
  const build = builds.current;
  const job = stickJobOf(asked);
  if (!build || !job) return;
  if (job.do === "choose") build.chooseStick("another");
  else if (job.do === "again") build.chooseStick("last");
  else if (job.do === "leave") build.leaveStick();
  else if (job.do === "stop") build.stopStick();
  else build.onStick(job);
}

async function seeToImage(job: unknown): Promise<void> {
  if (job === "choose") {
    const image = await chooseImage();
    if (image) images.open(image);
  } else if (job === "stop") images.stop();
  else if (job === "check" || job === "repair") images.do(job);
  else if (job === "put") {
    const { stage, info } = builds.current?.state ?? {};
    if (stage === "ready" && info) images.do(job, () => piecesToPut(info));
  }
}

async function openDropped(dropped: Promise<Dropped>): Promise<void> {
  const it = await dropped;
  if ("image" in it) images.open(it.image);
  else images.refuse(it.name, it.message);
}

/** What writes a piece partition onto a stick. Which device that is only the person knows. */
function commandFor(info: ImageInfo | undefined): string {
  return info ? words.alone.command(info.fileName) : "";
}

/** Name who is there on the image, unless they do not want it. */
function meet({ handle = "" }: PieceMessage): void {
  if (isHandle(handle)) builds.current?.sign({ handle, wanted: notes.sign });
}

let previewed = 0; // asked for last: a bundle that comes late is not shown over another

async function preview(box: Box | undefined, name = ""): Promise<void> {
  const build = builds.current;
  const mine = ++previewed;
  if (!box || !build) return hidePreview();
  const bundle = await build.bundle(name);
  const { stage, info } = build.state;
  if (builds.current !== build || stage !== "ready" || mine !== previewed) return;
  showPreview(bundle, box, name, info?.by);
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
function saveChecksum(info: ImageInfo | undefined): void {
  if (!info) return;
  const link = document.createElement("a");
  link.download = `${info.fileName}.sha256`;
  link.href = URL.createObjectURL(new Blob([`${info.sha256}  ${info.fileName}\n`], { type: "text/plain" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Tell the piece what the page can do. */
async function greet(visit: string): Promise<void> {
  const kept = await keptBytes();
  const system = systemOf(navigator);
  const arch = await suggested;
  const page = {
    choose: canChoose,
    stick: canUseSticks,
    kept,
    recent: notes.recent,
    sizes: notes.sizes,
    room: notes.room,
    ...(system && { system }),
    ...(arch && { suggested: arch }),
  };
  send({ type: "os:page", visit, page });
  showImageTo(visit);
}

function send(message: PageMessage): void {
  ac.signal(message);
}

for (const [type, handle] of Object.entries(harmless)) {
  ac.when(type, (content) => handle(content as PieceMessage));
}
for (const [type, handle] of Object.entries(costly)) {
  ac.when(type, (content) => {
    const message = content as PieceMessage;
    // Transient activation: some five seconds after a key or a tap, also one that AC has passed on to the piece.
    if (navigator.userActivation.isActive) handle(message);
    else send({ type: "os:press", visit: message.visit });
  });
}
const stopListening = listenForDrops((dropped) => void openDropped(dropped));
ac.acCONTENT_EVENTS.push(() => {
  stopListening();
  showImageTo(undefined);
  builds.leave();
  hidePreview();
  hideSettings();
  announce("");
});
send({ type: "os:ready" });
