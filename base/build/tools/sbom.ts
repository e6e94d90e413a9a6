import { readFileSync } from "node:fs";

/** What a list of packages says about the image. `time` is in seconds since 1970. */
interface Described {
  readonly flavor: string;
  readonly arch: string;
  readonly version: string;
  readonly time: number;
  /** Whose packages they are, as in os-release's `ID`. */
  readonly distribution: string;
  /** The SHA-256 of all that decides the image. */
  readonly inputs: string;
  readonly uuid: string;
}

/**
 * A CycloneDX 1.6 document, of `lines` with a package each: file, size, SHA-256, name, version, architecture, source
 * package, its version, home page, with tabs between. The same lines give the same document. Throws `RangeError` for a
 * line that is none.
 */
export function sbom(lines: readonly string[], image: Described): unknown {
  const components = lines.map((line) => component(line, image.distribution));
  const os = {
    type: "operating-system",
    "bom-ref": `fedac-os-${image.flavor}`,
    name: "fedac-os",
    version: image.version,
    properties: [
      { name: "fedac-os:flavor", value: image.flavor },
      { name: "fedac-os:arch", value: image.arch },
      { name: "fedac-os:inputs:sha256", value: image.inputs },
    ],
  };
  const own = {
    type: "application",
    "bom-ref": "fedac-os-base",
    name: "fedac-os-base",
    version: image.version,
    description: "what base/FLAVOR/rootfs and base/boot add to the packages",
    licenses: [{ license: { id: "MIT" } }],
  };
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${image.uuid}`,
    version: 1,
    metadata: { timestamp: new Date(image.time * 1000).toISOString(), component: os },
    components: [...components, own],
    dependencies: [
      { ref: os["bom-ref"], dependsOn: [...components.map((each) => each["bom-ref"]), own["bom-ref"]] },
    ],
  };
}

function component(line: string, distribution: string) {
  const [file, size, hash, name, version, architecture, source, sourceVersion, homepage, ...more] =
    line.split("\t");
  if (
    !name ||
    !version ||
    !architecture ||
    !source ||
    !sourceVersion ||
    homepage === undefined ||
    more.length > 0
  ) {
    throw new RangeError(`no package: ${line}`);
  }
  const purl = `pkg:deb/${distribution}/${encode(name)}@${encode(version)}?arch=${architecture}`;
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    hashes: [{ alg: "SHA-256", content: hash }],
    purl,
    ...(homepage ? { externalReferences: [{ type: "website", url: homepage }] } : {}),
    properties: Object.entries({ architecture, file, size, source, sourceVersion }).map(([key, value]) => ({
      name: `fedac-os:deb:${key}`,
      value,
    })),
  };
}

/** As a package URL has it: percent-encoded, but for the colon. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%3A", ":");
}

if (process.argv[1] === import.meta.filename) {
  const [
    path = "",
    flavor = "",
    arch = "",
    version = "",
    time = "",
    distribution = "",
    inputs = "",
    uuid = "",
  ] = process.argv.slice(2);
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  const document = sbom(lines, { flavor, arch, version, time: Number(time), distribution, inputs, uuid });
  process.stdout.write(JSON.stringify(document, null, 2) + "\n");
}
