// Apart from what draws: the kiosk runs this on the stick, where there are no packages.

/** What every PNG begins with (the specification's third edition, section 5.2). */
export const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A machine shows no larger PNG than this, in pixels: it would be kept waiting. */
export const MOST_PIXELS = 2 ** 24;

/** Width and height in pixels, from the header (IHDR, section 11.2.1), or nothing for what is no PNG. */
export function pngSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 24 || SIGNATURE.some((byte, at) => bytes[at] !== byte)) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
