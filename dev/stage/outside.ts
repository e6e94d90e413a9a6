/** A message to the page as AC's own listener has seen it. */
interface Heard {
  readonly origin: string;
  readonly data: unknown;
  readonly ports: number;
  readonly hasSource: boolean;
  /** What was sent, whatever anybody has done to `MessageEvent` since: for tests, to know what was tried. */
  readonly sent: unknown;
}

const { get: nativeData } = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data")!;

/** All messages to the page so far, for tests. */
export const heard: Heard[] = [];

// AC's page takes a session and source from whoever sends a message (`receive` in `boot.mjs`), and listens before
// pieces and their scripts run.
window.addEventListener("message", (event: MessageEvent<Message | null>) => {
  const { origin, data, ports, source } = event;
  const sent: unknown = nativeData?.call(event);
  heard.push({ origin, data, ports: ports.length, hasSource: source !== null, sent });
  if (data?.type === "setSession") globalThis.acTOKEN = data.session?.accessToken;
});

interface Message {
  readonly type?: string;
  readonly session?: { readonly accessToken: string };
}

declare global {
  var acTOKEN: string | undefined;
}
