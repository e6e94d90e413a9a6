import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  closeSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { check, dump, MIB, mounted, mountTest } from "../src/ext4/testing.ts";
import { osIn } from "../src/testing/os.ts";
import { run } from "../src/testing/tools.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-mkfs-"));
afterAll(() => rmSync(root, { recursive: true }));
const { os } = osIn(root);
const image = path.join(root, "i");
let tree = "";
let trees = 0;
beforeEach(() => {
  tree = path.join(root, `tree${trees++}`);
  mkdirSync(tree);
});

/** A path below the tree, with a byte for each character of `name`. */
const under = (name: string, at = tree) =>
  Buffer.concat([Buffer.from(`${at}/`), Buffer.from(name, "latin1")]);
const debugfs = (request: string) => run("debugfs", "-R", request, image);

function mkfs(...more: string[]) {
  const result = os("mkfs", "--out", "i", "--size", "20M", "--time", "1750000000", ...more, tree);
  expect(result).toMatchObject({ status: 0 });
  check(image);
  return result;
}

mountTest("names and targets that are not UTF-8 are kept to the byte", async () => {
  const names = ["caf\xe9", "caf\xef\xbf\xbd", "\xff", "a\nb", "e\xcc\x81", "\xc3\xa9"];
  for (const name of names) writeFileSync(under(name), name, "latin1");
  mkdirSync(under("d\xe9"));
  writeFileSync(under("d\xe9/f\xe9"), "x");
  symlinkSync(Buffer.from("caf\xe9", "latin1"), under("l"));
  expect(mkfs().stderr).toBe("");
  await mounted(image, "ro", (at) => {
    const found = readdirSync(at, { encoding: "buffer" }).map((name) => name.toString("latin1"));
    expect(found.toSorted()).toEqual([...names, "d\xe9", "l", "lost+found"].toSorted());
    for (const name of names) expect(readFileSync(under(name, at), "latin1")).toBe(name);
    expect(readlinkSync(under("l", at), "latin1")).toBe("caf\xe9");
    expect(readFileSync(under("d\xe9/f\xe9", at), "latin1")).toBe("x");
  });
});

mountTest(
  "holes stay holes, in the image's files and in its own",
  async () => {
    const file = path.join(tree, "sparse");
    writeFileSync(file, "begin");
    truncateSync(file, 300 * MIB);
    const handle = openSync(file, "r+");
    writeSync(handle, "middle", 100 * MIB + 5000);
    writeSync(handle, "end", 300 * MIB - 3);
    closeSync(handle);
    truncateSync(path.join(tree, "sparse"), 300 * MIB + 7);
    writeFileSync(path.join(tree, "zeros"), new Uint8Array(100_000)); // written: not a hole to the disk
    expect(mkfs().stderr).toBe("");
    expect(statSync(image).size).toBe(20 * MIB);
    expect(statSync(image).blocks * 512).toBeLessThan(MIB);
    await mounted(image, "ro", (at) => {
      const stats = statSync(path.join(at, "sparse"));
      expect(stats.size).toBe(300 * MIB + 7);
      expect(stats.blocks * 512).toBeLessThanOrEqual(3 * 4096);
      run("cmp", path.join(at, "sparse"), file);
      run("cmp", path.join(at, "zeros"), path.join(tree, "zeros"));
    });
  },
  120_000,
);

test("extended attributes, access control lists and capabilities are kept", () => {
  writeFileSync(path.join(tree, "f"), "x");
  mkdirSync(path.join(tree, "d"));
  const odd = under("o\xe9\n=\\");
  writeFileSync(odd, "x");
  run("setfattr", "-n", "user.mime", "-v", "text/plain", path.join(tree, "f"));
  run("setfattr", "-n", "user.empty", path.join(tree, "d"));
  run("setfattr", "-n", "user.a=b", "-v", "0x0a00ff", path.join(tree, "d"));
  run("setfattr", "-n", "user.root", "-v", "r", tree);
  run("bash", "-c", `setfattr -n user.odd -v o ${JSON.stringify(tree)}/o*`);
  const { stderr } = mkfs();
  expect(stderr).toBe("");
  expect(debugfs("ea_list /f")).toMatch(/user\.mime \(10\) = "text\/plain"/);
  expect(debugfs("ea_list /d")).toMatch(/user\.empty \(0\)/);
  expect(debugfs("ea_list /d")).toMatch(/user\.a=b \(3\) = 0a 00 ff/);
  expect(debugfs("ea_list /")).toMatch(/user\.root \(1\) = "r"/);
});

mountTest("capabilities and lists, as Linux has them", async () => {
  const file = path.join(tree, "f");
  writeFileSync(file, "x", { mode: 0o755 });
  run("setcap", "cap_net_raw+ep", file);
  // u::rwx, u:1000:r--, g::r-x, m::r-x, o::r-x (acl(5), version 2)
  const entry = (tag: number, permissions: number, id = 0xffffffff) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16LE(tag, 0);
    bytes.writeUInt16LE(permissions, 2);
    bytes.writeUInt32LE(id, 4);
    return bytes;
  };
  const acl = Buffer.concat([
    Buffer.from([2, 0, 0, 0]),
    entry(1, 7),
    entry(2, 4, 1000),
    entry(4, 5),
    entry(16, 5),
    entry(32, 5),
  ]);
  run("setfattr", "-n", "system.posix_acl_access", "-v", `0x${acl.toString("hex")}`, file);
  const all = (at: string) =>
    run("getfattr", "--absolute-names", "-d", "-m", "-", "-e", "hex", at).split("\n").slice(1);
  const before = all(file);
  expect(before.join("\n")).toMatch(/security\.capability.*\n?.*system\.posix_acl_access/s);
  expect(mkfs().stderr).toBe("");
  await mounted(image, "ro", (at) => expect(all(path.join(at, "f")).toSorted()).toEqual(before.toSorted()));
});

