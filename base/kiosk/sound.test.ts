import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const CONF = join(import.meta.dirname, "rootfs/usr/share/wireplumber/wireplumber.conf.d/50-kiosk.conf");

test.each([
  ["alsa_output.pci-0000_00_1f.3.analog-stereo", undefined],
  ["alsa_output.pci-0000_01_00.1.hdmi-stereo", undefined],
  ["alsa_output.usb-Focusrite_Scarlett_2i2_USB-00.analog-stereo", 1500],
  ["alsa_input.usb-Blue_Yeti-00.analog-stereo", 2500],
  ["alsa_output.usb-Sony_Interactive_Entertainment_Wireless_Controller-00.analog-stereo", 100],
  ["alsa_output.usb-Sony_Interactive_Entertainment_DualSense_Wireless_Controller-00.analog-surround-40", 100],
])("%s has the priority %s", (name, priority) => {
  const rules = [
    ...readFileSync(CONF, "utf8").matchAll(/node\.name = "~([^"]+)" .*\n.*update-props = \{ (.*) \} \}/g),
  ];
  expect(rules).toHaveLength(4);
  // As WirePlumber applies them: all that match the whole name, the last one wins
  const said = rules
    .filter(([, pattern = ""]) => new RegExp(`^${pattern}$`).test(name))
    .map(([, , props = ""]) => /priority\.session = (\d+)/.exec(props)?.[1])
    .filter((each) => each !== undefined);
  expect(said.map(Number).at(-1)).toBe(priority);
});
