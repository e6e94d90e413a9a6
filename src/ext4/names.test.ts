import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { runForBytes } from "../testing/tools.ts";
import { plan, type Entry } from "./filesystem.ts";
import { read } from "./reader.ts";
import { check, errorOf, imageOf, MIB, mounted, mountTest, options, sourceOf } from "./testing.ts";

// Names, targets and attributes that are not UTF-8 are kept to the byte.

const entries: Entry[] = [
  { path: "caf\udce9", content: pattern(1), xattrs: { "user.\udcff": pattern(3) } },
  { path: "caf\ufffd", content: pattern(2) },
  { path: "\udc80/\udcff\udcfe", content: pattern(3) },
  { kind: "symlink", path: "fast", target: "\udce9/\udced\udca0\udc80" },
  { kind: "symlink", path: "slow", target: "\udce9".repeat(200) },
  ...Array.from({ length: 400 }, (_, i): Entry => ({ path: `many/\udce9\udcff ${i}`, content: pattern(1) })),
];
const opts = options(20 * MIB, { label: "caf\udce9" });

test("names that are not UTF-8 come back as they were", async () => {
  const image = await imageOf(entries, opts);
  check(image);
  const volume = await read(sourceOf(image));
  expect(volume.label).toBe("caf\udce9");
  const found = new Map<string, Entry>();
  for await (const entry of volume.entries()) found.set(entry.path, entry);
  for (const entry of entries) expect(found.has(entry.path)).toBe(true);
  expect(found.get("fast")).toMatchObject({ target: "\udce9/\udced\udca0\udc80" });
  expect(found.get("caf\udce9")).toMatchObject({ xattrs: { "user.\udcff": pattern(3) } });
  const listed = runForBytes("debugfs", "-R", "ls -p /", image).toString("latin1");
  expect(listed).toContain("/caf\xe9/");
  expect(listed).toContain("/caf\xef\xbf\xbd/");
});

mountTest("Linux has the same names, also by the index over them", async () => {
  await mounted(await imageOf(entries, opts), "ro", (at) => {
    const under = (name: string) => Buffer.concat([Buffer.from(`${at}/`), Buffer.from(name, "latin1")]);
    const names = readdirSync(at, { encoding: "buffer" }).map((name) => name.toString("latin1"));
    expect(names).toEqual(expect.arrayContaining(["caf\xe9", "caf\xef\xbf\xbd", "\x80", "fast"]));
    expect(readFileSync(under("caf\xe9")).length).toBe(1);
    expect(readFileSync(under("\x80/\xff\xfe")).length).toBe(3);
    expect(readlinkSync(under("fast"), "latin1")).toBe("\xe9/\xed\xa0\x80");
    expect(readlinkSync(under("slow"), "latin1")).toBe("\xe9".repeat(200));
    for (let i = 0; i < 400; i++) expect(readFileSync(under(`many/\xe9\xff ${i}`)).length).toBe(1);
  });
});

test("two texts of the same bytes are one name", () => {
  const twice: Entry[] = [
    { path: "\udcc3\udca9", content: pattern(1) },
    { path: "é", content: pattern(1) },
  ];
  expect(errorOf(() => plan(twice, opts)).message).toMatch(/"é": given twice/);
  const link: Entry[] = [
    { path: "é", content: pattern(1) },
    { kind: "link", path: "l", target: "\udcc3\udca9" },
  ];
  expect(plan(link, opts).order.find(({ node }) => node?.path === "é")?.node?.links).toBe(2);
});

test("255 bytes are a name, 256 are not", () => {
  expect(() => plan([{ path: "\udce9".repeat(255), content: pattern(1) }], opts)).not.toThrow();
  expect(errorOf(() => plan([{ path: "\udce9".repeat(256), content: pattern(1) }], opts)).message).toMatch(
    /a name has 256 bytes/,
  );
});
