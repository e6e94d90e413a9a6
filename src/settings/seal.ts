import { type Network, type SealedSettings, type Settings, ssidLength } from "./settings.ts";

/**
 * Settings as they are written to a stick: of WPA2 the key takes the place of the passphrase, and there are 16 random bytes
 * unless `settings` has some already. With them the same settings give the same file.
 */
export async function sealSettings(settings: Settings): Promise<SealedSettings> {
  return {
    ...settings,
    random: settings.random ?? toHex(crypto.getRandomValues(new Uint8Array(16))),
    wifi: await Promise.all(settings.wifi.map(sealNetwork)),
  };
}

async function sealNetwork(network: Network): Promise<Network> {
  const { ssid, security, passphrase } = network;
  if (security !== "wpa2" || passphrase === undefined) return network;
  return { ...network, passphrase: undefined, psk: await preSharedKey(ssid, passphrase) };
}

/**
 * The key of a network of WPA2, in lower-case hex: PBKDF2 with HMAC-SHA-1, 4,096 rounds (IEEE 802.11, annex J.4). It joins
 * this network, and is no other network's. Throws `RangeError` for a name or passphrase that no network has.
 */
export async function preSharedKey(ssid: string, passphrase: string): Promise<string> {
  const encoder = new TextEncoder();
  const bytes = ssidLength(ssid);
  if (bytes < 1 || bytes > 32) throw new RangeError("the name of a network has 1 to 32 bytes");
  if (!/^[ -~]{8,63}$/.test(passphrase)) throw new RangeError("a passphrase has 8 to 63 characters of ASCII");
  const key = await crypto.subtle.importKey("raw", encoder.encode(passphrase), "PBKDF2", false, [
    "deriveBits",
  ]);
  const how = { name: "PBKDF2", hash: "SHA-1", salt: encoder.encode(ssid), iterations: 4096 };
  return toHex(new Uint8Array(await crypto.subtle.deriveBits(how, key, 256)));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
