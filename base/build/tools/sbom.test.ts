import { expect, test } from "vitest";
import { sbom } from "./sbom.ts";

const image = {
  flavor: "tiny",
  arch: "x86_64",
  version: "2026.11.24",
  time: 1795392000,
  distribution: "debian",
  inputs: "ab".repeat(32),
  uuid: "256a7908-42f4-853a-8aa1-ca6e1700d540",
};
const HASH = "3d".repeat(32);
const BUSYBOX = `busybox-static_1%3a1.35.0-4+b1_amd64.deb\t928188\t${HASH}\tbusybox-static\t1:1.35.0-4+b1\tamd64\tbusybox\t1:1.35.0-4\thttp://www.busybox.net`;

test("a package is one component, found by its package URL and its file's hash", () => {
  expect(sbom([BUSYBOX], image)).toMatchObject({
    specVersion: "1.6",
    metadata: { timestamp: "2026-11-23T00:00:00.000Z", component: { version: "2026.11.24" } },
    components: [
      {
        name: "busybox-static",
        version: "1:1.35.0-4+b1",
        purl: "pkg:deb/debian/busybox-static@1:1.35.0-4%2Bb1?arch=amd64",
        hashes: [{ alg: "SHA-256", content: HASH }],
        properties: expect.arrayContaining([
          { name: "fedac-os:deb:source", value: "busybox" },
          { name: "fedac-os:deb:sourceVersion", value: "1:1.35.0-4" },
        ]),
      },
      { name: "fedac-os-base" },
    ],
  });
});

test("a package without a home page is a package; half a line is none", () => {
  const without = BUSYBOX.replace(/\t[^\t]*$/, "\t");
  expect(JSON.stringify(sbom([without], image))).not.toContain("externalReferences");
  expect(() => sbom([BUSYBOX.replace(/\tamd64.*/, "")], image)).toThrow("no package: busybox-static");
});
