import { parseConfig, type Config } from "../config.ts";

const here = import.meta.url;

/** Read `config.json`. Rejects with one plain `Error` when it is missing or malformed. */
export async function loadConfig(): Promise<Config> {
  try {
    const response = await fetch(new URL("config.json", here), { cache: "no-cache" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return parseConfig(await response.json());
  } catch (error) {
    throw new Error("The settings of os could not be loaded", { cause: error });
  }
}
