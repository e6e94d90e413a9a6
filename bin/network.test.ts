import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { nearby, ownAddresses } from "./network.ts";

const info = (address: string, cidr: string, more: object = {}): NetworkInterfaceInfo =>
  ({ address, netmask: "255.255.255.0", mac: "", internal: false, family: "IPv4", cidr, ...more }) as never;

const OWN = ownAddresses({
  lo: [info("127.0.0.1", "127.0.0.1/8", { internal: true })],
  eth0: [info("192.168.1.50", "192.168.1.50/24"), info("fe80::1", "fe80::1/64", { family: "IPv6" })],
  eth1: [info("203.0.113.7", "203.0.113.7/24")],
});

test("this computer's addresses are those by which others reach it", () => {
  expect(OWN.map(({ device, address }) => `${device} ${address}`)).toEqual([
    "eth0 192.168.1.50",
    "eth1 203.0.113.7",
  ]);
});

test.each([
  ["127.0.0.1", true],
  ["192.168.1.99", true],
  ["192.168.200.3", true],
  ["10.1.2.3", true],
  ["172.31.255.255", true],
  ["172.32.0.0", false],
  ["169.254.3.4", true],
  ["203.0.113.200", true],
  ["203.0.114.1", false],
  ["8.8.8.8", false],
  ["::1", false],
  ["", false],
])("%s is near: %s", (address, is) => {
  expect(nearby(OWN)(address)).toBe(is);
});
