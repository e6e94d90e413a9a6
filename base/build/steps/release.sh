#!/usr/bin/env bash
# disk.img + sbom.cdx.json + manifest.json + its signature → cdn/, laid out as a CDN serves it. A reader never meets half a
# release: its directory appears under its name when it is whole, and only then does latest.json point to it (latest.sh).
. "$(dirname "$0")/../lib.sh"

need npx npm

# tool ARGUMENT...
tool() {
  (cd "$BASE/.." && npx tsx base/build/tools/release.ts "$@")
}

release=$(tool name "$WORK/manifest.json")
mkdir -p "$CDN"
rm -rf "$CDN"/.new-*
new=$CDN/.new-$release
mkdir "$new"
cp --sparse=always "$WORK/disk.img" "$new/$(tool image "$WORK/manifest.json")"
cp "$WORK/sbom.cdx.json" "$WORK/manifest.json" "$WORK/manifest.json.minisig" "$new/"
set_times "$new"
rm -rf "${CDN:?}/$release" # the same image, built again
mv "$new" "$CDN/$release"
printf '%s\n' "$release" > "$WORK/release"
