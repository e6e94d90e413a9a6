import { COUNTRIES } from "./countries.ts";
import { layoutCalled } from "./keyboards.ts";

// `settings.json` beside `os.json` says how the machine is set up for whoever uses it (docs/boot-contract.md): one schema
// for page, command line and kiosk. It imports no package, since the kiosk runs it on the stick, where there are none.

/** What protects a wireless network. */
export const SECURITIES = ["open", "wpa2", "wpa3"] as const;
/** One of `SECURITIES`. `wpa3` is for WPA3 and for networks that offer both: it needs the passphrase itself. */
export type Security = (typeof SECURITIES)[number];

/** A wireless network to join. */
export interface Network {
  /** Its name: 1 to 32 bytes of UTF-8. */
  readonly ssid: string;
  readonly security: Security;
  /** 8 to 63 printable ASCII characters. Of `wpa2` only until `sealSettings` has made the key of it. */
  readonly passphrase?: string | undefined;
  /** Of `wpa2`: the pre-shared key, 64 lower-case hex digits. */
  readonly psk?: string | undefined;
  /** Whether it does not tell its name, and has to be asked for. */
  readonly hidden: boolean;
}

/** How the keys are laid out, in the words of xkeyboard-config: `KEYBOARDS`. */
export interface Keyboard {
  readonly layout: string;
  readonly variant?: string | undefined;
}

/** By how many degrees the picture is turned, clockwise. */
export const ROTATIONS = [0, 90, 180, 270] as const;
/** By how much everything in the picture is larger. */
export const SCALES = [1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4] as const;
/** What sound can be sent to. Without a choice it goes where the sound server thinks best. */
export const OUTPUTS = ["analog", "hdmi", "usb"] as const;
/** One of `OUTPUTS`. */
export type Output = (typeof OUTPUTS)[number];

/** How a machine is set up. What is not said is as the machine has it without a `settings.json`. */
export interface Settings {
  /** 32 lower-case hex digits that nobody can guess, so that nothing made from the file tells a passphrase by trying. */
  readonly random?: string | undefined;
  readonly wifi: readonly Network[];
  /** Where the machine is, which decides the channels that it may use: ISO 3166-1 alpha-2, `COUNTRIES`. */
  readonly country?: string | undefined;
  readonly keyboard?: Keyboard | undefined;
  /** A name of the IANA's, as `Europe/Berlin`. */
  readonly timeZone?: string | undefined;
  readonly rotation?: (typeof ROTATIONS)[number] | undefined;
  readonly scale?: (typeof SCALES)[number] | undefined;
  /** 0 to 100, as the keys for the volume count: 0 is silence. */
  readonly volume?: number | undefined;
  readonly output?: Output | undefined;
  /** Whether nobody can open the settings page on the machine itself: in an exhibition, say. */
  readonly locked?: boolean | undefined;
}

/** Settings that can be written to a stick: `sealSettings` makes them. */
export interface SealedSettings extends Settings {
  readonly random: string;
}

/** What is wrong with one value. No words of it are the value's: it may be a secret. */
export interface Complaint {
  /** As `wifi[0].passphrase`; empty for the whole. */
  readonly key: string;
  readonly message: string;
}

/** Settings, and what was passed over on the way. */
export interface ReadSettings {
  readonly settings: Settings;
  readonly complaints: readonly Complaint[];
}

/** What the file is called, beside `os.json`. */
export const SETTINGS_JSON = "settings.json";
/** No `settings.json` is longer, in bytes, and each that is made with a stick is as long: the longest text has less than half. */
export const SETTINGS_LIMIT = 16 * 1024;
/** The two halves of a file that is as long as the limit: a machine writes the one that does not count, then lets it count. */
const HALF = SETTINGS_LIMIT / 2;
/** Bytes that a disk writes at once, or not at all. */
const SECTOR = 512;
/** What fills a file that a machine overwrites. JSON may have it around it. */
export const BLANK_LINE = `${" ".repeat(127)}\n`;
/** So many networks are remembered. */
export const MOST_NETWORKS = 16;

/** Settings that say nothing. */
export const NO_SETTINGS: Settings = { wifi: [] };

/**
 * What the text of a `settings.json` says; a blank one nothing. It never throws: what is wrong is passed over, with a
 * complaint, and what is not known too. A reader on a machine logs the complaints; one for people refuses the file.
 */
