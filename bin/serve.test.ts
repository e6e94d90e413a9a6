import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { networkImage, PIECE_UUID } from "../src/testing/network-image.ts";
import { osIn } from "../src/testing/os.ts";
import { sealSettings } from "../src/settings/seal.ts";
import { settingsFile } from "../src/settings/settings.ts";
import { run } from "../src/testing/tools.ts";
import { ownAddresses } from "./network.ts";
import { announcement } from "./serve.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-serve-"));
chmodSync(root, 0o755); // dnsmasq is another user
afterAll(() => rmSync(root, { recursive: true }));
const { os, start } = osIn(root);
const image = networkImage({ piece: "@jeffrey/frog" });
writeFileSync(path.join(root, "frog-os.iso"), image);

const wifi = [
  { ssid: "At home\u001b[2J", security: "wpa3", passphrase: "correct horse", hidden: false },
] as const;
const settings = settingsFile(await sealSettings({ wifi }));
writeFileSync(path.join(root, "home.iso"), networkImage({ files: { "settings.json": settings } }));

/** A port that is free now, or for as long as `use` runs taken. */
async function withPort<T>(use: (port: number) => T | Promise<T>, isTaken = true): Promise<T> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((closed) => server.close(closed));
  if (!isTaken) await close();
  try {
    return await use(port);
  } finally {
    if (isTaken) await close();
  }
}

test("an image is served until Ctrl-C, which is no failure", async () => {
  await withPort(async (port) => {
    const { process: serving, ended } = start(
      ..."serve frog-os.iso --address 127.0.0.1 --port".split(" "),
      String(port),
    );
    let stdout = "";
    serving.stdout.on("data", (text) => (stdout += String(text)));
    await expect.poll(() => stdout, { timeout: 60_000 }).toContain("Ctrl-C ends it");
    const origin = `http://127.0.0.1:${port}`;
    const fetched = Buffer.from(await (await fetch(`${origin}/os.iso`)).arrayBuffer());
    expect(fetched.equals(image)).toBe(true);
    expect(await (await fetch(`${origin}/`)).text()).toContain("Start a computer with @jeffrey/frog");
    expect(await (await fetch(`${origin}/grub.cfg`)).text()).toContain(`set piece=UUID=${PIECE_UUID}`);
    await expect.poll(() => stdout).toMatch(/^\d\d:\d\d:\d\d 127\.0\.0\.1 has all of os\.iso: 23 MB in /m);
    serving.kill("SIGINT");
    const { status, stderr } = await ended;
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^frog-os\.iso is served: 24 MB, @jeffrey\/frog, fedac-os test 2026\.1\.1\.$/m);
    expect(stdout).toMatch(/\nEnded\.\n$/);
  }, false);
});

test("a port that is taken is one sentence", async () => {
  await withPort(async (port) => {
    const { ended } = start(..."serve frog-os.iso --address 127.0.0.1 --port".split(" "), String(port));
    expect(await ended).toMatchObject({
      status: 1,
      stderr: `os: Port ${port} is taken by another program: end that, or name another port with --port\n`,
    });
  });
});

test("an image with passphrases is served to nobody who has not been told", async () => {
  expect(os("serve", "home.iso")).toMatchObject({
    status: 1,
    stdout: "",
    stderr:
      'os: home.iso holds what joins the network "At home?[2J": everybody in the network could read it. Make an image without that, or say --with-passphrases\n',
  });
  await withPort(async (port) => {
    const args = "serve home.iso --with-passphrases --address 127.0.0.1 --port".split(" ");
    const { process: serving, ended } = start(...args, String(port));
    let stdout = "";
    serving.stdout.on("data", (text) => (stdout += String(text)));
    await expect.poll(() => stdout, { timeout: 60_000 }).toContain("Ctrl-C ends it");
    serving.kill("SIGTERM");
    const { status, stderr } = await ended;
    expect(status).toBe(0);
    expect(stderr).toBe(
      'os: home.iso holds what joins the network "At home?[2J", and everybody in the network can read it while this runs.\n',
    );
  }, false);
});

