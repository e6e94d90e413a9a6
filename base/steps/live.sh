#!/usr/bin/env bash
# root/ → live.img: EROFS, whose superblock and files all bear the build's time.
. "$(dirname "$0")/../lib.sh"

# COMPRESSION: what each flavor measured best with (base/README.md)
case $FLAVOR in
  kiosk) compression=${COMPRESSION:--zzstd,level=15 -C131072} ;;
  *) compression="-zlz4hc,12 -C65536" ;;
esac

# mkfs.erofs of the packages, if it is among them, with their own libraries: it knows more than an older machine's
own=$WORK/packages/usr/bin/mkfs.erofs
if [ -x "$own" ]; then
  lib=$WORK/packages/usr/lib/x86_64-linux-gnu
  mkfs=("$WORK/packages/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib" "$own")
else
  need mkfs.erofs erofs-utils
  mkfs=(mkfs.erofs)
fi

uuid=$(uuid_of live)
rm -f "$WORK/live.img.new"
# shellcheck disable=SC2086 # several words
"${mkfs[@]}" --quiet $compression -x-1 --all-root -T"$SOURCE_DATE_EPOCH" -U"$uuid" "$WORK/live.img.new" "$WORK/root"
mv "$WORK/live.img.new" "$WORK/live.img"
