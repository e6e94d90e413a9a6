// A sandboxed frame can still call `parent.postMessage` and `top.postMessage`: what they send reaches every `message`
// listener of the page, and AC's own (`receive` in `boot.mjs`) sets the session, reloads source and more without a
// look at the origin. It is registered before anything of ours, so no listener of ours can keep an event from it.
// What can be kept from it is what the event carries: listeners read that through accessors of
// `MessageEvent.prototype`. Scripts in a frame cannot reach those: they have prototypes of their own.
//
// Not covered: other frames of the page and its opener, which have prototypes of their own as well, and listeners of
// browser extensions, which live in a world of their own.

/** What a muted message carries, which is what `new MessageEvent("message")` does. Its origin stays readable. */
const NOTHING = { data: null, ports: Object.freeze([]), source: null };

/** The windows that are muted, once any can be. Nobody else can reach it. */
let muted: WeakSet<object> | undefined;

/**
 * Make it possible to mute frames. Returns false, having changed nothing, where this browser's `MessageEvent` cannot
 * be changed: then nothing that is not trusted may run in a frame of this page.
 */
export function prepareMute(): boolean {
  if (muted) return true;
  const natives = Object.getOwnPropertyDescriptors(MessageEvent.prototype);
  const { origin, source } = natives;
  if (!origin.get || !source.get) return false;
  for (const name of names) if (!natives[name].configurable || !natives[name].get) return false;

  const windows = new WeakSet();
  for (const name of names) {
    const native = natives[name];
    Object.defineProperty(MessageEvent.prototype, name, {
      ...native,
      get(this: MessageEvent): unknown {
        const value = native.get!.call(this) as unknown; // throws for what is no MessageEvent
        const sender = source.get!.call(this);
        return isMuted(windows, sender, origin.get!.call(this)) ? NOTHING[name] : value;
      },
    });
  }
  muted = windows;
  return true;
}

const names = Object.keys(NOTHING) as (keyof typeof NOTHING)[];

/**
 * Let messages from `frame`, and from whatever will ever be nested in it, carry nothing to this window; for good, also
 * when it navigates, and when it is gone. To be called as soon as there is the frame's window, before anything
 * can have run in it. Throws unless `prepareMute` has returned true.
 */
export function mute(frame: Window): void {
  if (!muted) throw new Error("Messages cannot be muted in this page");
  muted.add(frame);
}

/**
 * Whether a message comes from a muted window or from below one. When the frame has been removed before its message
 * arrives, `source` is null (Firefox, WebKit) or a window without a parent (Chromium), and only the origin "null" shows
 * that the message came from a sandbox.
 */
function isMuted(windows: WeakSet<object>, sender: MessageEventSource | null, origin: string): boolean {
  for (let at: Partial<Window> | null = sender as Window | null; at;) {
    if (windows.has(at)) return true;
    const { parent } = at; // which a window of another origin may be asked for, and cannot redefine for us
    if (parent === undefined || parent === at) return false; // a port or a service worker; a tab's own window
    at = parent;
  }
  return origin === "null";
}
