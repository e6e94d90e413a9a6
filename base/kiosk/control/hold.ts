// What counts as asking for the settings page: pure, from the kernel's input events (include/uapi/linux/input.h).

/** How long it has to be held, in milliseconds. */
export const HOLD_MS = 2000;

/** A corner of a touch screen as it is built, clockwise from the upper left one. */
export type Corner = 0 | 1 | 2 | 3;
/** What has been held. */
export type Hold = "key" | "pad" | `corner ${Corner}`;

/** One input event, without its time. */
export interface InputEvent {
  readonly type: number;
  readonly code: number;
  readonly value: number;
}

/** From where to where an axis goes. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A device by what can be held on it. */
export type Device =
  | { readonly kind: "keyboard" }
  | { readonly kind: "pad" }
  | { readonly kind: "touch"; readonly x: Range; readonly y: Range };

/** `struct input_event` of a 64-bit kernel: two 64-bit words of time, type, code, value. */
export const EVENT_BYTES = 24;

const [EV_SYN, EV_KEY, EV_ABS] = [0, 1, 3];
const SYN_DROPPED = 3;
const [ABS_X, ABS_Y] = [0, 1];
const BTN_TOUCH = 0x14a;
/** F1, and the keys with a window or ⌘ on them, which no piece gets to use and small keyboards have. */
const KEYS = [59, 125, 126];
/** Select and Start of gamepads, and what plain HID gamepads have as their buttons 9 and 10. */
const PAIRS = [
  [0x13a, 0x13b],
  [0x128, 0x129],
] as const;
/** How much of an axis is a corner. */
const CORNER = 0.1;

const PROP_DIRECT = 1;

/** What the kernel says of a device in `/sys/class/input/eventN/device`: bits in hex words, the highest first. */
export interface Capabilities {
  readonly properties: string;
  readonly key: string;
  readonly abs: string;
}

/** Which kind of device has these capabilities; undefined when nothing that counts can be held on it. */
export function kindOf({ properties, key, abs }: Capabilities): Device["kind"] | undefined {
  const isTouch = hasBit(properties, PROP_DIRECT) && hasBit(key, BTN_TOUCH);
  if (isTouch && hasBit(abs, ABS_X) && hasBit(abs, ABS_Y)) return "touch";
  if (PAIRS.some((pair) => pair.every((button) => hasBit(key, button)))) return "pad";
  return KEYS.some((code) => hasBit(key, code)) ? "keyboard" : undefined;
}

function hasBit(words: string, bit: number): boolean {
  const all = words.trim().split(/\s+/);
  const word = all[all.length - 1 - Math.floor(bit / 64)] ?? "";
  return /^[0-9a-f]{1,16}$/.test(word) && ((BigInt(`0x${word}`) >> BigInt(bit % 64)) & 1n) === 1n;
}

/** The events in what was read of a device; the kernel gives whole ones. */
export function* eventsIn(bytes: Uint8Array): Generator<InputEvent> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + EVENT_BYTES <= bytes.length; at += EVENT_BYTES) {
    yield {
      type: view.getUint16(at + 16, true),
      code: view.getUint16(at + 18, true),
      value: view.getInt32(at + 20, true),
    };
  }
}

/**
 * The ranges of both axes in what evtest(1) writes before its first event; undefined until both are there. The kernel gives
 * them by ioctl(2) alone.
 */
export function rangesIn(text: string): { x: Range; y: Range } | undefined {
  const range = (code: number, name: string): Range | undefined => {
    const found = new RegExp(
      `^ *Event code ${code} \\(${name}\\)\\n *Value +-?\\d+\\n *Min +(-?\\d+)\\n *Max +(-?\\d+)\\n`,
      "m",
    ).exec(text);
    const [min, max] = [Number(found?.[1]), Number(found?.[2])];
    return max > min ? { min, max } : undefined;
  };
  const [x, y] = [range(ABS_X, "ABS_X"), range(ABS_Y, "ABS_Y")];
  return x && y && { x, y };
}

/** Notices what is held on one device. Times are milliseconds of any clock that does not jump. */
export class HoldDetector {
  readonly #device: Device;
  readonly #down = new Set<number>();
  #x: number | undefined;
  #y: number | undefined;
  #held: Hold | undefined;
  #since = 0;
  #told = false;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Take an event that has come now. */
  take({ type, code, value }: InputEvent, now: number): void {
    if (type === EV_SYN && code === SYN_DROPPED) {
      this.#down.clear(); // what was let go meanwhile is not known
      this.#x = this.#y = undefined;
    }
    if (type === EV_KEY && value === 1) this.#down.add(code);
    if (type === EV_KEY && value === 0) this.#down.delete(code);
    if (type === EV_ABS && code === ABS_X) this.#x = value;
    if (type === EV_ABS && code === ABS_Y) this.#y = value;
    const held = this.#holding();
    if (held === this.#held) return;
    this.#held = held;
    this.#since = now;
    this.#told = false;
  }

  /** What has now been held for `HOLD_MS`, said once. */
  due(now: number): Hold | undefined {
    if (this.#held === undefined || this.#told || now - this.#since < HOLD_MS) return undefined;
    this.#told = true;
    return this.#held;
  }

  /** What is held now, however long. */
  #holding(): Hold | undefined {
    const { kind } = this.#device;
    // A key alone: with others it is a shortcut, or somebody's elbow
    if (kind === "keyboard") {
      return this.#down.size === 1 && KEYS.some((key) => this.#down.has(key)) ? "key" : undefined;
    }
    if (kind === "pad") {
      return PAIRS.some((pair) => pair.every((button) => this.#down.has(button))) ? "pad" : undefined;
    }
    if (!this.#down.has(BTN_TOUCH)) return undefined;
    const [right, bottom] = [endOf(this.#x, this.#device.x), endOf(this.#y, this.#device.y)];
    if (right === undefined || bottom === undefined) return undefined;
    const corner: Corner = bottom ? (right ? 2 : 3) : right ? 1 : 0;
    return `corner ${corner}`;
  }
}

/** Whether a place is at the far end of its axis (true), at the near one (false), or at neither. */
function endOf(at: number | undefined, { min, max }: Range): boolean | undefined {
  if (at === undefined) return undefined;
  const fraction = (at - min) / (max - min);
  if (fraction <= CORNER) return false;
  return fraction >= 1 - CORNER ? true : undefined;
}
