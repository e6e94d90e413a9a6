import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import type { At } from "../src/image/contents.ts";
import { namesOf } from "../src/image/names.ts";
import { dnsmasqConfig } from "../src/netboot/dnsmasq.ts";
import { routesOf } from "../src/netboot/routes.ts";
import { readServedImage, type ServedImage } from "../src/netboot/served-image.ts";
import { endsWith } from "./cancel.ts";
import { UsageError, understand } from "./errors.ts";
import { serveImage } from "./image-server.ts";
import { openInput, readAt } from "./input.ts";
import { nearby, type OwnAddress, ownAddresses } from "./network.ts";
import { print, printError } from "./terminal.ts";
import { closedAround, fillTftpFolder } from "./tftp-folder.ts";

const DEFAULT_PORT = 8080;
/** The kiosk's GRUB is 2.12. */
const NO_PXE =
  "PXE does not start this image, but UEFI HTTP boot does: its GRUB is older than 2.12, and does not fetch over HTTP";
const EVERYWHERE = "0.0.0.0";

/**
 * `os serve`: serve a finished image to computers that start over a network, until it is ended; or, with `--dnsmasq`, write
 * what dnsmasq needs for that. Throws `UsageError`, and `RangeError` for an image that cannot be served or may not be.
 */
export async function serve(args: string[]): Promise<void> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        address: { type: "string" },
        port: { type: "string", default: String(DEFAULT_PORT) },
        dnsmasq: { type: "string" },
        "with-passphrases": { type: "boolean", default: false },
      },
    }),
  );
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("name one image");
  const port = portIn(values.port);
  const own = ownAddresses();
  if (values.address !== undefined) checkAddress(values.address, own);
  const { handle, size } = await openInput(file);
  try {
    const at: At = (start, length) => readAt(file, handle, start, new Uint8Array(length));
    const image = await readServedImage(at, size).catch((error: unknown) => {
      if (!(error instanceof RangeError) || error.message.startsWith(`${file} `)) throw error;
      throw new RangeError(`${file}: ${error.message}`, { cause: error });
    });
    askConsent(file, image, values["with-passphrases"]);
    if (values.dnsmasq !== undefined) {
      await forDnsmasq(values.dnsmasq, image, at, addressIn(own, values.address), port);
    } else {
      await untilEnded(file, handle, image, own, values.address, port);
    }
  } finally {
    await handle.close();
  }
}

function portIn(word: string): number {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  if (port < 1 || port > 65_535) throw new UsageError(`--port takes a number from 1 to 65535, not ${word}`);
  return port;
}

function checkAddress(address: string, own: readonly OwnAddress[]): void {
  if (address === "127.0.0.1" || own.some((each) => each.address === address)) return;
  const has = own.map((each) => each.address).join(", ") || "none in a network";
  throw new UsageError(`--address takes an address of this computer (it has ${has}), not ${address}`);
}

/** Whoever serves secrets has to say so. */
function askConsent(file: string, { secrets }: ServedImage, isGiven: boolean): void {
  if (secrets.length === 0) return;
  const what = secrets.join(", ");
  if (!isGiven) {
    throw new RangeError(
      `${file} holds ${what}: everybody in the network could read it. Make an image without that, or say --with-passphrases`,
    );
  }
  printError(`os: ${file} holds ${what}, and everybody in the network can read it while this runs.`);
}

async function untilEnded(
  file: string,
  handle: FileHandle,
  image: ServedImage,
  own: readonly OwnAddress[],
  address: string | undefined,
  port: number,
): Promise<void> {
  const server = await serveImage({
    handle,
    routes: routesOf(image, path.basename(file)),
    address: address ?? EVERYWHERE,
    port,
    mayFetch: nearby(own),
    say: (line) => print(`${new Date().toTimeString().slice(0, 8)} ${line}`),
  });
  const ended = new Promise<void>((end) => endsWith(end));
  for (const line of announcement(file, image, reached(own, address), port)) print(line);
  await ended;
  const unfinished = server.unfinished();
  await server.close();
  print(unfinished.length === 0 ? "Ended." : `Ended. Not all of it have ${unfinished.join(", ")}.`);
}

/** By which addresses others reach what listens on `address`, or on all. */
function reached(own: readonly OwnAddress[], address: string | undefined): string[] {
  if (address === undefined) return own.map((each) => each.address);
  return own.some((each) => each.address === address) ? [address] : [];
}

/** What is said once it is served. */
export function announcement(
  file: string,
  { size, pieces, startsByPxe }: ServedImage,
  addresses: readonly string[],
  port: number,
): string[] {
  const what = pieces
    ? `${namesOf(pieces.pieces.map(({ piece }) => piece))}, ${pieces.base}`
    : "a base image, without a piece";
  const page = (address: string) => `http://${address}:${port}/`;
  const lines = [`${file} is served: ${Math.ceil(size / 1e6)} MB, ${what}.`];
  if (!startsByPxe) lines.push(`${NO_PXE}.`);
  if (addresses.length === 0) {
    lines.push(
      `No other computer reaches it: this one is in no network, or --address says so. ${page("127.0.0.1")}`,
    );
  }
  for (const address of addresses) {
    lines.push(`  ${page(address)}  a page that says what to type`);
    lines.push(`  ${page(address)}os.iso  for UEFI HTTP boot`);
  }
  lines.push(
    "Everybody in these networks can fetch it, unencrypted; computers with addresses of the internet are refused. Ctrl-C ends it.",
  );
  return lines;
}

function addressIn(own: readonly OwnAddress[], address: string | undefined): OwnAddress {
  const found = address === undefined ? own : own.filter((each) => each.address === address);
  const [only] = found;
  if (only && found.length === 1) return only;
  if (!only) throw new RangeError("This computer is in no network that dnsmasq could answer in");
  const has = own.map((each) => `${each.address} (${each.device})`).join(", ");
  throw new UsageError(
    `this computer is in several networks: name its address in the right one with --address: ${has}`,
  );
}

/** Put the boot files that go over TFTP into `folder`, and print the configuration that names it. */
async function forDnsmasq(
  folder: string,
  image: ServedImage,
  at: At,
  { address, netmask, device }: OwnAddress,
  port: number,
): Promise<void> {
  const root = path.resolve(folder);
  if (!image.startsByPxe) throw new RangeError(NO_PXE);
  const config = dnsmasqConfig({ address, netmask, device, port, folder: root }, image.firmware); // before anything is written
  await fillTftpFolder(root, image, at, { address, port });
  for (const line of config.trimEnd().split("\n")) print(line);
  const closed = await closedAround(root);
  if (closed !== undefined)
    printError(
      `os: ${closed} is closed to other users: unless dnsmasq may enter it, name a folder elsewhere, as /srv/tftp.`,
    );
  printError(
    `os: shim, GRUB and its grub.cfg are in ${root}; now serve the image, and start dnsmasq with this.`,
  );
}
