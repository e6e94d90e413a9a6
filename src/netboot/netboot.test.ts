import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { sealSettings } from "../settings/seal.ts";
import { parseSettings, settingsFile } from "../settings/settings.ts";
import { ESP_FILES, liveGuid, networkImage, PIECE_UUID } from "../testing/network-image.ts";
import { run } from "../testing/tools.ts";
import { dnsmasqConfig } from "./dnsmasq.ts";
import { FIRMWARE } from "./firmware.ts";
import { configOverTftp, fetchesOverHttp, servedConfig } from "./grub.ts";
import { servedPage } from "./page.ts";
import { routesOf } from "./routes.ts";
import { bytesOf, readServedImage } from "./served-image.ts";

const folder = mkdtempSync(path.join(tmpdir(), "netboot-"));
afterAll(() => rmSync(folder, { recursive: true }));

const usual = networkImage();
const at = (image: Bytes) => (start: number, length: number) => {
  if (start + length > image.length) throw new RangeError(`ends before byte ${start + length}`);
  return Promise.resolve(image.slice(start, start + length));
};
const read = (image: Bytes) => readServedImage(at(image), image.length);
const utf8 = (text: string) => new TextEncoder().encode(text);
const LIVE = "0f6a2f0e-7c1d-4d26-9b0a-3a0a5b0a9b11";

test("boot loader, kernel and initramfs come out of the image itself, and so does which disk it is", async () => {
  const image = await read(usual);
  const file = path.join(folder, "image");
  writeFileSync(file, usual);
  expect(image.identity).toEqual({ live: liveGuid(file), piece: PIECE_UUID });
  expect(image).toMatchObject({ size: usual.length, splash: undefined, secrets: [] });
  const found = Object.values(image.boot).map((each) => each.path);
  const network = Object.keys(ESP_FILES).filter((name) => name !== "EFI/BOOT/grubx64.efi"); // that one is for disks
  expect(found.toSorted()).toEqual(network.map((name) => `/${name}`).toSorted());
  for (const each of Object.values(image.boot)) {
    const bytes = Buffer.from(await bytesOf(at(usual), each, 2e6));
    expect(bytes.equals(ESP_FILES[each.path.slice(1)]!), each.path).toBe(true);
  }
});

test("what follows an image in its file is no part of it", async () => {
  const longer = new Uint8Array(usual.length + 1_000_000);
  longer.set(usual);
  expect((await read(longer)).size).toBe(usual.length);
});

test("a base image starts too, and names no piece", async () => {
  const image = await read(networkImage({ files: null }));
  expect([image.pieces, image.identity.piece]).toEqual([undefined, undefined]);
  expect(servedConfig(image.identity)).toContain("set piece=none\n");
});

test.each<[string, () => Bytes, string]>([
  ["no image", () => new Uint8Array(100_000), "no partition table"],
  ["one that is cut off", () => usual.subarray(0, 20e6), "it is cut off"],
  [
    "one that does not start over a network yet",
    () => networkImage({ esp: { "EFI/debian/grub.cfg": utf8("boot\n") } }),
    "it was made from a base that does not start over a network yet",
  ],
  [
    "one with two boot loaders",
    () => networkImage({ esp: { "EFI/other/grub.cfg": utf8("$served") } }),
    "its ESP has 2 files like /EFI/",
  ],
  [
    "one whose piece is damaged",
    () => networkImage({ files: { "piece.html": utf8("another") } }),
    "piece.html has 7 bytes, and os.json says 37",
  ],
])("%s is refused", async (_, image, said) => {
  const reading = read(image());
  await expect(reading).rejects.toThrow(RangeError);
  await expect(reading).rejects.toThrow(said);
});

const wifi = [{ ssid: "Café", security: "wpa3", passphrase: "correct horse", hidden: false }] as const;

test("what joins networks is noticed, also where a machine would pass over it", async () => {
  const secretsOf = async (settings: Uint8Array<ArrayBuffer>) =>
    (await read(networkImage({ files: { "settings.json": settings } }))).secrets;
  const sealed = await sealSettings({ wifi });
  expect(await secretsOf(settingsFile(sealed))).toEqual(['what joins the network "Café"']);
  const unclear = ["a settings.json that may hold what joins a network"];
  const stale = settingsFile(await sealSettings({ wifi: [] }));
  stale.set(utf8('{"wifi":[{"passphrase":"correct horse"}]}'), stale.length / 2);
  expect(parseSettings(new TextDecoder().decode(stale)).settings.wifi).toEqual([]); // the other half counts
  expect(await secretsOf(stale)).toEqual(unclear);
  expect(await secretsOf(utf8("not JSON, but psk=0123"))).toEqual(unclear);
  expect(await secretsOf(utf8('{"wifi": "x"}'))).toEqual(unclear);

  expect(await secretsOf(settingsFile())).toEqual([]);
  expect(await secretsOf(settingsFile(await sealSettings({ wifi: [], rotation: 90 })))).toEqual([]);
  const open = { ssid: "Open", security: "open", hidden: false } as const;
  expect(await secretsOf(settingsFile(await sealSettings({ wifi: [open] })))).toEqual([]);
});

const HOSTILE = `"; boot $(x) </title><script>alert(1)</script>' & 'é`;

