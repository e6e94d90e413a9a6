/** What differs between emulated computers: names and arguments of QEMU's. */
export interface Computer {
  /** Debian's and Ubuntu's package that has QEMU for it. */
  readonly package: string;
  /** The board, `secure` being "on" or "off": whether its firmware keeps its variables from the system. */
  readonly board: (secure: string) => readonly string[];
  /** The processor where QEMU itself runs the instructions. */
  readonly cpu: string;
  /** The screen, and what else `q35` has on board and others have not. */
  readonly devices: readonly string[];
  /** A drive for discs. */
  readonly disc: string;
  /** Whether QEMU starts it by a BIOS when it is given no UEFI firmware; others would wait for ever. */
  readonly bios: boolean;
  /** Its UEFI firmware: the package, and the file of its code or of its variables, with `.ms` for Microsoft's keys. */
  readonly uefi: { readonly package: string; readonly file: (what: "CODE" | "VARS", keys: string) => string };
}

/** The architectures that can be emulated, as `uname -m` says them. */
export const ARCHES = ["x86_64", "aarch64"] as const;
/** One of `ARCHES`. */
export type Arch = (typeof ARCHES)[number];

/** A computer of each architecture. */
export const COMPUTERS: Record<Arch, Computer> = {
  x86_64: {
    package: "qemu-system-x86",
    board: (secure) => [
      "-machine",
      `q35,smm=${secure}`,
      "-global",
      `driver=cfi.pflash01,property=secure,value=${secure}`,
    ],
    // All that QEMU knows, without two things. "Enhanced REP MOVSB": told that those are fast, the kernel and glibc move and clear
    // memory by them, and QEMU does that a byte at a time. Page tables of five levels: laptops have four, and so has QEMU less
    // to look up
    cpu: "max,-erms,-fsrm,-la57",
    devices: ["-vga", "std"],
    disc: "ide-cd,bus=ide.0",
    bios: true,
    uefi: { package: "ovmf", file: (what, keys) => `/usr/share/OVMF/OVMF_${what}_4M${keys}.fd` },
  },
  aarch64: {
    package: "qemu-system-arm",
    board: () => ["-machine", "virt"],
    cpu: "max,pauth-impdef=on", // the real algorithm of pointer authentication takes half of the time
    // A screen whose firmware leaves the kernel no framebuffer, as virtual machines have it on a Mac: a driver it takes
    devices: ["-device", "virtio-gpu-pci", "-device", "virtio-scsi-pci,id=scsi"],
    disc: "scsi-cd,bus=scsi.0", // the firmware knows no AHCI
    bios: false,
    uefi: {
      package: "qemu-efi-aarch64",
      file: (what, keys) => `/usr/share/AAVMF/AAVMF_${what}${keys}.fd`,
    },
  },
};
