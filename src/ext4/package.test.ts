import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { beforeAll, expect, test } from "vitest";
import { chromiumArgs, chromiumPath } from "../testing/chromium.ts";
import { run, runWith } from "../testing/tools.ts";
import { check, dump, scratch, TIME, UUID } from "./testing.ts";

// The package as others get it: packed, installed into an empty project without a network, and used from there.

const NAME = "@aesthetic-computer/ext4";
const project = scratch("project");
const file = (name: string) => join(project, name);
const node = (name: string) => runWith({ cwd: project }, process.execPath, name);

/** What each kind of user writes: the entries of the image, and the bytes of the image. */
const MAKE = `
const entries = [
  { path: "a/b", content: Uint8Array.of(104, 105, 10) },
  { kind: "symlink", path: "link", target: "a/b" },
];
const options = { size: 4 * 2 ** 20, uuid: "${UUID}", time: ${TIME} };`;

beforeAll(() => {
  mkdirSync(project);
  const packed = run(
    "npm",
    "pack",
    "--prefix",
    import.meta.dirname,
    "--pack-destination",
    project,
    import.meta.dirname,
  );
  writeFileSync(file("package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  const tarball = packed.trim().split("\n").at(-1)!;
  runWith({ cwd: project }, "npm", "install", "--offline", "--no-audit", "--no-fund", `./${tarball}`);
}, 120_000);

/** The image passes e2fsck without a remark, and holds what `MAKE` puts into it. */
function checkImage(name: string): void {
  check(file(name));
  expect(dump(file(name), "/a/b").toString()).toBe("hi\n");
}

test("holds no tests, no sources, no dependencies", () => {
  const listed = JSON.parse(
    run("npm", "pack", "--dry-run", "--json", "--ignore-scripts", import.meta.dirname),
  ) as [{ files: { path: string }[] }];
  const names = listed[0].files.map(({ path }) => path);
  expect(names).toEqual(
    expect.arrayContaining(["LICENSE", "README.md", "package.json", "dist/index.js", "dist/index.d.ts"]),
  );
  expect(
    names.filter((name) => !/^(LICENSE|README\.md|package\.json|dist\/\w+\.(js|d\.ts))$/.test(name)),
  ).toEqual([]);
  const installed = JSON.parse(readFileSync(file(`node_modules/${NAME}/package.json`), "utf8")) as object;
  expect(installed).not.toHaveProperty("dependencies");
  expect(readFileSync(file(`node_modules/${NAME}/LICENSE`), "utf8")).toBe(readFileSync("LICENSE", "utf8"));
});

test("from JavaScript: the README's examples", () => {
  const [write, readBack] = [
    ...readFileSync(file(`node_modules/${NAME}/README.md`), "utf8").matchAll(/```js\n([^]*?)```/g),
  ];
  writeFileSync(file("write.js"), write![1]!);
  node("write.js");
  check(file("data.img"), Math.ceil(Date.now() / 1000));
  expect(dump(file("data.img"), "/hello.txt").toString()).toBe("hello\n");
  const head = `import { readFile } from "node:fs/promises"; import { read } from "${NAME}";
    const image = new Uint8Array(await readFile("data.img"));\n`;
  writeFileSync(file("read.js"), head + readBack![1]!);
  expect(node("read.js")).toMatch(/^\/\nhello.txt\nstart\nbin\nbin\/run\n.*104, 101, 108, 108, 111/s);
});

test("from TypeScript, strict, with no types of DOM or Node", () => {
  const source = `
import { chunksOf, filesystem, FilesystemError, lengthOf, plan, read, segments } from "${NAME}";
import type { Bytes, Content, Entry, FilesystemOptions, Plan, Segment, Volume } from "${NAME}";
${MAKE.replace("entries =", "entries: Entry[] =").replace("options =", "options: FilesystemOptions =")}
export async function make(): Promise<Bytes> {
  const planned: Plan = plan(entries, options);
  const list: Segment[] = [...segments(planned)];
  const image: Bytes = new Uint8Array(list.reduce((sum, segment) => sum + lengthOf(segment), 0));
  let at = 0;
  for await (const chunk of chunksOf(filesystem(entries, options))) {
    image.set(chunk, at);
    at += chunk.length;
  }
  const volume: Volume = await read((start, length) => image.slice(start, start + length));
  const content: Content = await volume.file("a/b");
  if (content.length !== 3) throw new FilesystemError("not what was written", { path: "a/b" });
  return image;
}
// @ts-expect-error -- the size is missing
plan(entries, { uuid: options.uuid, time: 0 });
// @ts-expect-error -- no entry of this kind
plan([{ kind: "socket", path: "a" }], options);
`;
  // The last lines are for the compiler alone: they throw when they run.
  writeFileSync(file("types.ts"), source);
  writeFileSync(file("make.ts"), source.slice(0, source.indexOf("// @ts-expect-error")));
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    module: "NodeNext",
    target: "ES2022",
    lib: ["ES2022"],
    types: [],
  };
  writeFileSync(file("tsconfig.json"), JSON.stringify({ compilerOptions, files: ["make.ts", "types.ts"] }));
  run(process.execPath, "node_modules/typescript/bin/tsc", "-p", project);
  const main = `import { writeFileSync } from "node:fs"; import { make } from "./make.js";`;
  writeFileSync(file("main.js"), `${main}\nwriteFileSync("typescript.img", await make());\n`);
  node("main.js");
  checkImage("typescript.img");
}, 60_000);

test("from a page, as native modules", async () => {
  const script = `
import { chunksOf, filesystem } from "${NAME}";
${MAKE}
const chunks = [];
for await (const chunk of chunksOf(filesystem(entries, options))) chunks.push(chunk.slice());
const reader = new FileReader();
reader.onload = () => (document.title = reader.result.split(",")[1]);
reader.readAsDataURL(new Blob(chunks));`;
  const imports = { [NAME]: `/node_modules/${NAME}/dist/index.js` };
  writeFileSync(
    file("index.html"),
    `<script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${script}</script>`,
  );
  const browser = await chromium.launch({
    args: chromiumArgs,
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
  });
  try {
    const page = await browser.newPage();
    const errors: Error[] = [];
    page.on("pageerror", (error) => errors.push(error));
    await page.route("http://ext4.test/**", (route) =>
      route.fulfill({ path: file(new URL(route.request().url()).pathname) }),
    );
    await page.goto("http://ext4.test/index.html");
    await page
      .waitForFunction(() => document.title !== "")
      .catch((error: unknown) => {
        throw errors[0] ?? error;
      });
    writeFileSync(file("page.img"), Buffer.from(await page.title(), "base64"));
  } finally {
    await browser.close();
  }
  checkImage("page.img");
}, 60_000);
