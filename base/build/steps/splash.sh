#!/usr/bin/env bash
# netpbm with its libraries + boot/splash + the picture for when a piece has none → splash/. It becomes
# /run/fedac/splash on the machine: one copy, for the initramfs and for what comes after it.
. "$(dirname "$0")/../lib.sh"

need npx npm

KIT=$WORK/splash
rm -rf "$KIT"
mkdir -p "$KIT"/{bin,lib}
while read -r file; do
  # shellcheck disable=SC2086 # the pattern is meant to become a file name
  case $file in
    usr/bin/*) cp -L "$WORK"/packages/$file "$KIT/bin/" ;;
    */ld-linux-*) cp -L "$WORK"/packages/$file "$KIT/lib/ld.so" ;; # by one name on every architecture
    *) cp -L "$WORK"/packages/$file "$KIT/lib/" ;;
  esac || die "the packages hold no $file" "edit base/build/packages/splash.files.txt"
done < <(lines "$BUILD/packages/splash.files.txt")
cp -a "$BASE/boot/splash/." "$KIT"
(cd "$BASE/.." && npx tsx base/build/tools/splash.ts os) > "$KIT/splash.png"
set_modes "$KIT"
