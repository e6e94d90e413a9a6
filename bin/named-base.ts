import { type Arch, architectureOf } from "../src/architectures.ts";
import { type At, listingIn, partitionsIn } from "../src/image/contents.ts";
import { baseNamedIn } from "../src/image/examine.ts";
import { filesOnFat } from "../src/image/fat.ts";
import { FIRMWARE } from "../src/netboot/firmware.ts";

/**
 * The base that an image says it was made from, also one that is cut off or has a damaged piece; `undefined` when nothing
 * that can be read there says so.
 */
export async function namedBase(at: At, size: number): Promise<ReturnType<typeof baseNamedIn>> {
  return await readable(async () => {
    const listing = await listingIn(at, size);
    return listing && baseNamedIn(listing);
  });
}

/**
 * The computers that an image is for: as it says, or, where its piece is lost, as with a download that was cut off, by what
 * UEFI firmware looks for on it (UEFI specification 2.10, 3.5.1.1). `undefined` when neither can be read.
 */
export async function architectureIn(at: At, size: number): Promise<Arch | undefined> {
  const named = await namedBase(at, size);
  const arch = named?.arch ?? (await readable(() => startedArchitecture(at, size)));
  return arch === undefined ? undefined : architectureOf(arch)?.arch;
}

async function startedArchitecture(at: At, size: number): Promise<string | undefined> {
  const esp = (await partitionsIn(at, size)).find(({ number }) => number === 1);
  const files = esp && (await filesOnFat((start, length) => at(esp.start + start, length), esp.length));
  const paths = new Set(files?.map(({ path }) => path.toLowerCase()));
  const [found, ...more] = FIRMWARE.filter(({ shim }) => paths.has(shim.toLowerCase()));
  return more.length === 0 ? found?.arch : undefined;
}

/** What can be read; `undefined` for what is no image of ours, or is damaged there. */
async function readable<T>(reading: () => Promise<T>): Promise<T | undefined> {
  try {
    return await reading();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