test("without getfattr one line says what is left out", () => {
  writeFileSync(path.join(tree, "f"), "x");
  const { PATH } = process.env;
  try {
    process.env["PATH"] = path.join(root, "nowhere");
    expect(os("mkfs", "--out", "i", "--size", "20M", tree).stderr).toMatch(
      /^os: extended attributes and access control lists are left out: .*getfattr.*attr\)\n$/,
    );
  } finally {
    process.env["PATH"] = PATH;
  }
});

test("second names, of files and of symbolic links", () => {
  writeFileSync(path.join(tree, "f"), "x");
  linkSync(path.join(tree, "f"), path.join(tree, "g"));
  symlinkSync("f", path.join(tree, "s"));
  run("ln", "-P", path.join(tree, "s"), path.join(tree, "t"));
  mkfs();
  const inode = (name: string) => /Inode: (\d+)/.exec(debugfs(`stat ${name}`))?.[1];
  expect(inode("f")).toBe(inode("g"));
  expect(inode("s")).toBe(inode("t"));
  expect(debugfs("stat t")).toMatch(/Type: symlink[^]*Links: 2/);
});

test("owners: root, one, or their own", () => {
  writeFileSync(path.join(tree, "f"), "x");
  if (process.getuid?.() === 0) run("chown", "1234:70000", path.join(tree, "f"));
  const owner = (...args: string[]) => {
    mkfs(...args);
    return /User: +(\d+) +Group: +(\d+)/.exec(debugfs("stat f"))?.slice(1).map(Number);
  };
  const { uid, gid } = statSync(path.join(tree, "f"));
  expect(owner()).toEqual([0, 0]);
  expect(owner("--owner", "5")).toEqual([5, 5]);
  expect(owner("--owner", "5:66000")).toEqual([5, 66_000]);
  expect(owner("--owner", "keep")).toEqual([uid, gid]);
  for (const bad of ["me", "-1", "1:2:3", "1:", "99999999999"]) {
    expect(os("mkfs", "--out", "j", "--size", "20M", `--owner=${bad}`, tree)).toMatchObject({ status: 2 });
  }
});

test("odd times become the nearest, in one line, and a folder may be named by a link", () => {
  const shm = existsSync("/dev/shm") ? mkdtempSync("/dev/shm/os-mkfs-") : tree; // tmpfs can say what others cannot
  try {
    for (const [name, time] of [
      ["old", "1601-01-01"],
      ["older", "1754-08-30"],
      ["late", "2600-01-01"],
      ["fine", "1950-01-01"],
    ] as const) {
      run("touch", "-d", `${time} 00:00:00.5 UTC`, path.join(shm, name));
    }
    symlinkSync(shm, path.join(tree, "link"));
    const { status, stderr } = os("mkfs", "--out", "i", "--size", "20M", path.join(tree, "link"));
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^os: the time of (?:old|older|late) and of 2 more is not within 1901 to 2446[^\n]*\n$/,
    );
    check(image, Math.ceil(Date.now() / 1000));
    expect(debugfs("stat old")).toMatch(/mtime: 0x80000000:00000000/);
    expect(debugfs("stat older")).toMatch(/mtime: 0x80000000:00000000/);
    expect(debugfs("stat late")).toMatch(/mtime: 0x7fffffff:00000003/);
    expect(debugfs("stat fine")).not.toMatch(/mtime: 0x80000000/);
  } finally {
    if (shm !== tree) rmSync(shm, { recursive: true });
  }
});

test.runIf(existsSync("/proc/sys/kernel/random"))("files that do not say how large they are", () => {
  const { status, stderr } = os("mkfs", "--out", "i", "--size", "20M", "/proc/sys/fs/mqueue");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  check(image, Math.ceil(Date.now() / 1000));
  const name = "msg_max";
  expect(dump(image, name).equals(readFileSync(`/proc/sys/fs/mqueue/${name}`))).toBe(true);
  expect(dump(image, name).length).toBeGreaterThan(0);
});

mountTest("what cannot be read is named itself", () => {
  mkdirSync(path.join(tree, "sub", "locked"), { recursive: true });
  for (const each of [root, tree, path.join(tree, "sub")]) chmodSync(each, 0o755);
  const open = path.join(root, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  const asNobody = (...args: string[]) => {
    const { command } = osIn(root);
    return run(
      "bash",
      "-c",
      `setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent TMPDIR=${open} "$@" 2>&1 || true`,
      "-",
      ...command,
      ...args,
    );
  };
  chmodSync(path.join(tree, "sub", "locked"), 0);
  expect(asNobody("mkfs", "--out", path.join(open, "j"), "--size", "20M", tree)).toMatch(
    /os: .*\/sub\/locked cannot be read: permission denied/,
  );
});
