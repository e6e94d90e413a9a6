import type { BuildState, FileInfo } from "../../messages.ts";
import type { BuildClient } from "../build-client.ts";

/** Where one image goes. Used once. */
export interface Target {
  readonly where: BuildState["where"];
  /**
   * Have `client` make the image, and save it here. Resolves when this target has all of it, to whether it is known to be
   * saved; throws `SaveError` and its kin, and what the client throws.
   */
  save(info: FileInfo, client: Pick<BuildClient, "send" | "write">): Promise<boolean>;
  /** Keep what saves awake. To be called at each heartbeat of the build worker, also while the page is hidden. */
  keepAlive(): void;
  /** The build ended early, by `error`. Returns what is left behind for the person to clear up, as a sentence or "". */
  discard(error: unknown): Promise<string>;
}
