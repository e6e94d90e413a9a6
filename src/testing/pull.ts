import type { Bytes } from "../bytes/segment.ts";
import type { DataAnswer } from "../messages.ts";
import { joined } from "./bytes.ts";

/** All bytes that `send` gives to a data port, asked for one chunk after the other, as the service worker does. */
export async function pullAll(
  send: (port: MessagePort) => Promise<void>,
  onChunk: () => void = () => {},
): Promise<Bytes> {
  const { port1, port2 } = new MessageChannel();
  const chunks: Bytes[] = [];
  const all = new Promise<void>((resolve, reject) => {
    port1.onmessage = ({ data }: MessageEvent<DataAnswer>) => {
      if ("error" in data) return reject(new Error(data.error));
      if ("end" in data) return resolve();
      chunks.push(new Uint8Array(data.chunk));
      onChunk();
      port1.postMessage({ back: undefined });
    };
  });
  port1.postMessage({ back: undefined });
  try {
    await Promise.all([send(port2), all]);
  } finally {
    port1.close();
  }
  return joined(chunks);
}
