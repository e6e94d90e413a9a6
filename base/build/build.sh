#!/usr/bin/env bash
# Build a base image and its release: base/build/build.sh [flavor [architecture]]. Needs no root. A step can be run alone, in
# this order, as OS_ARCH=architecture base/build/steps/NAME.sh [flavor]; it works on what the steps before it left in
# base/out/parts.
export OS_ARCH=${2:-${OS_ARCH:-x86_64}}
. "$(dirname "$0")/lib.sh"

mkdir -p "$OUT" "$WORK"
need flock util-linux
exec 9> "$OUT/.lock"
flock 9 # a second build waits, and then finds nothing left to do

# step NAME [ARGUMENT]...
step() {
  [[ " $WITHOUT " != *" $1 "* ]] || return 0
  printf '%4d s  %s\n' "$SECONDS" "$1"
  if [ "$1" = sign.sh ]; then
    "$BUILD/steps/$1" "$FLAVOR" "${@:2}"
  else # nothing else gets to see the key
    env -u OS_SIGNING_KEY -u OS_SIGNING_PASSWORD "$BUILD/steps/$1" "$FLAVOR" "${@:2}"
  fi
}

step packages.sh # names → versions → .deb files
HASH=$(inputs_hash)
DONE=$OUT/$FLAVOR-$ARCH.built # "HASH DIRECTORY" of the newest release, written last
if read -r hash release 2> /dev/null < "$DONE" && [ "$hash" = "$HASH" ] && [ -f "$CDN/$release/manifest.json" ]; then
  step sign.sh "$CDN/$release/manifest.json" # the key may be another one by now
  step latest.sh
  echo "up to date: $CDN/$release"
  exit
fi

step unpack.sh    # .deb files → a tree, the kernel, the boot loader; all that knows the distribution ends here
step rootfs.sh    # the tree → the files of FEDAC-LIVE
step needed.sh    # nothing that was left out is needed by what is left
step live.sh      # files → squashfs, with the hash tree of dm-verity
step splash.sh    # netpbm → what shows pictures, and the default one
step initramfs.sh # busybox, modules, dmsetup, our init
step esp.sh       # boot loader, kernel, initramfs → FAT
step bios.sh      # GRUB for a BIOS
step disk.sh      # partitions → a disk, that is a disc as well
step files.sh     # which files of it start a stick that keeps its own file system
step sbom.sh      # which packages are in it
step manifest.sh  # what is in it
step sign.sh      # who says so
step release.sh   # all of it → cdn/, at once
read -r release < "$WORK/release"
step latest.sh "$release" # a list of releases that names it
printf '%s %s\n' "$HASH" "$release" > "$DONE.new"
mv "$DONE.new" "$DONE"
printf '%4d s  %s\n' "$SECONDS" "$CDN/$release"