export function parseSettings(text: string): ReadSettings {
  let json: unknown;
  try {
    if (text.length > SETTINGS_LIMIT) throw new RangeError();
    const counts = whatCounts(text);
    json = isBlank(counts) ? {} : JSON.parse(counts);
  } catch {
    const message =
      text.length > SETTINGS_LIMIT ? `is longer than ${SETTINGS_LIMIT} characters` : "is not JSON";
    return { settings: NO_SETTINGS, complaints: [{ key: "", message }] };
  }
  return readSettings(json);
}

/**
 * What counts of a file's text. Of one with two halves it is the first, unless that one's first sector is blank: whether it is
 * changes with one write, which the power cannot cut in two (base/kiosk/rootfs/usr/lib/fedac/keep-log).
 */
function whatCounts(text: string): string {
  if (text.length !== SETTINGS_LIMIT) return text;
  return isBlank(text.slice(0, SECTOR)) ? text.slice(HALF) : text.slice(0, HALF);
}

function isBlank(text: string): boolean {
  return /^[\t\n\r ]+$/.test(text);
}

/** What `json` of any shape says: `parseSettings` for what is no text. */
export function readSettings(json: unknown): ReadSettings {
  const complaints: Complaint[] = [];
  const keys = new Keys(json, "", complaints);
  const format = keys.take("format", (value) => (value === 1 ? 1 : wrong("is another one than 1")));
  if (!keys.isObject || (format === undefined && keys.has("format")))
    return { settings: NO_SETTINGS, complaints };
  const settings: Settings = {
    random: keys.take("random", hex(32)),
    wifi: keys.take("wifi", (value) => networksIn(value, complaints)) ?? [],
    country: keys.take("country", countryIn),
    keyboard: keys.take("keyboard", (value) => keyboardIn(value, complaints)),
    timeZone: keys.take("timeZone", timeZoneIn),
    rotation: keys.take("rotation", oneOf(ROTATIONS)),
    scale: keys.take("scale", oneOf(SCALES)),
    volume: keys.take("volume", volumeIn),
    output: keys.take("output", oneOf(OUTPUTS)),
    locked: keys.take("locked", booleanIn),
  };
  keys.end();
  return { settings, complaints };
}

/** The text of `settings.json`, in ASCII. Throws `RangeError` for what no reader would take as it is. */
export function formatSettings(settings: SealedSettings): string {
  const json = JSON.stringify({ format: 1, ...settings }, null, 2);
  const text = `${json.replace(/[^\0-\x7f]/g, escaped)}\n`;
  if (text.length > HALF) throw new RangeError(`it is longer than ${HALF} characters`);
  const { complaints } = parseSettings(text);
  if (complaints.length > 0) throw new RangeError(complaints.map(complaintWords).join("; "));
  if (settings.wifi.some(({ security, psk }) => security === "wpa2" && psk === undefined)) {
    throw new RangeError("a network of WPA2 has no key yet");
  }
  return text;
}

/**
 * `settings.json` as it is made with a stick, `SETTINGS_LIMIT` bytes long, since a machine can only overwrite what is there:
 * the text, and blank lines; those alone without settings. Throws what `formatSettings` throws.
 */
export function settingsFile(settings?: SealedSettings): Uint8Array<ArrayBuffer> {
  const text = settings ? formatSettings(settings) : "";
  const blank = BLANK_LINE.repeat(SETTINGS_LIMIT / BLANK_LINE.length);
  return new TextEncoder().encode(text + blank.slice(text.length));
}

/** A character, or half of one, as JSON can have it in ASCII. */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** `settings` with nothing that is a secret: what everybody on the machine may know. */
export function withoutSecrets(settings: Settings): Settings {
  return { ...settings, random: undefined, wifi: [] };
}

/** A complaint as a sentence without its full stop. */
export function complaintWords({ key, message }: Complaint): string {
  return key === "" ? `it ${message}` : `${key} ${message}`;
}

