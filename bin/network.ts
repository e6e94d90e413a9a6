import { BlockList, isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";

/** An address of this computer in a network. */
export interface OwnAddress {
  /** Of the device that leads there, as "eth0". */
  readonly device: string;
  readonly address: string;
  readonly netmask: string;
  /** The network, as "192.168.1.50/24". */
  readonly cidr: string;
}

/** The IPv4 addresses by which other computers reach this one. */
export function ownAddresses(interfaces = networkInterfaces()): OwnAddress[] {
  return Object.entries(interfaces).flatMap(([device, addresses]) =>
    (addresses ?? [])
      .filter(({ family, internal, cidr }) => family === "IPv4" && !internal && cidr !== null)
      .map(({ address, netmask, cidr }) => ({ device, address, netmask, cidr: cidr! })),
  );
}

/** Networks that are nobody's in the internet: this computer (RFC 1122), private (RFC 1918), of one link (RFC 3927). */
const PRIVATE = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"];

/** Says of an IPv4 address whether it is of a local network: a private one, or one that this computer has an address in. */
export function nearby(own: readonly OwnAddress[]): (address: string) => boolean {
  const networks = new BlockList();
  for (const cidr of [...PRIVATE, ...own.map((each) => each.cidr)]) {
    const [network = "", bits = ""] = cidr.split("/");
    networks.addSubnet(network, Number(bits));
  }
  return (address) => isIPv4(address) && networks.check(address);
}