test("GRUB is told UUIDs, an address and a port, and nothing else", () => {
  expect(servedConfig({ live: LIVE, piece: PIECE_UUID })).toMatch(
    new RegExp(
      `^#.*\\nset disk=live=PARTUUID=${LIVE}\\nset piece=UUID=${PIECE_UUID}\\nsource \\$served/esp/grub.cfg\\n$`,
    ),
  );
  for (const wrong of [HOSTILE, "", `${LIVE}\nboot`, `${LIVE} `, LIVE.toUpperCase()]) {
    expect(() => servedConfig({ live: wrong, piece: undefined })).toThrow(RangeError);
    expect(() => servedConfig({ live: LIVE, piece: wrong })).toThrow(RangeError);
  }
  expect(configOverTftp("192.168.1.50", 8080)).toContain("\nset served=(http,192.168.1.50:8080)\n");
  expect(configOverTftp("192.168.1.50", 80)).toContain("\nset served=(http,192.168.1.50:80)\n");
  for (const [address, port] of [
    ["192.168.1.50\nboot", 80],
    ["example.org", 80],
    ["192.168.1.50", 0],
    ["192.168.1.50", 1.5],
  ] as const) {
    expect(() => configOverTftp(address, port)).toThrow(RangeError);
  }
});

test.each([
  ["\ngrub,5,Free Software Foundation,grub,2.06,https://www.gnu.org/software/grub/\n", false],
  ["\ngrub,5,Free Software Foundation,grub,2.12,https://www.gnu.org/software/grub/\n", true],
  ["\ngrub,9,Free Software Foundation,grub,3.1,https://www.gnu.org/software/grub/\n", true],
  ["no GRUB at all", true],
])("which GRUB fetches over HTTP is read from %j", (text, fetches) => {
  expect(fetchesOverHttp(utf8(`MZ\0${text}\0`))).toBe(fetches);
});

test("GRUB takes the scripts", () => {
  const image = path.join(folder, "script");
  for (const script of [servedConfig({ live: LIVE, piece: undefined }), configOverTftp("10.0.2.2", 1)]) {
    writeFileSync(image, script);
    run("grub-script-check", image); // throws, with the line, on what is no script of GRUB's
  }
  writeFileSync(image, "if true; then\n");
  expect(() => run("grub-script-check", image)).toThrow(/Syntax error/);
});

test("all that the image's own grub.cfg asks for is served", async () => {
  const own = readFileSync(path.join(import.meta.dirname, "../../base/boot/esp/grub.cfg"), "utf8");
  const served = routesOf(await read(networkImage({ files: { "splash.png": utf8("PNG") } })), "x.iso");
  const asked = [...own.matchAll(/\$(?:served|system)(\/[^\s";]+)/g)].map(([, each = ""]) => each);
  expect(new Set(asked)).toEqual(
    new Set(["/os.iso", "/piece/splash.png", "/splash.png", "/vmlinuz", "/initramfs.img"]),
  );
  for (const each of asked) expect([...served.keys()]).toContain(each);
  const scripts = servedConfig({ live: LIVE, piece: undefined }) + configOverTftp("10.0.2.2", 1);
  for (const [, each = ""] of scripts.matchAll(/source \$served(\S+)/g))
    expect([...served.keys()]).toContain(each);
});

test("names are text on the page, whatever is in them", () => {
  const page = servedPage({
    file: HOSTILE,
    size: 5e8,
    pieces: HOSTILE,
    arch: "x86_64",
    origin: "http://192.168.1.50:8080",
    startsByPxe: true,
  });
  expect(page).not.toMatch(/<script|alert\(1\)<|"; boot/);
  expect(page).toContain("&#60;script&#62;");
  expect(page).toContain("<code>http://192.168.1.50:8080/os.iso</code>");
  expect(page.match(/<(h1|main|title)[ >]/g)).toEqual(["<title>", "<main>", "<h1>"]);
});

test.each([
  ["x86_64", "starts 64-bit PCs, and no computers with ARM."],
  ["aarch64", "starts 64-bit computers with ARM, and no PCs."],
])("the page says that an image for %s %s", (arch, said) => {
  const [file, origin] = ["notepat", "http://192.168.1.50:8080"];
  expect(servedPage({ file, size: 5e8, pieces: "notepat", arch, origin, startsByPxe: true })).toContain(said);
});

const ROOM = {
  address: "192.168.1.50",
  netmask: "255.255.254.0",
  device: "eth0",
  port: 8080,
  folder: "/srv/os",
};

test("dnsmasq takes its configuration, for a network of any size", () => {
  const conf = path.join(folder, "dnsmasq.conf");
  const config = dnsmasqConfig({ ...ROOM, folder }, FIRMWARE[0]);
  writeFileSync(conf, config);
  run("dnsmasq", "--test", `--conf-file=${conf}`);
  expect(config).toContain("dhcp-range=192.168.0.0,proxy,255.255.254.0\n");
  writeFileSync(conf, config.replace(",proxy,", ",prxy,"));
  expect(() => run("dnsmasq", "--test", `--conf-file=${conf}`)).toThrow(/bad dhcp-range/);
});

test.each([
  ["address", "192.168.1.500"],
  ["address", "192.168.1.50\ndhcp-script=/bin/sh"],
  ["netmask", "24"],
  ["device", "eth0\n"],
  ["device", "eth0,lo"],
  ["port", Number.NaN],
  ["folder", "/srv/o s"],
  ["folder", "srv"],
  ["folder", "/srv\nlog-facility=/etc/passwd"],
])("nothing gets into it by the %s %j", (name, value) => {
  expect(() => dnsmasqConfig({ ...ROOM, [name]: value }, FIRMWARE[0])).toThrow(RangeError);
});
