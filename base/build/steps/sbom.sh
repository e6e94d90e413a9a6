#!/usr/bin/env bash
# packages.lock + the .deb files → sbom.cdx.json, which packages the image was made from (CycloneDX 1.6).
. "$(dirname "$0")/../lib.sh"

need dpkg-deb dpkg
need npx npm

# shellcheck disable=SC2016 # dpkg-deb's variables, not the shell's
format='${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}\n'
while read -r file size hash; do
  printf '%s\t%s\t%s\t' "$file" "$size" "$hash"
  dpkg-deb --show --showformat="$format" "$CACHE/debs/$file"
done < "$WORK/packages.lock" > "$WORK/sbom.tsv"

distribution=$(sed -n 's/^ID=//p' /etc/os-release)
inputs=$(inputs_hash)
uuid=$(uuid_of sbom)
(cd "$BASE/.." && npx tsx base/build/tools/sbom.ts "$WORK/sbom.tsv" "$FLAVOR" "$ARCH" "$VERSION" "$SOURCE_DATE_EPOCH" "$distribution" "$inputs" "$uuid") \
  > "$WORK/sbom.cdx.json.new"
rm "$WORK/sbom.tsv"
mv "$WORK/sbom.cdx.json.new" "$WORK/sbom.cdx.json"
