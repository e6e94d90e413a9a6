import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { GPT_LENGTH, parseGpt } from "../../src/image/gpt.ts";

const INIT = join(import.meta.dirname, "../boot/initramfs/init");
/**
 * Who can be let in: an intruder beside the session; who says what settings.json has come to, or what the compositor draws
 * with; access points for Wi-Fi, with `WIRELESS_PROGRAMS`; or, into tiny, a session that reads the root again and again.
 */
type Guest = "intruder" | "witness" | "drawing" | "reader" | "wireless";

/** What the access points run, of this computer (Debian's hostapd and iw). */
export const WIRELESS_PROGRAMS: readonly string[] = ["/usr/sbin/hostapd", "/usr/sbin/iw"];

/**
 * Have `image`, which is changed, start a guest beside its session: the folder of that name is laid over its root
 * file system, and `programs` of this computer into /usr/lib/GUEST, with their libraries and as ld.so what loads them. The kernel
 * unpacks one initramfs after the other, so an `init` of ours replaces the first one's.
 */
export async function letIn(
  image: string,
  guest: Guest = "intruder",
  programs: readonly string[] = [],
): Promise<void> {
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
    for (const file of programs.flatMap(withLibraries)) {
      const name = basename(file).startsWith("ld-linux") ? "ld.so" : basename(file);
      cpSync(file, join(root, "guest/usr/lib", guest, name), { dereference: true });
    }
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

/** A program, and what it is loaded with: ldd(1). */
function withLibraries(program: string): string[] {
  const said = execFileSync("ldd", [program], { encoding: "utf8" });
  return [program, ...[...said.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file!)];
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
