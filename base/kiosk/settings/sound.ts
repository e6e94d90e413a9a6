import type { Output, Settings } from "../../../src/settings/settings.ts";

/** What the sinks of an output are called, as regular expressions: ALSA's card profiles, and those of UCM. */
const SINKS: Readonly<Record<Output, readonly string[]>> = {
  analog: [
    "~alsa_output.pci-.*analog.*",
    "~alsa_output.*__Speaker__sink",
    "~alsa_output.*__Headphones__sink",
  ],
  hdmi: ["~alsa_output.*hdmi.*", "~alsa_output.*HDMI.*"],
  usb: ["~alsa_output.usb-.*"],
};
/** The controllers of game consoles: a sound card on USB, too, which nobody means (50-kiosk.conf). */
const CONTROLLERS = "~alsa_output.usb-.*Controller.*";
/** Above what WirePlumber gives any sink by itself: 1,000 to 2,500 (scripts/monitors/alsa.lua). */
const FIRST = 5000;
/** Below all of those. */
const LAST = 100;

/**
 * What WirePlumber is told of volume and output, as a part of its configuration; undefined when there is nothing to tell.
 * It is read when WirePlumber starts, so that also what is plugged in later is treated by it.
 */
export function soundConfig({ volume, output }: Settings): string | undefined {
  const parts: string[] = [];
  if (volume !== undefined) {
    // The keys, and people, count in the cube root of what is set here
    const linear = ((volume / 100) ** 3).toFixed(6);
    parts.push(`wireplumber.settings = { device.routes.default-sink-volume = ${linear} }`);
  }
  if (output !== undefined) {
    // Of rules that match, the last one counts
    const rules = [rule(SINKS[output], FIRST), ...(output === "usb" ? [rule([CONTROLLERS], LAST)] : [])];
    parts.push(`monitor.alsa.rules = [ ${rules.join(" ")} ]`);
  }
  if (output === "hdmi") {
    parts.push(
      "wireplumber.components = [ { name = kiosk/hdmi.lua, type = script/lua, provides = kiosk.hdmi } ]",
      "wireplumber.profiles = { main = { kiosk.hdmi = required } }",
    );
  }
  return parts.length === 0 ? undefined : `${parts.join("\n")}\n`;
}

/** Which output a sink is, by its name; undefined when it is none of them. */
export function outputOf(sink: string): Output | undefined {
  const isOf = (patterns: readonly string[]) =>
    patterns.some((pattern) => new RegExp(`^${pattern.slice(1)}$`).test(sink));
  if (isOf([CONTROLLERS])) return undefined;
  const outputs = Object.keys(SINKS) as Output[];
  return outputs.find((output) => isOf(SINKS[output]));
}

function rule(names: readonly string[], priority: number): string {
  const matches = names.map((name) => `{ node.name = "${name}" }`).join(" ");
  return `{ matches = [ ${matches} ] actions = { update-props = { priority.session = ${priority} } } }`;
}
