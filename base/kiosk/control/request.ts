import { complaintWords, readSettings, type Settings, ssidLength } from "../../../src/settings/settings.ts";

// What the session may ask of root, a line of JSON each, and what it is answered, a line each in the same order. The session
// may have been taken over, so this is all that it gains: what a person in front of the settings page can do.

/** One thing that root is asked for. */
export type Request =
  /** The wireless networks in reach. */
  | { readonly ask: "networks" }
  /** Look for wireless networks anew; `networks` says when that is done. */
  | { readonly ask: "scan" }
  /** Join one of those. Without a passphrase it is open, or one that the machine has joined before. */
  | { readonly ask: "join"; readonly ssid: string; readonly passphrase?: string }
  /** The end of the journal. */
  | { readonly ask: "log" }
  /** Write these settings on the stick, over those that are there, and the networks joined since the start. */
  | { readonly ask: "keep"; readonly settings: Settings }
  | { readonly ask: "restart" }
  | { readonly ask: "switch-off" };

/** A wireless network in reach. */
export interface Network {
  readonly ssid: string;
  readonly isOpen: boolean;
  /** How well it is heard: 1 to 4. */
  readonly bars: number;
  readonly isJoined: boolean;
  /** Whether it can be joined without a passphrase being asked for. */
  readonly isKnown: boolean;
}

/** What the wireless card is at. */
export interface Networks {
  /** Whether there is one that is in use. */
  readonly hasRadio: boolean;
  readonly isScanning: boolean;
  /** The best one first. */
  readonly networks: readonly Network[];
}

/** Why root has not done what it was asked for. */
export const REFUSALS = [
  "malformed", // no request of these
  "no-radio",
  "not-there", // no such network is in reach
  "needs-passphrase",
  "not-joined", // a wrong passphrase, or too far away; iwd does not tell
  "read-only", // a disc, or nothing is mounted
  "made-before", // there is no settings.json that can be overwritten
  "failed",
] as const;
/** One of `REFUSALS`. */
export type Refusal = (typeof REFUSALS)[number];

/** What comes back. */
export type Answer =
  | { readonly ok: true; readonly networks?: Networks; readonly log?: string }
  | { readonly ok: false; readonly why: Refusal };

/** No request is longer, in characters. */
export const REQUEST_LIMIT = 8192;

/** Root does not do this. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly why: Refusal;

  constructor(why: Refusal, options?: ErrorOptions) {
    super(why, options);
    this.why = why;
  }
}

/** The request in a line. Throws `RefusedError` for whatever is not exactly one. */
export function parseRequest(line: string): Request {
  if (line.length > REQUEST_LIMIT) throw new RefusedError("malformed");
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new RefusedError("malformed", { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new RefusedError("malformed");
  const { ask, ...rest } = json as Record<string, unknown>;
  switch (ask) {
    case "networks":
    case "scan":
    case "log":
    case "restart":
    case "switch-off":
      only(rest, []);
      return { ask };
    case "join":
      only(rest, ["ssid", "passphrase"]);
      return { ask, ...networkIn(rest) };
    case "keep":
      only(rest, ["settings"]);
      return { ask, settings: settingsIn(rest.settings) };
    default:
      throw new RefusedError("malformed");
  }
}

function only(rest: object, keys: readonly string[]): void {
  if (Object.keys(rest).some((key) => !keys.includes(key))) throw new RefusedError("malformed");
}

/** A network to join, as the schema of settings has them. */
function networkIn({ ssid, passphrase }: Record<string, unknown>): { ssid: string; passphrase?: string } {
  if (typeof ssid !== "string" || ssidLength(ssid) > 32) throw new RefusedError("malformed");
  const secret = passphrase === undefined ? {} : { passphrase };
  const { settings, complaints } = readSettings({ wifi: [{ ssid, ...secret }] });
  const [found] = settings.wifi;
  if (complaints.length > 0 || !found) throw new RefusedError("malformed");
  return found.passphrase === undefined ? { ssid } : { ssid, passphrase: found.passphrase };
}

/** Settings of which everything is right, and in which nothing is for root alone. */
function settingsIn(json: unknown): Settings {
  const { settings, complaints } = readSettings(json);
  const [complaint] = complaints;
  if (complaint) throw new RefusedError("malformed", { cause: new Error(complaintWords(complaint)) });
  if (settings.wifi.length > 0 || settings.random !== undefined || settings.locked !== undefined) {
    throw new RefusedError("malformed");
  }
  return settings;
}
