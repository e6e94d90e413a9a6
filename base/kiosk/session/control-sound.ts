import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/**
 * For a program that has the sound server do something. On a slow machine wpctl alone takes more than 10 s to load, and nobody
 * waits for it: this only ends one that hangs.
 */
const TIMEOUT_MS = 60_000;
/** pw-dump(1) writes all that the sound server knows. */
const MAX_DUMP = 2 ** 26;

/** What sound can go to now. */
export interface Sink {
  readonly id: number;
  /** As the sound server knows it: its node's name. */
  readonly name: string;
  /** For people. */
  readonly description: string;
  readonly isChosen: boolean;
}

/**
 * What sound can go to; undefined when there is no sound server, or nothing to play on. It is waited for as long as the server
 * takes, or until `signal` is aborted.
 */
export async function currentSinks(signal: AbortSignal): Promise<Sink[] | undefined> {
  try {
    const found = sinksIn(JSON.parse(await outputOf("pw-dump", ["--no-colors"], signal)));
    return found.length === 0 ? undefined : found;
  } catch {
    return undefined;
  }
}

/**
 * The volume, 0 to 100 as the keys count; 0 also when it is muted, undefined when there is no sound server, or nothing to play
 * on. It is waited for as the sinks are.
 */
export async function currentVolume(signal: AbortSignal): Promise<number | undefined> {
  try {
    return volumeIn(await outputOf("wpctl", ["get-volume", "@DEFAULT_AUDIO_SINK@"], signal));
  } catch {
    return undefined;
  }
}

/**
 * What a program writes; it is ended when `signal` is aborted. Throws `Error` when it fails. Node goes on listening to a signal
 * that was given to a program which is not there, so it gets one of its own.
 */
async function outputOf(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end);
  try {
    return (await run(program, args, { signal: over.signal, maxBuffer: MAX_DUMP })).stdout;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Set the volume, 0 to 100. Throws `Error` when the sound server does not. */
export async function setVolume(percent: number): Promise<void> {
  const options = { timeout: TIMEOUT_MS };
  await run("wpctl", ["set-volume", "@DEFAULT_AUDIO_SINK@", (percent / 100).toFixed(2)], options);
  await run("wpctl", ["set-mute", "@DEFAULT_AUDIO_SINK@", percent > 0 ? "0" : "1"], options);
}

/** Have sound go there. Throws `Error` when the sound server does not. */
export async function chooseSink(id: number): Promise<void> {
  await run("wpctl", ["set-default", String(id)], { timeout: TIMEOUT_MS });
}

/** What wpctl says: "Volume: 0.40" or "Volume: 0.40 [MUTED]"; undefined for all else. */
export function volumeIn(text: string): number | undefined {
  const found = /^Volume: (\d+\.\d+)( \[MUTED\])?/.exec(text);
  if (!found) return undefined;
  return found[2] ? 0 : Math.min(100, Math.round(Number(found[1]) * 100));
}

interface Dumped {
  readonly id: number;
  readonly type: string;
  readonly info?: { readonly props?: Readonly<Record<string, unknown>> };
  readonly props?: Readonly<Record<string, unknown>>;
  readonly metadata?: readonly { readonly key: string; readonly value: unknown }[];
}

/** The sinks in what pw-dump(1) writes. */
export function sinksIn(dump: unknown): Sink[] {
  const all = dump as readonly Dumped[];
  const metadata = all.find(({ props }) => props?.["metadata.name"] === "default")?.metadata ?? [];
  const chosen = metadata.find(({ key }) => key === "default.audio.sink")?.value as
    { name?: string } | undefined;
  return all.flatMap(({ id, info }) => {
    const props = info?.props ?? {};
    if (props["media.class"] !== "Audio/Sink") return [];
    const name = props["node.name"];
    if (typeof name !== "string") return [];
    const said = props["node.description"];
    const description = typeof said === "string" ? said : name;
    return [{ id, name, description, isChosen: name === chosen?.name }];
  });
}
