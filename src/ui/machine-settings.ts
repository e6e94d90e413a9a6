import { sealSettings } from "../settings/seal.ts";
import {
  describeSettings,
  NO_SETTINGS,
  parseSettings,
  SETTINGS_LIMIT,
  type SealedSettings,
  type Settings,
} from "../settings/settings.ts";
import type { Answer } from "./settings-form.ts";

const KEY = "os:settings";

/**
 * How the machines are set up that this page makes, until it is closed; longer only if the person wants that, in localStorage,
 * where every page and piece of the site can read it.
 */
export class MachineSettings {
  #settings: Promise<SealedSettings | undefined> | undefined;

  /** As they are written to a stick: sealed once, so that the same image stays the same. Nothing when all is as usual. */
  get sealed(): Promise<SealedSettings | undefined> {
    return (this.#settings ??= seal(remembered() ?? NO_SETTINGS));
  }

  /** Whether they are remembered in this browser. */
  get isRemembered(): boolean {
    return remembered() !== undefined;
  }

  /** Take what the person has said. */
  async answer({ settings, remember }: Answer): Promise<SealedSettings | undefined> {
    this.#settings = seal(settings);
    const sealed = await this.#settings;
    try {
      if (remember && sealed) localStorage.setItem(KEY, JSON.stringify({ ...sealed, random: undefined }));
      else localStorage.removeItem(KEY);
    } catch {
      // no storage here
    }
    return sealed;
  }
}

async function seal(settings: Settings): Promise<SealedSettings | undefined> {
  return describeSettings(settings).length > 0 ? await sealSettings(settings) : undefined;
}

/** What is remembered, if it is as we have written it. */
function remembered(): Settings | undefined {
  try {
    const text = localStorage.getItem(KEY);
    if (text === null || text.length > SETTINGS_LIMIT) return undefined;
    const { settings, complaints } = parseSettings(text);
    return complaints.length === 0 ? settings : undefined;
  } catch {
    return undefined; // no storage here
  }
}
