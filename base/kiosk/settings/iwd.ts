import type { Network } from "../../../src/settings/settings.ts";

/** A file in iwd's folder, by which it knows a network. */
interface NetworkFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A network as iwd.network(5) has it. Names of other characters than iwd takes as they are, and so all that could mean
 * something in a path, are written in hex.
 */
export function networkFile({ ssid, security, passphrase, psk, hidden }: Network): NetworkFile {
  const plain = /^[A-Za-z0-9 _-]+$/.test(ssid);
  const name = plain ? ssid : `=${Buffer.from(ssid).toString("hex")}`;
  const secrets = [
    ...(psk === undefined ? [] : [`PreSharedKey=${psk}`]),
    ...(passphrase === undefined ? [] : [`Passphrase=${escaped(passphrase)}`]),
  ];
  const lines = [
    ...(secrets.length > 0 ? ["[Security]", ...secrets] : []),
    ...(hidden ? ["[Settings]", "Hidden=true"] : []),
  ];
  return {
    name: `${name}.${security === "open" ? "open" : "psk"}`,
    text: lines.map((line) => `${line}\n`).join(""),
  };
}

/**
 * A value for ell's `l_settings`, which iwd reads its files with. What would end or begin a value otherwise is escaped, and
 * every space, since one at the beginning has to be (tried with libell 0.56: `\s` is a space anywhere).
 */
function escaped(value: string): string {
  const codes: Readonly<Record<string, string>> = {
    "\\": "\\\\",
    " ": "\\s",
    "\t": "\\t",
    "\n": "\\n",
    "\r": "\\r",
  };
  return value.replace(/[\\ \t\n\r]/g, (character) => codes[character] ?? character);
}

/** `main.conf` of iwd, whose last group is General, with the country in which the machine is. */
export function withCountry(mainConf: string, country: string): string {
  return `${mainConf.trimEnd()}\nCountry=${country}\n`;
}
