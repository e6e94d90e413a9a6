import { type ARCHITECTURES, knownArchitecture } from "../architectures.ts";

/** What the page of a served image is made from. */
export interface ServedPage {
  /** The file that is served, and its length in bytes. */
  readonly file: string;
  readonly size: number;
  /** What it starts, as "notepat, line and @jeffrey/frog"; undefined for a base image. */
  readonly pieces: string | undefined;
  /** The kind of computer that it starts. */
  readonly arch: string;
  /** Where it is served, without a slash at the end, as whoever reads the page has reached it. */
  readonly origin: string;
  /** Whether it starts by PXE too. */
  readonly startsByPxe: boolean;
}

/** The page, in HTML, that says what to type on a computer to start it from the served image. */
export function servedPage({ file, size, pieces, arch, origin, startsByPxe }: ServedPage): string {
  const [name, title] = [escaped(file), escaped(pieces ?? "an image without a piece")];
  const megabytes = `${Math.ceil(size / 1e6)} MB`;
  const address = (path: string) => `<code>${escaped(origin)}${path}</code>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Start a computer with ${title}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1.05rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
  code { font-size: 1.1em; font-weight: bold; overflow-wrap: anywhere }
  li { margin: 0.4rem 0 }
</style>
<main>
<h1>Start a computer with ${title}</h1>
<p>${name} has ${megabytes}, and starts ${COMPUTERS[knownArchitecture(arch).word]}. The other computer is connected by
  cable, and keeps the file in its memory, beside what the system needs. Nothing is written to its disk. When it is switched off, everything is gone: no settings and no log are kept.</p>
<h2>By this address</h2>
<p>For firmware with <em>UEFI HTTP boot</em>, which many computers have, often switched off.</p>
<ol>
  <li>Open the firmware's setup, by F2, F10 or Delete while the computer turns on.</li>
  <li>Turn on the network stack, and HTTP boot with IPv4. It may be called "boot from URL" or "HTTP(s) boot".</li>
  <li>Type this address: ${address("/os.iso")}</li>
  <li>Save, and start from that entry. Loading takes from seconds to minutes.</li>
</ol>
<p>Some firmware takes addresses with <code>https:</code> alone, by which this is not served.</p>
${startsByPxe ? PXE : ""}<h2>From a stick</h2>
<p><a href="/os.iso" download="${name}">Download ${name}</a> (${megabytes}) and write it to a USB stick, for a computer that does not
  start from networks.</p>
</main>
`;
}

/** What an image for each starts, by the architecture's word. */
const COMPUTERS: Record<(typeof ARCHITECTURES)[number]["word"], string> = {
  pc: "64-bit PCs, and no computers with ARM",
  arm: "64-bit computers with ARM, and no PCs",
};

const PXE = `<h2>By PXE</h2>
<p>For firmware that starts from a network ("network boot", "PXE boot", UEFI, IPv4), and many computers at once. The network has to
  tell them what to start: <code>os serve</code> with <code>--dnsmasq</code>, on the computer that serves, writes what dnsmasq needs
  for that, beside the network's own DHCP server.</p>
`;

/** Text that anybody may have written, as HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
