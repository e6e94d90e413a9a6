#!/usr/bin/env bash
# disk.img + sbom.cdx.json + files.tsv → manifest.json
. "$(dirname "$0")/../lib.sh"

need npx npm

listed=$WORK/files.tsv
[[ " $WITHOUT " != *" files.sh "* ]] || listed=/dev/null
(cd "$BASE/.." && npx tsx base/build/tools/manifest.ts "$WORK/disk.img" "$FLAVOR" "$ARCH" "$VERSION" "$SOURCE_DATE_EPOCH" "$WORK/sbom.cdx.json" \
  "$listed") > "$WORK/manifest.json.new"
rm -f "$WORK/manifest.json.minisig"
mv "$WORK/manifest.json.new" "$WORK/manifest.json"
