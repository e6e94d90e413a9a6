import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { serveImage } from "../../bin/image-server.ts";
import { openInput, readAt } from "../../bin/input.ts";
import { fillTftpFolder } from "../../bin/tftp-folder.ts";
import type { At } from "../../src/image/contents.ts";
import { routesOf } from "../../src/netboot/routes.ts";
import { readServedImage } from "../../src/netboot/served-image.ts";

/** An image that this process serves to a machine in QEMU, as `os serve` does. */
export interface Served {
  /** QEMU's arguments for a cable to where it is served. */
  readonly args: string[];
  /** The address that the firmware is to start from; undefined when DHCP says it. */
  readonly uri: string | undefined;
  readonly close: () => Promise<void>;
}

/** This computer, in the network that QEMU makes of its own (-netdev user). */
const HOST = "10.0.2.2";

/** Serve `image` until it is closed: to UEFI HTTP boot, or by PXE, for which files go into `folder`. */
export async function serveToMachine(image: string, how: "http" | "pxe", folder: string): Promise<Served> {
  const { handle, size } = await openInput(image);
  try {
    const at: At = (start, length) => readAt(image, handle, start, new Uint8Array(length));
    const read = await readServedImage(at, size);
    if (how === "pxe" && !read.startsByPxe)
      throw new Error("PXE does not start the image: its GRUB has no HTTP");
    const server = await serveImage({
      handle,
      routes: routesOf(read, "os.iso"),
      address: "127.0.0.1", // where QEMU leads what goes to HOST
      port: 0,
      mayFetch: () => true,
      say: () => {},
    });
    const close = async () => {
      await server.close();
      await handle.close();
    };
    const { port } = server;
    if (how === "http") {
      return { args: networkCard("user"), uri: `http://${HOST}:${port}/os.iso`, close };
    }
    const tftp = join(folder, "tftp");
    await mkdir(tftp);
    await fillTftpFolder(tftp, read, at, { address: HOST, port });
    const dhcp = `user,tftp=${tftp.replaceAll(",", ",,")},bootfile=${read.firmware.shim.slice(1)}`;
    return { args: networkCard(dhcp, ",bootindex=0"), uri: undefined, close };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** QEMU's arguments for a network card with a cable to `network`, a kind of its -netdev. */
export function networkCard(network: string, more = ""): string[] {
  // Of OVMF's own drivers one is for this card; without `romfile` QEMU would bring another program for PXE
  return ["-netdev", `${network},id=cable`, "-device", `virtio-net-pci,netdev=cable,romfile=${more}`];
}
