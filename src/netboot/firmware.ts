/** What UEFI firmware of one architecture starts over a network, and by what it is known in DHCP. */
export interface Firmware {
  /** As `uname -m` says it. */
  readonly arch: string;
  /** Where shim lies on an ESP, and where it is served (UEFI specification 2.10, 3.5.1.1). */
  readonly shim: string;
  /** Where shim looks for GRUB: beside itself, by this name. */
  readonly grub: string;
  /** What dnsmasq calls its PXE (dnsmasq(8), --pxe-service): by the numbers that firmware gives. */
  readonly pxe: readonly string[];
  /** The number of its UEFI HTTP boot (IANA, "Processor Architecture Types" of DHCPv6, which DHCP has too). */
  readonly http: number;
}

/** All that images are served to. A further architecture is a further row. */
export const FIRMWARE: readonly [Firmware, ...Firmware[]] = [
  {
    arch: "x86_64",
    shim: "/EFI/BOOT/BOOTX64.EFI",
    grub: "/EFI/BOOT/grubx64.efi",
    pxe: ["X86-64_EFI", "BC_EFI"],
    http: 16,
  },
  {
    arch: "aarch64",
    shim: "/EFI/BOOT/BOOTAA64.EFI",
    grub: "/EFI/BOOT/grubaa64.efi",
    pxe: ["ARM64_EFI"],
    http: 19,
  },
];
