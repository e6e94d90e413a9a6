#!/usr/bin/env bash
# root/ → live.img: squashfs, whose files all belong to root and bear the build's time. Zstandard, in blocks that make
# it small without making a page that is wanted wait long (base/README.md has what was measured).
. "$(dirname "$0")/../lib.sh"

need mksquashfs squashfs-tools

EPOCH=$SOURCE_DATE_EPOCH

rm -f "$WORK/live.img.new"
(
  unset SOURCE_DATE_EPOCH # or mksquashfs wants no times of us
  mksquashfs "$WORK/root" "$WORK/live.img.new" -quiet -no-progress -noappend -reproducible -all-root -no-xattrs \
    -mkfs-time "$EPOCH" -all-time "$EPOCH" -comp zstd -Xcompression-level 15 -b 256K
) > /dev/null
mv "$WORK/live.img.new" "$WORK/live.img"
