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
cp "$BOOT/shim.efi" "$ESP/EFI/BOOT/BOOTX64.EFI"
cp "$BOOT/grub.efi" "$ESP/EFI/BOOT/grubx64.efi" # the name that the shim loads
cp "$BASE/boot/esp/grub.cfg" "$ESP$PREFIX/grub.cfg"
cp "$BOOT/grubnet.efi" "$ESP/grubnet.efi" # not started from here: what "os serve" sends, out of the image
cp "$BOOT/vmlinuz" "$WORK/initramfs.img" "$WORK/splash/splash.png" "$ESP/"
set_times "$ESP"

# FAT16: a file system this small cannot be FAT32, and firmware reads FAT12, 16 and 32 (UEFI 2.10, 13.3).
# Half a MiB is more than its tables, root directory and half-filled clusters come to.
length=$(round_up $(($(du -sb "$ESP" | cut -f 1) + MIB / 2)) "$WINDOW")
rm -f "$WORK/esp.img.new"
truncate -s "$length" "$WORK/esp.img.new"
serial=$(uuid_of esp)
mkfs.vfat --invariant -F 16 -i "${serial:0:8}" -n FEDAC-BOOT -h $((WINDOW / SECTOR)) "$WORK/esp.img.new" > /dev/null
(cd "$ESP" && mcopy -s -m -i "$WORK/esp.img.new" -- * ::) ||
  die "the boot files do not fit into $length bytes"
mv "$WORK/esp.img.new" "$WORK/esp.img"
