import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { GPT_LENGTH, parseGpt } from "../../src/image/gpt.ts";

const INIT = join(import.meta.dirname, "../boot/initramfs/init");
/**
 * Who can be let in: an intruder beside the session; who says what settings.json has come to; or, into tiny, a session that
 * reads the root again and again.
 */
type Guest = "intruder" | "witness" | "reader";

/**
 * Have `image`, which is changed, start a guest beside its session: the folder of that name is laid over its root
 * file system. The kernel unpacks one initramfs after the other, so an `init` of ours replaces the first one's.
 */
export async function letIn(image: string, guest: Guest = "intruder"): Promise<void> {
  const folder = mkdtempSync(`${image}.initramfs-`);
  try {
    const root = join(folder, "root");
    mkdirSync(root);
    const init = readFileSync(INIT, "utf8");
    const last = /^exec switch_root /m;
    if (!last.test(init)) throw new Error(`${INIT} does not end as it used to`);
    writeFileSync(join(root, "init"), init.replace(last, "cp -a /guest/. /root\n$&"), { mode: 0o755 });
    cpSync(join(import.meta.dirname, guest), join(root, "guest"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    const esp = `${image}@@${await startOfEsp(image)}`; // as mtools understands it
    const initramfs = join(folder, "initramfs.img");
    execFileSync("mcopy", ["-i", esp, "::/initramfs.img", initramfs]);
    const append = 'find . | cpio --quiet -o -H newc --owner=0:0 | zstd -q >> "$1"';
    execFileSync("sh", ["-c", append, "sh", initramfs], { cwd: root });
    execFileSync("mcopy", ["-o", "-i", esp, initramfs, "::/initramfs.img"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function startOfEsp(image: string): Promise<number> {
  const file = await open(image);
  try {
    const head = new Uint8Array(GPT_LENGTH);
    await file.read(head, 0, head.length, 0);
    const [esp] = await parseGpt(head, (await file.stat()).size);
    if (!esp) throw new RangeError(`${image} has no partitions`);
    return esp.start;
  } finally {
    await file.close();
  }
}
