import type { Bytes } from "../bytes/segment.ts";

// What GRUB is told when it was started over a network, as scripts of its own (GNU GRUB manual, 6). Nothing that an image says
// of itself is in them but hex digits: no name of a piece or a file, which would have to be quoted.

/** Where Debian's and Ubuntu's signed GRUB for networks looks. */
export const GRUB_CFG = "/grub/grub.cfg";

/** Which FEDAC-LIVE and FEDAC-PIECE an image has. */
export interface Identity {
  /** The GUID of its FEDAC-LIVE. */
  readonly live: string;
  /** The UUID of the file system on its FEDAC-PIECE; undefined in a base image. */
  readonly piece: string | undefined;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * `grub.cfg` as it is served: which image this is, and then on to the image's own grub.cfg, which has the rest. `$served` is
 * set by one of the two below. Throws `RangeError` for identities that are none.
 */
export function servedConfig({ live, piece }: Identity): string {
  for (const each of [live, ...(piece === undefined ? [] : [piece])]) {
    if (!UUID.test(each)) throw new RangeError(`"${each}" is no UUID`);
  }
  return `# Written by os serve: which image this is. Then on to the image's own grub.cfg.
set disk=live=PARTUUID=${live}
set piece=${piece === undefined ? "none" : `UUID=${piece}`}
source $served/esp/grub.cfg
`;
}

/** For a GRUB that came over TFTP: where the rest is. Throws `RangeError` for what is no IPv4 address and port. */
export function configOverTftp(address: string, port: number): string {
  if (!/^(?:\d{1,3}\.){3}\d{1,3}$/.test(address) || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`"${address}", ${port} is no address and port`);
  }
  return `# Written by os serve: GRUB came over TFTP, and fetches the rest over HTTP, which is faster.
set served=(http,${address}:${port})
source $served/grub.cfg
`;
}

/**
 * Whether a GRUB for networks, by the bytes of its program, fetches the rest over HTTP. It says which it is in its section .sbat
 * (https://github.com/rhboot/shim/blob/main/SBAT.md): 2.12 does. Debian's signed 2.06 knows TFTP alone, and stays at its prompt;
 * others of that age have HTTP, but from port 80 alone.
 */
export function fetchesOverHttp(grub: Bytes): boolean {
  const text = new TextDecoder("latin1").decode(grub);
  const [, major = "2", minor = "12"] =
    /\ngrub,\d+,Free Software Foundation,grub,(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 12);
}
