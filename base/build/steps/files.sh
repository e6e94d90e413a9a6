#!/usr/bin/env bash
# esp.img + live.img + disk.img → files.tsv: what UEFI firmware starts this system from, as files that lie in the disk
# image in one piece each: path, start in bytes, length in bytes, SHA-256. A stick with a file system of its own is made
# of them, fetched by range. The paths are those of the ESP, and /live.img. GRUB for a network is for no stick.
. "$(dirname "$0")/../lib.sh"

need mshowfat mtools
need sgdisk gdisk

ESP=$WORK/esp.img
disk=$WORK/disk.img

# start_of NUMBER: where a partition starts, in bytes
start_of() {
  local sector
  sector=$(sgdisk --info="$1" "$disk" | sed -n 's/^First sector: \([0-9]*\) .*/\1/p')
  printf '%s\n' $((sector * SECTOR))
}

# field NAME: a number from what mtools says of the ESP's boot sector
field() {
  minfo -i "$ESP" :: | sed -n "s/^$1[^:]*: \([0-9]*\).*/\1/p"
}
cluster=$(($(field 'cluster size') * SECTOR))
tables=$(($(field 'reserved (boot) sectors') + $(field fats) * $(field 'sectors per fat')))
# Cluster 2 is the first one (Microsoft's FAT specification, 3.5), after the tables and the root directory.
esp_at=$(start_of 1)
first=$((esp_at + tables * SECTOR + $(field 'max available root directory slots') * 32))

esp_files() {
  local name run
  mdir -/ -b -i "$ESP" :: | grep -v -e '/$' -e '^::/grubnet\.efi$' | sort | while read -r name; do
    run=$(mshowfat -i "$ESP" "$name")
    [[ $run =~ \<([0-9]+)(-[0-9]+)?\>$ && ${run//[^<]/} = '<' ]] ||
      die "${name#::} lies in more than one piece: $run"
    mcopy -i "$ESP" "$name" - > "$WORK/file"
    printf '%s\t%s\t%s\t%s\n' "${name#::}" $((first + (BASH_REMATCH[1] - 2) * cluster)) \
      "$(stat -c %s "$WORK/file")" "$(sha256sum < "$WORK/file" | cut -d ' ' -f 1)"
  done
}

live_at=$(start_of 2)
{
  esp_files
  printf '/live.img\t%s\t%s\t%s\n' "$live_at" "$(stat -c %s "$WORK/live.img")" "$(sha256sum < "$WORK/live.img" | cut -d ' ' -f 1)"
} > "$WORK/files.tsv.new"
rm -f "$WORK/file"
mv "$WORK/files.tsv.new" "$WORK/files.tsv"
