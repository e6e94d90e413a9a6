import { Disk } from "./disk.ts";
import type { Piece } from "./load.ts";
import type { ToDisk } from "./messages.ts";
import prompt from "./prompt.mjs?raw"; // oxlint-disable-line import/default -- it is text

// The disk worker: the one in which all pieces run, each from a blob of its own, as in AC.

const disk = new Disk({
  send: (message, transfer = []) => postMessage(message, { transfer }),
  async source(path) {
    if (path === "aesthetic.computer/disks/prompt") return prompt;
    const name = path.split("/").slice(2).join("/");
    const response = await fetch(`/${path}.mjs`);
    const { status, headers } = response;
    // Hosts answer with a page, too, where there is nothing.
    if (status === 404 || headers.get("content-type")?.startsWith("text/html"))
      throw new Error(`There is no piece called ${name}`);
    if (!response.ok) throw new Error(`${name} could not be loaded: HTTP ${status}`);
    return response.text();
  },
  async run(code) {
    const url = URL.createObjectURL(new Blob([code], { type: "application/javascript" }));
    const piece: Piece = await import(/* @vite-ignore */ url);
    return piece;
  },
});

addEventListener("message", ({ data }: MessageEvent<ToDisk>) => void disk.receive(data));
