import type { Bytes } from "../bytes/segment.ts";
import { namesOf } from "../image/names.ts";
import { servedConfig } from "./grub.ts";
import { servedPage } from "./page.ts";
import type { Run, ServedImage } from "./served-image.ts";

/** What is sent for a path. */
export interface Route {
  /** What it is called when it is spoken of. */
  readonly name: string;
  readonly type: string;
  /** Bytes, runs of the image, or a text that depends on the origin by which the server was reached. */
  readonly content: Bytes | readonly Run[] | ((origin: string) => string);
}

/**
 * Everything that is served for an image whose file is called `file`, by its path in small letters: paths are compared without
 * regard to capitals, since some are typed by hand and FAT does not know them either. There is nothing else.
 */
export function routesOf(image: ServedImage, file: string): ReadonlyMap<string, Route> {
  const { boot, size, startsByPxe } = image;
  const { arch } = image.firmware;
  const pieces = image.pieces && namesOf(image.pieces.pieces.map(({ piece }) => piece));
  const whole = [{ start: 0, length: size }];
  const script = new TextEncoder();
  const routes: Record<string, Route> = {
    "/": {
      name: "the page",
      type: "text/html; charset=utf-8",
      content: (origin) => servedPage({ file, size, pieces, arch, origin, startsByPxe }),
    },
    // Firmware looks at the type before the name (EDK II, HttpBootCheckImageType)
    "/os.iso": { name: "os.iso", type: "application/vnd.efi-iso", content: whole },
    "/grub.cfg": {
      name: "grub.cfg",
      type: "text/plain",
      content: script.encode(servedConfig(image.identity)),
    },
    "/esp/grub.cfg": { name: "grub.cfg", type: "text/plain", content: boot.config.runs },
    "/vmlinuz": { name: "the kernel", type: "application/octet-stream", content: boot.kernel.runs },
    "/initramfs.img": {
      name: "the initramfs",
      type: "application/octet-stream",
      content: boot.initramfs.runs,
    },
    "/splash.png": { name: "the splash", type: "image/png", content: boot.splash.runs },
    ...(image.splash && {
      "/piece/splash.png": { name: "the splash", type: "image/png", content: image.splash },
    }),
  };
  return new Map(Object.entries(routes).map(([path, route]) => [path.toLowerCase(), route]));
}