/** `settings` in words, a line each, without what is secret. */
export function describeSettings(settings: Settings): string[] {
  const { wifi, country, keyboard, timeZone, rotation, scale, volume, output, locked } = settings;
  const said = (key: string, value: string | number | undefined) =>
    value === undefined ? [] : [`${key} ${value}`];
  return [
    ...wifi.map(({ ssid, security, hidden }) => `wifi "${ssid}" (${security}${hidden ? ", hidden" : ""})`),
    ...said("country", country),
    ...said("keyboard", keyboard && [keyboard.layout, keyboard.variant].filter(Boolean).join(" ")),
    ...said("timeZone", timeZone),
    ...said("rotation", rotation),
    ...said("scale", scale),
    ...said("volume", volume),
    ...said("output", output),
    ...(locked ? ["locked"] : []),
  ];
}

/** How many bytes of UTF-8 the name of a network has. */
export function ssidLength(ssid: string): number {
  return new TextEncoder().encode(ssid).length;
}

/** A value is wrong: the words of the complaint. */
class WrongValueError extends Error {
  override readonly name = "WrongValueError";
}

function wrong(message: string): never {
  throw new WrongValueError(message);
}

/** The most names of unknown keys that a complaint has, and what such a name may be: it may come from anybody. */
const MOST_NAMES = 5;
const NAME = /^[A-Za-z0-9_-]{1,40}$/;

/** The keys of one object: each is taken once, and what is left at the end is not known. */
class Keys {
  readonly isObject: boolean;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #taken = new Set<string>();
  readonly #path: string;
  readonly #complaints: Complaint[];

