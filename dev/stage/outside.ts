/** A message to the page as AC's own listener has seen it. */
interface Heard {
  readonly origin: string;
  readonly data: unknown;
  readonly ports: number;
  readonly hasSource: boolean;
}

/** All messages to the page so far, for tests. */
export const heard: Heard[] = [];

// AC's page takes a session and source from whoever sends a message (`receive` in `boot.mjs`), and listens before
// pieces and their scripts run.
window.addEventListener("message", ({ origin, data, ports, source }: MessageEvent<Message | null>) => {
  heard.push({ origin, data, ports: ports.length, hasSource: source !== null });
  if (data?.type === "setSession") globalThis.acTOKEN = data.session?.accessToken;
});

interface Message {
  readonly type?: string;
  readonly session?: { readonly accessToken: string };
}

declare global {
  var acTOKEN: string | undefined;
}
