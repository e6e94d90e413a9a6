#!/usr/bin/env bash
# packages/ + FLAVOR/rootfs → root/, the files of FEDAC-LIVE.
. "$(dirname "$0")/../lib.sh"

TREE=$WORK/packages
ROOT=$WORK/root
rm -rf "$ROOT"
mkdir -p "$ROOT"/{dev,etc,mnt/piece,proc,root,run,sys,tmp,usr/{bin,sbin,lib,lib64}}
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$ROOT/$dir"; done

shopt -s failglob # a file that has moved in a new release of the distribution is an error
KEEP=$BUILD/packages/$FLAVOR.files.txt
if [ -f "$KEEP" ]; then
  while read -r pattern; do
    # shellcheck disable=SC2206 # the pattern is meant to become file names
    (cd "$TREE" && files=($pattern) && cp -a --parents "${files[@]}" "$ROOT")
  done < <(lines "$KEEP")
  for applet in $(emulated "$ROOT/usr/bin/busybox" --list); do
    [ -e "$ROOT/usr/bin/$applet" ] || ln -s busybox "$ROOT/usr/bin/$applet"
  done
  for applet in init poweroff reboot; do ln -s ../bin/busybox "$ROOT/usr/sbin/$applet"; done
else
  cp -a "$TREE/." "$ROOT"
  while read -r pattern; do
    # shellcheck disable=SC2206
    (cd "$ROOT" && files=($pattern) && rm -r "${files[@]}") ||
      [[ $pattern = usr/lib/modules/* ]] || # kernels differ in their drivers
      die "$pattern is not in the packages" "edit $BUILD/packages/$FLAVOR.drop.txt"
  done < <(packages "$FLAVOR.drop")
fi

cp -a "$BASE/$FLAVOR/rootfs/." "$ROOT"
cat > "$ROOT/etc/os-release" << END
NAME=fedac-os
ID=fedac-os
VERSION_ID=$VERSION
VARIANT_ID=$FLAVOR
PRETTY_NAME="fedac-os $FLAVOR $VERSION"
END
# shellcheck source=/dev/null
[ ! -f "$BUILD/packages/$FLAVOR.setup.sh" ] || . "$BUILD/packages/$FLAVOR.setup.sh"
set_modes "$ROOT"
