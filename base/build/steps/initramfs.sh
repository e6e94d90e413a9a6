#!/usr/bin/env bash
# busybox + the modules of packages/modules.txt + dmsetup + live.table + splash/ + boot/damage + boot/initramfs → initramfs.img
. "$(dirname "$0")/../lib.sh"

need depmod kmod
need modprobe kmod
need cpio cpio
need xz xz-utils
need zstd zstd

TREE=$WORK/packages
ROOT=$WORK/initramfs
KERNEL=$(cat "$WORK/boot/kernel-version")
rm -rf "$ROOT"
mkdir -p "$ROOT"/{bin,sbin,dev,proc,sys,run,live,rw,root}
cp "$TREE/usr/bin/busybox" "$ROOT/bin/"
ln -s ../bin/busybox "$ROOT/sbin/modprobe" # where the kernel looks when it wants a module itself

[ -f "$TREE/lib/modules/$KERNEL/modules.dep" ] || depmod -b "$TREE" "$KERNEL"
mods=$WORK/modules.list
: > "$mods"
while read -r name; do
  modprobe -d "$TREE" -S "$KERNEL" --show-depends "${name#\?}" >> "$mods" 2> /dev/null ||
    [ "${name:0:1}" = "?" ] || die "Linux $KERNEL has no module $name" "edit base/build/packages/modules.txt"
done < <(packages modules)
sed -n 's/^insmod //p' "$mods" | sed 's/ *$//' | sort -u | while read -r file; do
  file=${file#"$TREE"}
  copy=$ROOT/lib/${file#*/lib/}
  mkdir -p "${copy%/*}"
  case $file in # unpacked: the initramfs is packed as a whole, and any modprobe can load them
    *.xz) xz -dc "$TREE/$file" > "${copy%.xz}" ;;
    *.zst) zstd -qdc "$TREE/$file" > "${copy%.zst}" ;;
    *) cp "$TREE/$file" "$copy" ;;
  esac
done
for list in order builtin builtin.modinfo; do cp "$TREE/lib/modules/$KERNEL/modules.$list" "$ROOT/lib/modules/$KERNEL/"; done
depmod -b "$ROOT" "$KERNEL"
find "$ROOT/lib/modules/$KERNEL" -maxdepth 1 -name '*.bin' -delete # kmod's own indexes; busybox reads the text
find "$ROOT/lib/modules/$KERNEL" -maxdepth 1 \( -name modules.order -o -name 'modules.builtin.modinfo' \) -delete

mkdir "$ROOT/dmsetup"
while read -r file; do
  # shellcheck disable=SC2086 # the pattern is meant to become a file name
  cp -L "$TREE"/$file "$ROOT/dmsetup/" || die "the packages hold no $file" "edit base/build/packages/dmsetup.files.txt"
done < <(lines "$BUILD/packages/dmsetup.files.txt")
emulated "$WORK/splash/lib/ld.so" --library-path "$WORK/splash/lib:$ROOT/dmsetup" --list "$ROOT/dmsetup/dmsetup" |
  (! grep 'not found\|=> /lib\|=> /usr/lib') || die "dmsetup needs more" "edit base/build/packages/dmsetup.files.txt"
cp "$WORK/live.table" "$ROOT/"
cp -a "$WORK/splash" "$BASE/boot/damage" "$ROOT/"
cp -a "$BASE/boot/initramfs/." "$ROOT"
set_modes "$ROOT"
set_times "$ROOT"
(cd "$ROOT" && find . -print0 | sort -z | cpio --quiet -0 -o -H newc --reproducible --owner=0:0) |
  zstd -q -19 -T1 > "$WORK/initramfs.img.new"
mv "$WORK/initramfs.img.new" "$WORK/initramfs.img"
