/**
 * A version: one to eight numbers with dots between, as in 2026.11.24.1. Each is below 10^9 and has no leading zeros,
 * so that no two spellings mean the same version. `base/build/lib.sh` has the same rule for builds.
 */
export const VERSION = /^(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){0,7}$/;

/** The order of two versions, for `sort`: number by number, and the shorter first (2026.11.9 < 2026.11.24 < 2026.11.24.1). */
export function compareVersions(one: string, other: string): number {
  const [these = [], those = []] = [one, other].map((version) => version.split(".").map(Number));
  for (let i = 0; i < Math.max(these.length, those.length); i++) {
    const difference = (these[i] ?? -1) - (those[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
