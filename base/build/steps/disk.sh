#!/usr/bin/env bash
# esp.img + live.img + 64 MiB of zeros → disk.img:
#
#   0      protective MBR, GPT, and what makes a BIOS start it and a disc of it (hybrid.ts)
#   4 MiB  1 ESP
#          2 FEDAC-LIVE
#          3 FEDAC-PIECE, all zeros: what the browser puts there
#   end    1 MiB with the backup GPT in its last sectors
#
# Every partition starts and ends on a window boundary (src/release/manifest.ts).
. "$(dirname "$0")/../lib.sh"

need sgdisk gdisk
need npx npm

PIECE_LENGTH=$((64 * MIB)) # ten bundles of AC's, of 6 MB at most, and what ext4 needs
disk=$WORK/disk.img.new

esp_at=$WINDOW
live_at=$((esp_at + $(round_up "$(stat -c %s "$WORK/esp.img")" "$WINDOW")))
piece_at=$((live_at + $(round_up "$(stat -c %s "$WORK/live.img")" "$WINDOW")))
end=$((piece_at + PIECE_LENGTH))

rm -f "$disk"
truncate -s $((end + MIB)) "$disk"

guid=$(uuid_of disk)
partitions=(--clear --set-alignment=1 --disk-guid="$guid")
# partition NUMBER START END TYPE LABEL
partition() {
  guid=$(uuid_of "$5")
  partitions+=(--new="$1:$(($2 / SECTOR)):$(($3 / SECTOR - 1))")
  partitions+=(--typecode="$1:$4" --change-name="$1:$5" --partition-guid="$1:$guid")
}
partition 1 "$esp_at" "$live_at" EF00 ESP
partition 2 "$live_at" "$piece_at" 8300 FEDAC-LIVE
partition 3 "$piece_at" "$end" 8300 FEDAC-PIECE # as a Linux file system: Windows gives it no drive letter
sgdisk "${partitions[@]}" "$disk" > /dev/null

# put FILE START
put() {
  dd if="$1" of="$disk" bs="$MIB" seek=$(($2 / MIB)) conv=notrunc,sparse status=none
}
put "$WORK/esp.img" "$esp_at"
put "$WORK/live.img" "$live_at"
(cd "$BASE/.." && npx tsx base/build/tools/hybrid.ts "$disk" "$WORK/boot" "$BASE/boot/disc" "$SOURCE_DATE_EPOCH")
sgdisk --verify "$disk" | grep -q '^No problems found' || die "sgdisk objects to the disk image: $(sgdisk --verify "$disk")"
mv "$disk" "$WORK/disk.img"
