import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { ARCHITECTURES } from "../src/architectures.ts";

const folder = resolve(import.meta.dirname, "../.github/workflows");
const text = (name: string) => readFileSync(resolve(folder, name), "utf8");
const names = readdirSync(folder);

/** The steps of a job, each as it stands in the file. */
function stepsOf(workflow: string, job: string): string[] {
  const [, body = ""] = new RegExp(`^  ${job}:\\n((?:(?:    .*|)\\n)*)`, "m").exec(workflow) ?? [];
  const [, steps = ""] = /^    steps:\n([^]*)/m.exec(body) ?? [];
  return steps.split(/^      - /m).slice(1);
}

/** The one step that `what` is in, and its number. */
function stepWith(steps: readonly string[], what: string): number {
  const found = steps.flatMap((step, number) => (step.includes(what) ? [number] : []));
  expect([what, found.length]).toEqual([what, 1]);
  return found[0]!;
}

test("every action is pinned to a commit, with its version beside it", () => {
  const uses = names.flatMap((name) =>
    [...text(name).matchAll(/\buses: *(.*)/g)].map(([, what = ""]) => what),
  );
  expect(uses.length).toBeGreaterThan(5);
  expect(uses.filter((each) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(each))).toEqual([]);
  const commits = new Map(uses.map((each) => [each.split("@")[0], each]));
  expect(uses.filter((each) => commits.get(each.split("@")[0]) !== each)).toEqual([]); // one version of each
});

test("of what builds an image packages alone are cached: apt does not check old lists again", () => {
  const cached = names.flatMap((name) =>
    [...text(name).matchAll(/uses: actions\/cache[^]*?\bpath: (.*)/g)].map(([, path]) => path),
  );
  expect(cached).toEqual(["base/out/cache/debs"]);
});

test("what is signed was built in the same job, and compared with what was booted in another", () => {
  const steps = stepsOf(text("base.yml"), "publish");
  const order = [
    "base/build/build.sh kiosk",
    "actions/download-artifact",
    "diff -r",
    "steps/sign.sh",
    "publish/publish",
  ];
  const places = order.map((what) => stepWith(steps, what));
  expect(places.toSorted((a, b) => a - b)).toEqual(places);
  const [, download = ""] = /path: (\S+)/.exec(steps[places[1]!]!) ?? [];
  expect(download).toBe("booted");
  for (const step of steps.slice(places[3])) expect(step).not.toContain(download);
  expect(text("base.yml").match(/needs\.version\.outputs\.(?:epoch|version)/g)).toHaveLength(4); // both build the same
});

test("secrets are known to the steps that sign and publish, and to no other, nor to a whole job", () => {
  const knowing = names.flatMap((name) => {
    const file = text(name);
    const jobs = [
      ...file
        .split(/^jobs:\n/m)
        .at(-1)!
        .matchAll(/^  ([\w-]+):$/gm),
    ].map(([, job = ""]) => job);
    const steps = jobs.flatMap((job) => stepsOf(file, job));
    const found = steps.filter((step) => step.includes("secrets."));
    const inSteps = found.join("").match(/secrets\./g)?.length;
    expect([name, inSteps]).toEqual([name, file.match(/\$\{\{ secrets\./g)?.length]);
    return found.map((step) => /run: .*?(base\/(?:build\/steps|publish)\/\S+) /.exec(step)?.[1] ?? "");
  });
  expect(knowing.toSorted((one = "", other = "") => one.localeCompare(other, "en"))).toEqual([
    "base/build/steps/sign.sh",
    "base/publish/publish",
    "base/publish/renew",
  ]);
});

test("every architecture that there are bases for is built, twice, and booted", () => {
  const all = ARCHITECTURES.map(({ arch }) => arch).join(" ");
  expect(text("base.yml").split(`for arch in ${all}; do base/build/build.sh kiosk`)).toHaveLength(3);
  expect(text("base.yml")).toContain("--arch aarch64");
});

test("the list of releases is renewed every week, and not while a release is published", () => {
  const renew = text("renew.yml");
  expect(renew).toMatch(/^    - cron: "\d+ \d+ \* \* \d"/m);
  expect(renew).toMatch(/^  group: base-release$/m);
  expect(text("base.yml")).toMatch(/^  group: base-\$\{\{ .* \|\| 'release' \}\}$/m);
});

const unlike: [string, (cdn: string, release: string) => void, number][] = [
  [
    "the same, with a signature of its own",
    (_, release) => writeFileSync(join(release, "manifest.json.minisig"), "b"),
    0,
  ],
  [
    "one byte that differs",
    (_, release) => writeFileSync(join(release, "base.img"), Buffer.from([1, 2, 4])),
    1,
  ],
  ["a file less", (_, release) => rmSync(join(release, "sbom.cdx.json")), 1],
  ["a file more", (_, release) => writeFileSync(join(release, "more"), ""), 1],
  ["a release more", (cdn) => mkdirSync(join(cdn, "kiosk-2")), 1],
];
test.each(unlike)("the comparison of two builds: %s", (_, change, status) => {
  const [, command = ""] = /run: (diff -r .*)/.exec(text("base.yml")) ?? [];
  const root = mkdtempSync(join(tmpdir(), "compare-"));
  try {
    const [booted, cdn] = [join(root, "booted"), join(root, "base/out/cdn")];
    mkdirSync(join(booted, "kiosk-1"), { recursive: true });
    for (const name of ["base.img", "sbom.cdx.json", "manifest.json", "manifest.json.minisig"])
      writeFileSync(join(booted, "kiosk-1", name), Buffer.from([1, 2, 3]));
    cpSync(booted, cdn, { recursive: true });
    writeFileSync(join(cdn, "latest.json"), "{}");
    change(cdn, join(cdn, "kiosk-1"));
    expect(spawnSync("bash", ["-c", command], { cwd: root }).status).toBe(status);
  } finally {
    rmSync(root, { recursive: true });
  }
});
