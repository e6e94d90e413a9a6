// kiosk-settings.service: what the stick's settings.json asks of root, before networks, sound and session start.
import { applySettings } from "./apply.ts";

const lines = await applySettings({
  settings: "/mnt/piece/settings.json",
  zones: "/usr/share/zoneinfo",
  networks: "/var/lib/iwd",
  iwdConfig: "/etc/iwd/main.conf",
  sound: "/etc/wireplumber/wireplumber.conf.d",
  session: "/run/fedac/settings.json",
});
for (const line of lines) console.error(`settings.json: ${line}`);
