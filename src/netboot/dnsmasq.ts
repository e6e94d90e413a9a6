import type { Firmware } from "./firmware.ts";

/** What dnsmasq has to know to tell the computers of one network where to start from. */
export interface Classroom {
  /** The address of the computer that serves, in that network, IPv4; and the network's mask. */
  readonly address: string;
  readonly netmask: string;
  /** The name by which that computer's system knows the network, as "eth0". */
  readonly device: string;
  /** On which port the image is served. */
  readonly port: number;
  /** The folder that dnsmasq sends files from: an absolute path. */
  readonly folder: string;
}

const ADDRESS = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/;
const WORDS: Readonly<Record<keyof Classroom, readonly [RegExp, string]>> = {
  address: [ADDRESS, "an IPv4 address"],
  netmask: [ADDRESS, "a mask of IPv4"],
  device: [/^[A-Za-z0-9_.-]{1,15}$/, "the name of a network device"],
  port: [/^\d{1,5}$/, "a port"],
  // A line of the file ends a value, "#" after a space begins a comment, and a comma another value (dnsmasq(8), --conf-file)
  folder: [/^\/[A-Za-z0-9_.+@/-]*$/, "an absolute path of letters, digits and _ . + @ - /"],
};

/**
 * A configuration of dnsmasq (2.86 or newer) that says where to start from, beside whoever gives out the addresses of a network:
 * a proxy DHCP server (PXE specification 2.1, 2.2) and a TFTP server. Throws `RangeError` for a value that cannot stand in
 * it.
 */
export function dnsmasqConfig(room: Classroom, { shim, pxe, http }: Firmware): string {
  for (const [name, [pattern, what]] of Object.entries(WORDS)) {
    const value = String(room[name as keyof Classroom]);
    if (!pattern.test(value))
      throw new RangeError(`"${value}" is not ${what}, and nothing else can be used here`);
  }
  const { address, netmask, device, port, folder } = room;
  const network = networkOf(address, netmask);
  return `# Written by os serve for dnsmasq: sudo dnsmasq --no-daemon --conf-file=THIS-FILE
# The network's own DHCP server gives out the addresses, as before; this only says what computers start from.

# No name server, and nothing but this network.
port=0
interface=${device}
bind-interfaces
# No addresses either: a proxy, for the computers of this network.
dhcp-range=${network},proxy,${netmask}
log-dhcp

# PXE: the signed shim and GRUB over TFTP. They fetch the rest over HTTP.
enable-tftp
tftp-root=${folder}
${pxe.map((name) => `pxe-service=${name},"os",${shim.slice(1)}\n`).join("")}
# UEFI HTTP boot: the image itself.
dhcp-pxe-vendor=PXEClient,HTTPClient
dhcp-match=set:http,option:client-arch,${http}
dhcp-option-force=tag:http,option:vendor-class,HTTPClient
dhcp-boot=tag:http,http://${address}:${port}/os.iso
`;
}

function networkOf(address: string, netmask: string): string {
  const [one, other] = [address, netmask].map((each) => each.split(".").map(Number));
  return one!.map((byte, i) => byte & other![i]!).join(".");
}
