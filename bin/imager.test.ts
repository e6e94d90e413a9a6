import { expect, test } from "vitest";
import { info } from "../src/testing/states.ts";
import { imagerManifest, imagerManifestName } from "./imager.ts";

test("it has what Imager's schema wants of a system, and the file's own address", () => {
  const { imager, os_list: list } = JSON.parse(imagerManifest("/home/a b/notepat-os-arm.img", info)) as {
    imager: { devices: { name: string; description: string; tags: string[] }[] };
    os_list: Record<string, unknown>[];
  };
  const [os = {}] = list;
  // "required" of an entry in os-list-schema.json
  for (const field of ["name", "description", "icon", "url", "extract_size", "extract_sha256"])
    expect(os[field], field).toBeTruthy();
  expect(os).toMatchObject({
    url: "file:///home/a%20b/notepat-os-arm.img",
    extract_size: info.size,
    extract_sha256: info.sha256,
    image_download_size: info.size,
    release_date: info.base.created.slice(0, 10),
    devices: imager.devices.flatMap(({ tags }) => tags),
  });
});

test("it lies beside the image", () => {
  expect(imagerManifestName("out/notepat-os-arm.img")).toBe("out/notepat-os-arm.rpi-imager-manifest");
  expect(imagerManifestName("stick")).toBe("stick.rpi-imager-manifest");
});