test.each([
  [["serve"], 2, /name one image/],
  [["serve", "a", "b"], 2, /name one image/],
  [["serve", "frog-os.iso", "--port", "0"], 2, /--port takes a number from 1 to 65535, not 0/],
  [["serve", "frog-os.iso", "--port", "80a"], 2, /--port takes/],
  [
    ["serve", "frog-os.iso", "--address", "192.0.2.250"],
    2,
    /--address takes an address of this computer \(it has /,
  ],
  [["serve", "nothing.iso"], 1, /nothing.iso cannot be read: there is no such file or folder/],
  [["serve", "."], 1, /\. is not a file: it is a folder/],
])("%j is refused", (args, code, said) => {
  const { status, stdout, stderr } = os(...args);
  expect([status, stdout, stderr.split("\n").length]).toEqual([code, "", 2]);
  expect(stderr).toMatch(said);
});

test.skipIf(ownAddresses().length === 0)("what dnsmasq needs is written and printed", () => {
  const address = ownAddresses()[0]!.address;
  const dnsmasq = ["serve", "frog-os.iso", "--address", address, "--port", "8123", "--dnsmasq"];
  const { status, stdout, stderr } = os(...dnsmasq, "tftp");
  expect([status, stderr]).toEqual([0, expect.stringContaining("now serve the image")]);
  expect(stderr).not.toContain(`${realpathSync(root)} is closed`);
  const conf = path.join(root, "os.conf");
  writeFileSync(conf, stdout);
  run("dnsmasq", "--test", `--conf-file=${conf}`);
  expect(stdout).toContain(`tftp-root=${path.join(root, "tftp")}\n`);
  for (const name of ["EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "grub/grub.cfg"]) {
    expect(statSync(path.join(root, "tftp", name)).mode & 0o777, name).toBe(0o644);
  }
  const config = readFileSync(path.join(root, "tftp/grub/grub.cfg"), "utf8");
  expect(config).toContain(`set served=(http,${address}:8123)\n`);

  expect(os(...dnsmasq, "a folder")).toMatchObject({ status: 1, stdout: "" });
  expect(existsSync(path.join(root, "a folder"))).toBe(false);
  mkdirSync(path.join(root, "closed"), { mode: 0o700 });
  expect(os(...dnsmasq, "closed")).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringContaining("closed is closed to other users, and dnsmasq is one: chmod 755"),
  });
  // A folder around it may let dnsmasq in by its group, or by an access control list
  mkdirSync(path.join(root, "closed/tftp"));
  mkdirSync(path.join(root, "open"));
  symlinkSync("../closed/tftp", path.join(root, "open/link"));
  for (const folder of ["closed/tftp", "open/link"])
    expect(os(...dnsmasq, folder)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/\/closed is closed to other users: unless dnsmasq may enter it, name/),
    });
  expect(os(...dnsmasq, "frog-os.iso")).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^os: .*frog-os.iso cannot be written: /),
  });
});

test("it is said where others reach it, and that nobody does where this computer is in no network", () => {
  const served = { size: 588e6, pieces: undefined, startsByPxe: true } as never;
  const lines = announcement("x.iso", served, ["192.168.1.50", "10.0.0.7"], 8080);
  expect(lines[0]).toBe("x.iso is served: 588 MB, a base image, without a piece.");
  expect(lines).toContain("  http://192.168.1.50:8080/os.iso  for UEFI HTTP boot");
  expect(lines).toContain("  http://10.0.0.7:8080/  a page that says what to type");
  const old = { size: 588e6, pieces: undefined, startsByPxe: false } as never;
  const noPxe = /PXE does not start this image, but UEFI HTTP boot does/;
  expect(announcement("x.iso", old, [], 8080).join("\n")).toMatch(noPxe);
  expect(lines.join("\n")).not.toMatch(noPxe);
  expect(announcement("x.iso", served, [], 8080)[1]).toMatch(
    /^No other computer reaches it: .*http:\/\/127\.0\.0\.1:8080\/$/,
  );
});
