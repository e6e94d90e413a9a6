import { explain, SaveError } from "../errors.ts";
import type { ImageDone, ImageFileState, ImageJob, ImageView } from "../messages.ts";
import type { BuildRequest, ImageRequest } from "../worker/api.ts";
import { startImageClient, type ImageClient } from "./image-client.ts";
import type { FileHandle, PickedImage } from "./image-picker.ts";
import { downloadsTarget } from "./targets/downloads.ts";
import type { Target } from "./targets/target.ts";
import { keepScreenOn } from "./wake-lock.ts";

/** The image on disk that this page has open, one at a time. It outlives visits of the piece. */
export interface ImageDesk {
  /** Nothing as long as none was opened. */
  readonly state: ImageFileState | undefined;
  /** See what this is, and read all of it. Nothing happens while one is being written. */
  open(image: PickedImage): void;
  /** What the person has given is no file: say so. */
  refuse(name: string, message: string): void;
  /**
   * Do this with it, unless something is being done (right after a key or a tap: the browser may ask). `pieces`: those
   * that are to be put in.
   */
  do(job: Exclude<ImageJob, "choose" | "stop">, pieces?: () => Promise<BuildRequest>): void;
  stop(): void;
}

/** What a desk needs of the browser. */
interface DeskBrowser {
  startClient: typeof startImageClient;
  downloads(): Target;
}

/** A desk without an image. `report` is called at every change of its state. */
export function imageDesk(
  request: () => Promise<ImageRequest>,
  report: () => void,
  { startClient, downloads }: DeskBrowser = {
    startClient: startImageClient,
    downloads: () => downloadsTarget(() => {}),
  },
): ImageDesk {
  let state: ImageFileState | undefined;
  let client: ImageClient | undefined;
  let handle: FileHandle | undefined;
  let target: Target | undefined;
  let isAsking = false;

  const isWriting = () => state?.doing === "repair" || state?.doing === "put";

  const change = (next: ImageFileState) => {
    state = next;
    report();
  };

  /** The state without what belongs to a job, nor what the last one came to. */
  const idle = (): ImageFileState => {
    const { doing: _, progress: __, trouble: ___, did: ____, message: _____, ...rest } = state!;
    return rest;
  };

  /** Do one job of `mine`; what comes of it is for nobody when another image was opened meanwhile. */
  const run = async (
    mine: ImageClient,
    doing: NonNullable<ImageFileState["doing"]>,
    job: () => Promise<{ found: ImageView; did?: ImageDone }>,
  ): Promise<boolean> => {
    change({ ...idle(), doing });
    try {
      const { found, did } = await job();
      if (client === mine) change({ ...idle(), found, ...(did && { did }) });
      return client === mine;
    } catch (error) {
      if (!(error instanceof Error && error.name === "CancelledError")) console.error(error); // with its causes
      const left = (await target?.discard(error)) ?? "";
      if (client === mine) change({ ...idle(), message: `${explain(error)} ${left}`.trim() });
      return false;
    } finally {
      target = undefined;
    }
  };

  const check = (mine: ImageClient) => run(mine, "check", async () => ({ found: await mine.check() }));

  /** Write it where it is, or make another one of it. */
  const mend = async (mine: ImageClient, job: "repair" | "put", pieces?: () => Promise<BuildRequest>) => {
    const over = new AbortController();
    addEventListener("beforeunload", askToStay, { signal: over.signal });
    // Otherwise the browser's download would wait for ever.
    const leave = () => void target?.discard(new SaveError("The page was left before the file was whole"));
    addEventListener("pagehide", leave, { signal: over.signal });
    keepScreenOn(over.signal);
    const { inPlace, name } = state!;
    await run(mine, job, async () => {
      const what = await pieces?.();
      if (inPlace) {
        const { found, sha256 } = await mine.mend(what);
        return {
          found,
          did: { job, fileName: name, where: "place", ...(sha256 !== undefined && { sha256 }) },
        };
      }
      target = downloads();
      const info = await mine.prepare(what);
      const saved = await target.save(info, {
        send: (port) => mine.send(port),
        write: () => Promise.reject(new Error("a download is not written to a file of the page's")),
      });
      const { fileName, sha256 } = info;
      return { found: state!.found!, did: { job, fileName, where: "downloads", sha256, saved } };
    }).finally(() => over.abort());
  };

  /** Ask whether the page may write to the file; without that, what is made of it is a new download. */
  const mayWrite = async (): Promise<boolean> => {
    if (!state?.inPlace) return true;
    isAsking = true;
    const answer = await handle?.requestPermission?.({ mode: "readwrite" }).catch(() => "denied");
    isAsking = false;
    if (answer === undefined || answer === "granted") return true;
    const message =
      "This page may not write to that file, so it can save another one. Press it again for that.";
    change({ ...idle(), inPlace: false, message });
    return false;
  };

  return {
    get state() {
      return state;
    },
    open(image) {
      if (isWriting() || isAsking) return;
      client?.close();
      const mine = startClient({
        onProgress(progress, trouble) {
          if (client !== mine || !state?.doing) return;
          const { progress: _, trouble: __, ...rest } = state;
          change({ ...rest, ...(progress && { progress }), ...(trouble && { trouble }) });
        },
        onHeartbeat: () => target?.keepAlive(),
      });
      client = mine;
      handle = "getFile" in image ? image : undefined;
      const look = async () => {
        const { size } = handle ? await handle.getFile().catch(() => ({ size: 0 })) : (image as File);
        if (client !== mine) return;
        state = { name: image.name, size, inPlace: handle !== undefined };
        const found = async () => ({ found: await mine.open(image, await request()) });
        if (await run(mine, "look", found)) await check(mine);
      };
      state = { name: image.name, size: 0, inPlace: handle !== undefined };
      void look();
    },
    refuse(name, message) {
      if (isWriting() || isAsking) return;
      client?.close();
      client = undefined;
      change({ name, size: 0, inPlace: false, doing: "look" }); // so that it is shown, as any that is opened
      change({ name, size: 0, inPlace: false, message });
    },
    do(job, pieces) {
      const mine = client;
      if (!mine || !state?.found || state.doing || isAsking) return;
      if (job === "check") {
        void check(mine);
        return;
      }
      if (!state.found.checked || (job === "put" && !pieces)) return;
      void mayWrite().then((yes) => (yes && client === mine ? mend(mine, job, pieces) : undefined));
    },
    stop: () => client?.stop(),
  };
}

function askToStay(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
