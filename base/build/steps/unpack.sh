#!/usr/bin/env bash
# .deb files → packages/ (one tree, unconfigured) and boot/: vmlinuz, kernel-version, shim.efi, grub.efi, grubnet.efi,
# grub-prefix. After this step nothing knows which distribution it was.
. "$(dirname "$0")/../lib.sh"

need dpkg-deb dpkg

TREE=$WORK/packages
BOOT=$WORK/boot
rm -rf "$TREE" "$BOOT"
mkdir -p "$TREE/usr" "$BOOT"
for dir in bin sbin lib lib64; do # as on an installed system, so that older packages land in the same places
  mkdir "$TREE/usr/$dir"
  ln -s "usr/$dir" "$TREE/$dir"
done

while read -r file size hash; do
  sha256sum --quiet --check - <<< "$hash  $CACHE/debs/$file" ||
    die "$file of $size bytes is damaged" "rm -r $CACHE"
  dpkg-deb --fsys-tarfile "$CACHE/debs/$file" |
    tar -x -C "$TREE" --keep-directory-symlink --no-same-owner --exclude='./usr/share/doc' --exclude='./usr/share/man'
done < "$WORK/packages.lock"

# first NAME...: the first that is there
first() {
  local file
  for file; do
    if [ -f "$file" ]; then
      printf '%s\n' "$file"
      return
    fi
  done
  die "the packages hold no ${1#"$TREE"}"
}

kernel=$(first "$TREE"/boot/vmlinuz-* "$TREE"/usr/lib/modules/*/vmlinuz) # where Debian's are from 7.3 on
cp "$kernel" "$BOOT/vmlinuz"
basename "$(first "$TREE"/usr/lib/modules/*/modules.order | xargs dirname)" > "$BOOT/kernel-version"

shim=$TREE/usr/lib/shim
cp "$(first "$shim/shim$EFI.efi.signed" "$shim/shim$EFI.efi.signed.latest")" "$BOOT/shim.efi" # Debian, Ubuntu
cp "$(first "$TREE/usr/lib/grub/$GRUB-signed/grub$EFI.efi.signed")" "$BOOT/grub.efi"
cp "$(first "$TREE/usr/lib/grub/$GRUB-signed/grubnet$EFI.efi.signed")" "$BOOT/grubnet.efi" # with HTTP and TFTP in it

# A signed GRUB reads grub.cfg from the directory its builder wrote into it: /EFI/debian, /EFI/ubuntu.
grep -a -o -E '/EFI/[a-z]+' "$BOOT/grub.efi" | head -n 1 > "$BOOT/grub-prefix"
[ -s "$BOOT/grub-prefix" ] || die "GRUB does not say where it looks for grub.cfg"
