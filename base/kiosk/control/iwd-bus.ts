import { execFile } from "node:child_process";
import { promisify } from "node:util";

// iwd's own words on the system's bus, by busctl(1): https://git.kernel.org/pub/scm/network/wireless/iwd.git/tree/doc

const run = promisify(execFile);
const SERVICE = "net.connman.iwd";

/** What carries out a call: a path, an interface and a method, and how long it may take; resolves with busctl's JSON. */
export type Call = (path: string, name: string, method: string, seconds: number) => Promise<unknown>;

/** Ask iwd. Throws `Error` when it is not there or refuses. */
export const callIwd: Call = async (path, name, method, seconds) => {
  const how = ["--system", "--json=short", "--auto-start=no", `--timeout=${seconds}`];
  const { stdout } = await run("/usr/bin/busctl", [...how, "call", SERVICE, path, name, method], {
    maxBuffer: 2 ** 22,
  });
  return stdout === "" ? {} : (JSON.parse(stdout) as unknown);
};

/** A wireless network that iwd knows of, by its path on the bus. */
export interface Found {
  readonly path: string;
  readonly ssid: string;
  readonly isOpen: boolean;
  readonly isJoined: boolean;
  readonly isKnown: boolean;
  /** In hundredths of dBm; undefined when it is not heard. */
  readonly signal: number | undefined;
}

/** A wireless card that joins networks, and what it hears, the best one first. */
export interface Station {
  readonly path: string;
  readonly isScanning: boolean;
  readonly found: readonly Found[];
}

/** The first card that iwd joins networks with; undefined when there is none. Throws `Error` when iwd is not there. */
export async function findStation(call: Call): Promise<Station | undefined> {
  const objects = objectsIn(await call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", 10));
  const path = Object.keys(objects).find((each) => objects[each]?.[`${SERVICE}.Station`]);
  if (path === undefined) return undefined;
  const signals = signalsIn(await call(path, `${SERVICE}.Station`, "GetOrderedNetworks", 10));
  const found = Object.entries(objects).flatMap(([at, interfaces]): Found[] => {
    const { Name, Type, Connected, Device, KnownNetwork } = interfaces[`${SERVICE}.Network`] ?? {};
    if (typeof Name !== "string" || Device !== path) return [];
    if (Type !== "open" && Type !== "psk") return []; // what takes more than a passphrase
    return [
      {
        path: at,
        ssid: Name,
        isOpen: Type === "open",
        isJoined: Connected === true,
        isKnown: KnownNetwork !== undefined,
        signal: signals.get(at),
      },
    ];
  });
  const loudness = ({ signal = -Infinity }: Found) => signal;
  found.sort((a, b) => Number(b.isJoined) - Number(a.isJoined) || loudness(b) - loudness(a));
  return { path, isScanning: objects[path]?.[`${SERVICE}.Station`]?.Scanning === true, found };
}

/** How well a network is heard, of 4 bars, from hundredths of dBm. */
export function barsOf(signal: number): number {
  return [-6000, -7000, -8000].filter((least) => signal >= least).length + 1;
}

type Properties = Readonly<Record<string, unknown>>;
type Objects = Readonly<Record<string, Readonly<Record<string, Properties>>>>;

/** `a{oa{sa{sv}}}`: paths, interfaces, properties, of which the values are taken out of their variants. */
function objectsIn(answer: unknown): Objects {
  const { data } = answer as { data?: [Record<string, Record<string, Record<string, { data: unknown }>>>] };
  const values = (properties: Record<string, { data: unknown }>) =>
    Object.fromEntries(Object.entries(properties).map(([name, variant]) => [name, variant.data]));
  return Object.fromEntries(
    Object.entries(data?.[0] ?? {}).map(([path, interfaces]) => [
      path,
      Object.fromEntries(Object.entries(interfaces).map(([name, each]) => [name, values(each)])),
    ]),
  );
}

/** `a(on)`: paths and how well each is heard. */
function signalsIn(answer: unknown): Map<string, number> {
  return new Map((answer as { data?: [[string, number][]] }).data?.[0] ?? []);
}

/** How the network is protected that a card has joined, as "WPA2-Personal"; undefined when iwd does not say. */
export async function protectionOf(call: Call, station: string): Promise<string | undefined> {
  const answer = await call(station, `${SERVICE}.StationDiagnostic`, "GetDiagnostics", 10).catch(() => ({}));
  const { data } = answer as { data?: [Record<string, { data: unknown }>] };
  const security = data?.[0]?.Security?.data;
  return typeof security === "string" ? security : undefined;
}
