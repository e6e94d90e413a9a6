import { type At, listingIn } from "../src/image/contents.ts";
import { baseNamedIn } from "../src/image/examine.ts";

/**
 * The base that an image says it was made from, also one that is cut off or has a damaged piece; `undefined` when nothing
 * that can be read there says so.
 */
export async function namedBase(at: At, size: number): Promise<ReturnType<typeof baseNamedIn>> {
  try {
    const listing = await listingIn(at, size);
    return listing && baseNamedIn(listing);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
