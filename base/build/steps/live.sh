#!/usr/bin/env bash
# root/ → live.img: squashfs, whose files all belong to root and bear the build's time, with dm-verity's hash tree behind it;
# and live.table, by which the initramfs sets dm-verity up. Zstandard, in blocks that make it small without making a page
# that is wanted wait long (base/README.md has what was measured).
. "$(dirname "$0")/../lib.sh"

need mksquashfs squashfs-tools
need veritysetup cryptsetup-bin

EPOCH=$SOURCE_DATE_EPOCH
BLOCK=4096 # bytes, of data and of the tree; Linux takes none larger than a page
ORDER=$WORK/live.order # "PATH PRIORITY": files that are there, since mksquashfs knows no *

shopt -s nullglob # a flavor has not all of them
while read -r priority pattern; do
  (cd "$WORK/root" && for path in $pattern; do [[ -L $path || ! -e $path ]] || printf '%s %s\n' "$path" "$priority"; done)
done < <(lines "$BUILD/packages/order.txt") > "$ORDER"

live=$WORK/live.img.new
rm -f "$live"
(
  unset SOURCE_DATE_EPOCH # or mksquashfs wants no times of us
  mksquashfs "$WORK/root" "$live" -quiet -no-progress -noappend -reproducible -all-root -no-xattrs \
    -mkfs-time "$EPOCH" -all-time "$EPOCH" -comp zstd -Xcompression-level 22 -b 1M -sort "$ORDER"
) > /dev/null

length=$(stat -c %s "$live")
[ $((length % BLOCK)) = 0 ] || die "mksquashfs has not filled its last block: $length bytes"
blocks=$((length / BLOCK))
# Without a salt, which would be as public as the rest, and without a superblock: live.table says all that it would
root_hash=$(veritysetup format --no-superblock --salt=- --hash=sha256 --data-block-size=$BLOCK --hash-block-size=$BLOCK \
  --data-blocks=$blocks --hash-offset="$length" "$live" "$live" | sed -n 's/^Root hash: *\t*\([0-9a-f]\{64\}\)$/\1/p')
[ -n "$root_hash" ] || die "veritysetup says no root hash"
# The kernel's Documentation/admin-guide/device-mapper/verity.rst
echo "0 $((length / SECTOR)) verity 1 DEVICE DEVICE $BLOCK $BLOCK $blocks $blocks sha256 $root_hash -" > "$WORK/live.table"
mv "$live" "$WORK/live.img"
