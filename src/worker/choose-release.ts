import { keptReleases, type KeptRelease } from "../cache/opfs.ts";
import { architectureOf, USUAL_ARCH } from "../architectures.ts";
import { ConnectionError } from "../errors.ts";
import { findRelease } from "../fetch/release.ts";
import { RetryPolicy } from "../fetch/retry.ts";
import { addressOf } from "../piece/address.ts";
import type { BuildRequest } from "./api.ts";
import { windowsOf } from "../release/manifest.ts";
import { verifyRelease, type Release, type ReleaseQuery } from "../release/verify.ts";
import { neededLength } from "../release/windows.ts";

/**
 * The release to build on: the newest, or what is kept in this browser when its servers cannot be reached. A base for another
 * computer than the one suggested is taken where the list has none for that one, and not because the list was out of reach.
 * Throws what `findRelease` throws.
 */
export async function chooseRelease(
  { pieces, manifest, keys, flavor, version, arch, suggested, seen }: BuildRequest,
  retry: RetryPolicy,
  stop: AbortSignal,
  keptHere: () => Promise<readonly KeptRelease[]> = keptReleases,
): Promise<Release> {
  const word = arch && architectureOf(arch)?.word;
  const named = [flavor, word].filter((qualifier) => qualifier !== undefined);
  const byName = (older: string) => addressOf({ pieces, qualifiers: [...named, older] });
  // A suggestion holds where there is a base for it
  const arches = arch === undefined ? [...new Set([suggested ?? USUAL_ARCH, USUAL_ARCH])] : [arch];
  const query = { keys, flavor, version, arches, seen, byName };
  const [fallback] = await usableKept(await keptHere(), manifest, { ...query, arches: arches.slice(0, 1) });
  if (!fallback) return await findRelease(manifest, query, retry, stop);
  // There is something to fall back on, so nobody waits for a server that does not answer.
  const brief = new RetryPolicy({ ...retry.times, giveUpAfterMs: 0, signInMs: 0 }, { isOnline: () => true });
  try {
    return await findRelease(manifest, query, brief, stop);
  } catch (error) {
    if (error instanceof ConnectionError) return fallback;
    throw error;
  }
}

/** Kept releases that can be built on without any network, the newest first. */
async function usableKept(
  kept: readonly KeptRelease[],
  url: string,
  query: ReleaseQuery,
): Promise<Release[]> {
  const usable: Release[] = [];
  for (const { bytes, signature, size } of kept) {
    // One of another flavor, or signed by an old key, is left alone.
    const release = await verifyRelease(bytes, signature, url, query).catch(() => undefined);
    if (release && size >= neededLength(windowsOf(release.manifest))) usable.push(release);
  }
  return usable.sort((a, b) => b.manifest.created.localeCompare(a.manifest.created));
}
