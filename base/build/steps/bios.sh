#!/usr/bin/env bash
# GRUB's modules for a BIOS → boot/disk-core.img and boot/disc-core.img, which go into the disk's first window.
. "$(dirname "$0")/../lib.sh"

need grub-mkimage grub-common

BOOT=$WORK/boot
modules=$WORK/packages/usr/lib/grub/i386-pc
[ -f "$modules/kernel.img" ] || die "the packages hold no GRUB for a BIOS"
rm -rf "$BOOT/i386-pc"
mkdir "$BOOT/i386-pc"
cp "$modules"/*.{img,mod,lst} "$BOOT/i386-pc/"

PREFIX=$(cat "$BOOT/grub-prefix")
mapfile -t modules < <(lines "$BUILD/packages/grub.txt")

# core FORMAT FILE. The prefix names no disk: GRUB takes the one it was started from. So it reads the grub.cfg
# that GRUB for UEFI reads, on the ESP.
core() {
  grub-mkimage -O "$1" -d "$BOOT/i386-pc" -p "(,gpt1)$PREFIX" -o "$BOOT/$2.new" "${modules[@]}"
  mv "$BOOT/$2.new" "$BOOT/$2"
}
core i386-pc disk-core.img
core i386-pc-eltorito disc-core.img
