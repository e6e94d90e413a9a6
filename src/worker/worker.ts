import { expose } from "comlink";
import type { BuildRequest } from "../messages.ts";
import { parsePiece } from "../piece.ts";
import { carryCauses, type Builder } from "./api.ts";
import { httpBase } from "./base.ts";
import { openImage, type Image } from "./image.ts";
import { fetchBundle } from "./oven.ts";
import { pump } from "./pump.ts";

let image: Image | undefined;
const whole = new AbortController(); // nothing aborts it: the page ends a build by ending this worker

const builder: Builder = {
  async open({ piece, manifest, flavor, oven }: BuildRequest) {
    const name = parsePiece(piece);
    const base = await httpBase(manifest, flavor, whole.signal);
    const html = await fetchBundle(oven, name, base.manifest.piecePartition.length, whole.signal);
    image = await openImage(base, { name, html }, whole.signal);
    return image.info;
  },
  async send(port) {
    if (!image) throw new Error("send before open");
    await pump(image, port);
  },
};

carryCauses();
expose(builder);
