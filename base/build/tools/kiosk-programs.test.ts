import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleKiosk, PROGRAMS } from "./kiosk-programs.ts";

const UNITS = join(import.meta.dirname, "../../kiosk/rootfs/usr/lib/systemd/system");
const names = Object.keys(PROGRAMS);

let folder: string;
const read = (name: string) => readFileSync(join(folder, name), "utf8");
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "kiosk-programs-"));
  await bundleKiosk(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("each program is one file, that needs nothing but Node, and says nothing of the computer that made it", () => {
  for (const name of names) {
    const text = read(`${name}.mjs`);
    const imported = [
      ...text.matchAll(/^(?:import|export)\b(?:.*? from)? "(.+)";|\b(?:import|require)\("(.+?)"\)/gm),
    ];
    expect(imported.length).toBeGreaterThan(0);
    expect(
      imported.map(([, path, late]) => path ?? late).filter((path) => !path?.startsWith("node:")),
    ).toEqual([]);
    expect(text).not.toContain(join(import.meta.dirname, "../../.."));
  }
});

test("what a program reads beside itself is there", () => {
  const beside = names.flatMap((name) =>
    [...read(`${name}.mjs`).matchAll(/new URL\("(.+?)", import\.meta\.url\)/g)].map(([, path = ""]) => path),
  );
  expect(beside.toSorted()).toEqual(["in-page.js", "in-settings-page.js"]);
  expect(beside.filter((path) => !existsSync(join(folder, path)))).toEqual([]);
});

test("the units start these programs, and all of them", () => {
  const started = readdirSync(UNITS)
    .filter((name) => name.endsWith(".service"))
    .flatMap(
      (name) =>
        /^ExecStart=\/usr\/bin\/node \/usr\/lib\/fedac\/kiosk\/(.+)\.mjs$/m.exec(
          readFileSync(join(UNITS, name), "utf8"),
        )?.[1] ?? [],
    );
  expect(started.toSorted()).toEqual(names.toSorted());
});

test("a program runs: what is asked of the kiosk's root and makes no sense is answered", () => {
  const { stdout, status } = spawnSync(process.execPath, [join(folder, "control.mjs")], {
    input: '{"ask":"nothing"}\n',
    encoding: "utf8",
  });
  expect(JSON.parse(stdout)).toMatchObject({ ok: false });
  expect(status).toBe(0);
});

test("twice gives the same bytes", async () => {
  const again = mkdtempSync(join(tmpdir(), "kiosk-programs-"));
  try {
    await bundleKiosk(again);
    for (const name of readdirSync(folder)) expect(readFileSync(join(again, name), "utf8")).toBe(read(name));
  } finally {
    rmSync(again, { recursive: true });
  }
});
