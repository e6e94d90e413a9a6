import type { PageInfo } from "../messages.ts";

/** What a computer runs, by what its browser says of itself; undefined for all else, phones among them. */
export function systemOf({ userAgent }: Pick<Navigator, "userAgent">): PageInfo["system"] {
  if (/Android|iPhone|iPad/.test(userAgent)) return undefined;
  if (/Windows/.test(userAgent)) return "windows";
  if (/Macintosh/.test(userAgent)) return "mac";
  if (/CrOS/.test(userAgent)) return "chromeos";
  return /Linux/.test(userAgent) ? "linux" : undefined;
}
