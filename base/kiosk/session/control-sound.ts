import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** For a program that asks the sound server, which may not be there. */
const TIMEOUT_MS = 10_000;

/** What sound can go to now. */
export interface Sink {
  readonly id: number;
  /** As the sound server knows it: its node's name. */
  readonly name: string;
  /** For people. */
  readonly description: string;
  readonly isChosen: boolean;
}

/** What a machine's sound is at. */
export interface Sound {
  /** 0 to 100, as the keys count; 0 also when it is muted. */
  readonly volume: number;
  readonly sinks: readonly Sink[];
}

/** What the sound server has; undefined when there is none, or nothing to play on. */
export async function sound(): Promise<Sound | undefined> {
  try {
    const options = { timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 };
    const [dump, volume] = await Promise.all([
      run("pw-dump", ["--no-colors"], options),
      run("wpctl", ["get-volume", "@DEFAULT_AUDIO_SINK@"], options),
    ]);
    const sinks = sinksIn(JSON.parse(dump.stdout));
    return sinks.length === 0 ? undefined : { volume: volumeIn(volume.stdout), sinks };
  } catch {
    return undefined;
  }
}

/** Set the volume, 0 to 100. Throws `Error` when the sound server does not. */
export async function setVolume(volume: number): Promise<void> {
  const options = { timeout: TIMEOUT_MS };
  await run("wpctl", ["set-volume", "@DEFAULT_AUDIO_SINK@", (volume / 100).toFixed(2)], options);
  await run("wpctl", ["set-mute", "@DEFAULT_AUDIO_SINK@", volume > 0 ? "0" : "1"], options);
}

/** Have sound go there. Throws `Error` when the sound server does not. */
export async function chooseSink(id: number): Promise<void> {
  await run("wpctl", ["set-default", String(id)], { timeout: TIMEOUT_MS });
}

/** What wpctl says: "Volume: 0.40" or "Volume: 0.40 [MUTED]". */
export function volumeIn(text: string): number {
  const found = /^Volume: (\d+\.\d+)( \[MUTED\])?/.exec(text);
  return !found || found[2] ? 0 : Math.min(100, Math.round(Number(found[1]) * 100));
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
