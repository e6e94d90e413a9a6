#!/usr/bin/env bash
# Boot loader, grub.cfg, kernel and initramfs → esp.img, a FAT file system no larger than it has to be.
. "$(dirname "$0")/../lib.sh"

need mkfs.vfat dosfstools
need mcopy mtools

BOOT=$WORK/boot
ESP=$WORK/esp
PREFIX=$(cat "$BOOT/grub-prefix")
rm -rf "$ESP"
mkdir -p "$ESP/EFI/BOOT" "$ESP$PREFIX"
cp "$BOOT/shim.efi" "$ESP/EFI/BOOT/BOOT${EFI^^}.EFI"
cp "$BOOT/grub.efi" "$ESP/EFI/BOOT/grub$EFI.efi" # the name that the shim loads
cp "$BASE/boot/esp/grub.cfg" "$ESP$PREFIX/grub.cfg"
cp "$BOOT/grubnet.efi" "$ESP/grubnet.efi" # not started from here: what "os serve" sends, out of the image
cp "$BOOT/vmlinuz" "$WORK/initramfs.img" "$WORK/splash/splash.png" "$ESP/"

# What other firmware of this architecture reads: files of the packages, each perhaps under another name, and our own, in
# which @LIVE@ stands for FEDAC-LIVE's GUID
if [ -d "$BUILD/arch/$ARCH/esp" ]; then
  while read -r pattern name; do
    # shellcheck disable=SC2086 # the pattern is meant to become a file name
    cp "$WORK"/packages/$pattern "$ESP/$name" || die "the packages hold no $pattern" "edit $BUILD/arch/$ARCH/esp.txt"
  done < <(lines "$BUILD/arch/$ARCH/esp.txt")
  live=$(uuid_of FEDAC-LIVE)
  for file in "$BUILD/arch/$ARCH/esp"/*; do sed "s/@LIVE@/$live/g" "$file" > "$ESP/${file##*/}"; done
fi
set_times "$ESP"

# One MiB is more than its directories and half-filled clusters come to; FAT32's two tables take 8 bytes of each cluster's 512.
bytes=$(du -sb "$ESP" | cut -f 1)
length=$(round_up $((bytes + bytes / 50 + MIB)) "$WINDOW")
rm -f "$WORK/esp.img.new"
truncate -s "$length" "$WORK/esp.img.new"
serial=$(uuid_of esp)
mkfs.vfat --invariant "${FAT[@]}" -i "${serial:0:8}" -n FEDAC-BOOT -h $((WINDOW / SECTOR)) "$WORK/esp.img.new" > /dev/null
(cd "$ESP" && mcopy -s -m -i "$WORK/esp.img.new" -- * ::) ||
  die "the boot files do not fit into $length bytes"
mv "$WORK/esp.img.new" "$WORK/esp.img"