  constructor(json: unknown, path: string, complaints: Complaint[]) {
    this.isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    this.#values = new Map(Object.entries(this.isObject ? (json as object) : {}));
    this.#path = path;
    this.#complaints = complaints;
    if (!this.isObject) complaints.push({ key: path, message: "is not an object in braces" });
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** What `read` makes of the value of `key`; undefined when it is not there, or, with a complaint, when it is wrong. */
  take<T>(key: string, read: (value: unknown) => T): T | undefined {
    this.#taken.add(key);
    if (!this.#values.has(key)) return undefined;
    try {
      return read(this.#values.get(key));
    } catch (error) {
      if (!(error instanceof WrongValueError)) throw error;
      const path = this.#path === "" ? key : `${this.#path}.${key}`;
      this.#complaints.push({ key: path, message: error.message });
      return undefined;
    }
  }

  /** Complain of all that has not been taken, once. */
  end(): void {
    const left = [...this.#values.keys()].filter((key) => !this.#taken.has(key));
    if (left.length === 0) return;
    const names = left.filter((name) => NAME.test(name)).slice(0, MOST_NAMES);
    const words = left.length > names.length ? [...names, `${left.length - names.length} more`] : names;
    this.#complaints.push({
      key: this.#path,
      message: `has keys that are not known here: ${words.join(", ")}`,
    });
  }
}

function oneOf<const T extends string | number>(values: readonly T[]): (value: unknown) => T {
  return (value) => values.find((each) => each === value) ?? wrong(`is one of ${values.join(", ")}`);
}

function booleanIn(value: unknown): boolean {
  return typeof value === "boolean" ? value : wrong("is true or false");
}

function hex(digits: number): (value: unknown) => string {
  return (value) => {
    const isHex = typeof value === "string" && value.length === digits && /^[0-9A-Fa-f]+$/.test(value);
    return isHex ? value.toLowerCase() : wrong(`has ${digits} hex digits`);
  };
}

function networksIn(value: unknown, complaints: Complaint[]): Network[] {
  if (!Array.isArray(value)) return wrong("is a list in brackets");
  const found: Network[] = [];
  const files = new Set<string>();
  for (const [i, each] of (value as unknown[]).slice(0, MOST_NETWORKS).entries()) {
    const network = networkIn(each, `wifi[${i}]`, complaints);
    if (!network) continue;
    // What iwd knows a network by: it keeps one file for each
    const file = `${network.security === "open"} ${network.ssid}`;
    if (files.has(file)) complaints.push({ key: `wifi[${i}].ssid`, message: "is there already" });
    else found.push(network);
    files.add(file);
  }
  if (value.length > MOST_NETWORKS) {
    complaints.push({ key: "wifi", message: `has more than ${MOST_NETWORKS} networks` });
  }
  return found;
}

/** A network; undefined, with a complaint, when anything that it could not be joined without is wrong. */
function networkIn(value: unknown, key: string, complaints: Complaint[]): Network | undefined {
  const keys = new Keys(value, key, complaints);
  if (!keys.isObject) return undefined;
  const ssid = keys.take("ssid", ssidIn);
  const passphrase = keys.take("passphrase", passphraseIn);
  const psk = keys.take("psk", hex(64));
  const hidden = keys.take("hidden", booleanIn);
  const [hasPassphrase, hasPsk] = [keys.has("passphrase"), keys.has("psk")];
  const usual = hasPassphrase ? "wpa3" : hasPsk ? "wpa2" : "open";
  const security = keys.has("security") ? keys.take("security", oneOf(SECURITIES)) : usual;
  keys.end();
  const complain = (name: string, message: string) => {
    complaints.push({ key: `${key}.${name}`, message });
    return undefined;
  };
  if (!keys.has("ssid")) return complain("ssid", "is missing");
  const isWrong = (hasPassphrase && passphrase === undefined) || (hasPsk && psk === undefined);
  if (ssid === undefined || security === undefined || isWrong) return undefined;
  if (security === "open" && (hasPassphrase || hasPsk)) {
    return complain("security", "is not open where there is a passphrase");
  }
  if (security === "wpa2" && hasPassphrase === hasPsk) {
    return complain("passphrase", "or psk: a network of WPA2 has one of them");
  }
  if (security === "wpa3" && hasPsk) return complain("psk", "is for WPA2: WPA3 needs the passphrase itself");
  if (security === "wpa3" && !hasPassphrase) return complain("passphrase", "is missing");
  return { ssid, security, passphrase, psk, hidden: hidden ?? false };
}

/** iwd keeps names as C strings, of UTF-8: another one could not be a file's, nor its own. */
function ssidIn(value: unknown): string {
  const isName =
    typeof value === "string" && !/\p{Surrogate}/u.test(value) && !value.includes("\0") && value !== "";
  return isName && ssidLength(value) <= 32 ? value : wrong("has 1 to 32 bytes of UTF-8");
}

/** IEEE 802.11, M.4.1. iwd asks the same of those for WPA3, which by itself would take any (`crypto_passphrase_is_valid`). */
function passphraseIn(value: unknown): string {
  const isPassphrase = typeof value === "string" && /^[ -~]{8,63}$/.test(value);
  return isPassphrase
    ? value
    : wrong("has 8 to 63 characters: letters without accents, digits, signs, spaces");
}

function countryIn(value: unknown): string {
  return (
    COUNTRIES.find((code) => code === value) ?? wrong("is the code of a country: two capital letters, as DE")
  );
}

function keyboardIn(value: unknown, complaints: Complaint[]): Keyboard | undefined {
  const keys = new Keys(value, "keyboard", complaints);
  if (!keys.isObject) return undefined;
  const layout = keys.take("layout", (code) => {
    const found = typeof code === "string" ? layoutCalled(code) : undefined;
    return found ?? wrong("is no layout of xkeyboard-config: it has us, de, fr and others");
  });
  const variant = keys.take("variant", (code) => {
    const found = layout?.variants.find((each) => each === code);
    if (found !== undefined || !layout) return found;
    const all = layout.variants.length === 0 ? "which has none" : `one of ${layout.variants.join(", ")}`;
    return wrong(`is no variant of ${layout.code}: ${all}`);
  });
  keys.end();
  if (!keys.has("layout")) complaints.push({ key: "keyboard.layout", message: "is missing" });
  return layout && { layout: layout.code, variant };
}

/** Below a folder and without dots, since the name is that of a file on the machine. */
const TIME_ZONE = /^[A-Z][A-Za-z0-9_+-]{0,31}(?:\/[A-Za-z0-9_+-]{1,32}){0,2}$/;

function timeZoneIn(value: unknown): string {
  const message = "is no time zone: they are called Europe/Berlin, America/New_York, UTC and so on";
  if (typeof value !== "string" || !TIME_ZONE.test(value)) return wrong(message);
  const known = zoneCalled(value);
  if (known === undefined) return wrong(message);
  // Intl takes names in any case, and a machine's files are not found so
  if (known !== value && known.toLowerCase() === value.toLowerCase()) return wrong(`is written ${known}`);
  return value;
}

/** The time zone's name as Intl has it, which may be an older one; undefined when there is none. */
function zoneCalled(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

function volumeIn(value: unknown): number {
  const isVolume = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 100;
  return isVolume ? value : wrong("is a whole number from 0 to 100");
}
