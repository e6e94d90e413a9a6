#!/usr/bin/env bash
# root/ → live.img: EROFS, whose superblock and files all bear the build's time.
. "$(dirname "$0")/../lib.sh"

need mkfs.erofs erofs-utils

uuid=$(uuid_of live)
rm -f "$WORK/live.img.new"
mkfs.erofs --quiet -zlz4hc,12 -C65536 -x-1 --all-root -T"$SOURCE_DATE_EPOCH" -U"$uuid" "$WORK/live.img.new" "$WORK/root"
mv "$WORK/live.img.new" "$WORK/live.img"
