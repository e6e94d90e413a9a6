import type { Arch } from "../architectures.ts";
import type { PageInfo } from "../messages.ts";

/** What a computer runs, by what its browser says of itself; undefined for all else, phones among them. */
export function systemOf({ userAgent }: Pick<Navigator, "userAgent">): PageInfo["system"] {
  if (/Android|iPhone|iPad/.test(userAgent)) return undefined;
  if (/Windows/.test(userAgent)) return "windows";
  if (/Macintosh/.test(userAgent)) return "mac";
  if (/CrOS/.test(userAgent)) return "chromeos";
  return /Linux/.test(userAgent) ? "linux" : undefined;
}

/** What browsers say of the computer, if they are asked: Chromium's `userAgentData`, others in `platform`. */
interface Told extends Pick<Navigator, "userAgent"> {
  readonly platform?: string;
  readonly userAgentData?: {
    getHighEntropyValues(hints: readonly string[]): Promise<{ readonly architecture?: string }>;
  };
}

/**
 * The architecture that an image is suggested for, where that is not the usual one: that of this computer, if such images
 * start computers of its kind. A Mac or a Chromebook starts from no stick of ours, so whoever is at one means another computer.
 */
export async function suggestedArch(told: Told): Promise<Arch | undefined> {
  const system = systemOf(told);
  if (system !== "linux" && system !== "windows") return undefined;
  const values = await told.userAgentData?.getHighEntropyValues(["architecture"]).catch(() => undefined);
  const isArm = values?.architecture
    ? values.architecture === "arm"
    : /\b(?:aarch64|arm)/i.test(told.platform ?? "");
  return isArm ? "aarch64" : undefined;
}
