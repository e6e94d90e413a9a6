# shellcheck shell=bash
# What the packages' own scripts would have done on an installed system, done to the files in $ROOT: nobody has to be
# root for it, and it comes out the same every time. steps/rootfs.sh reads this.

need patchelf patchelf
need xz xz-utils

KERNEL=$(cat "$WORK/boot/kernel-version")

# target PROGRAM ARGUMENT...: a program of those packages, with their own libraries
target() {
  local lib=$TREE/usr/lib/$ARCH-linux-gnu
  emulated "$lib"/ld-linux-*.so.* --library-path "$lib:$lib/systemd:$TREE/usr/lib/systemd" "$TREE/$1" "${@:2}"
}

# accounts: Debian's own, those of the services, ours
cp "$TREE/usr/share/base-passwd/passwd.master" "$ROOT/etc/passwd"
cp "$TREE/usr/share/base-passwd/group.master" "$ROOT/etc/group"
target usr/bin/systemd-sysusers --root="$ROOT"
rm -f "$ROOT"/etc/{passwd,group,shadow,gshadow}- "$ROOT/etc/.pwd.lock"

# which services start: our presets
target usr/bin/systemctl --root="$ROOT" preset-all 2> /dev/null
target usr/bin/systemctl --root="$ROOT" --global preset-all 2> /dev/null
rm "$ROOT/etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service" # comes with networkd
ln -sfn multi-user.target "$ROOT/usr/lib/systemd/system/default.target"

# nor those that would bring the system up to date with its packages: it is, and stays so; nor what nothing here uses. Each
# unit is a process more before the piece is there
for unit in ldconfig systemd-firstboot systemd-hwdb-update systemd-journal-catalog-update systemd-sysusers systemd-update-done \
  alsa-restore alsa-state systemd-binfmt systemd-hibernate-clear systemd-machine-id-commit systemd-network-generator \
  systemd-networkd-persistent-storage systemd-random-seed systemd-udev-load-credentials; do
  ln -s /dev/null "$ROOT/etc/systemd/system/$unit.service"
done
for unit in dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-ask-password-console.path \
  systemd-ask-password-wall.path; do
  ln -s /dev/null "$ROOT/etc/systemd/system/$unit"
done

# indexes; that of hardware without the names of makers and models, which nobody reads, and then without what it is made of
HWDB=$ROOT/usr/lib/udev/hwdb.d
rm "$HWDB"/20-{OUI,acpi-vendor,bluetooth-vendor-product,pci-vendor-model,sdio-vendor-model,usb-vendor-model}.hwdb
(cd "$ROOT" && target usr/bin/systemd-hwdb --root=/proc/self/cwd --usr update) # the index has its own path in it
rm -r "$HWDB"
# The index of fonts counts for directories of the time that they have in the image; without it each program reads all fonts
set_times "$ROOT/usr/share/fonts"
target usr/bin/fc-cache --sysroot="$ROOT" --really-force --system-only
target usr/bin/update-mime-database "$ROOT/usr/share/mime" 2> /dev/null
# The kernel's modules as they are loaded: squashfs packs them as well as xz, and a machine unpacks that ten times as fast
find "$ROOT/usr/lib/modules" -name '*.ko.xz' -exec xz --decompress {} +
depmod -b "$ROOT" "$KERNEL"

# LLVM is there for Mesa's shaders, and its analyzer alone calls Z3
patchelf --remove-needed libz3.so.4 "$ROOT"/usr/lib/*/libLLVM.so.*
(cd "$BASE/.." && npx tsx base/build/tools/weaken.ts "$(readlink -f "$ROOT"/usr/lib/*/libLLVM.so.*)" Z3_)
rm "$ROOT"/usr/lib/*/libz3.so*

# ICU's data for other languages than the session's
(cd "$BASE/.." && npx tsx base/build/tools/icu.ts "$(echo "$ROOT"/usr/lib/*/libicudata.so.*.*)")

# Chromium's own pages, which nobody can open
(cd "$BASE/.." && npx tsx base/build/tools/pak.ts "$ROOT/usr/lib/chromium/resources.pak")

# certificates of the web's authorities, in one file
mkdir -p "$ROOT/etc/ssl/certs"
cat "$ROOT"/usr/share/ca-certificates/mozilla/*.crt > "$ROOT/etc/ssl/certs/ca-certificates.crt"

# which channels wireless networks may use where: of two signed lists, Debian's
for file in regulatory.db regulatory.db.p7s; do ln -s "$file-debian" "$ROOT/usr/lib/firmware/$file"; done

# where programs of old look for what is running
rmdir "$ROOT"/var/{run,lock}
ln -s ../run "$ROOT/var/run"
ln -s ../run/lock "$ROOT/var/lock"

# what settings.json may say is what these packages know
(cd "$BASE/.." && npx tsx base/build/tools/lists.ts "$TREE")

# the session, and what it is helped by
(cd "$BASE/.." && npx tsx base/build/tools/kiosk-programs.ts "$ROOT/usr/lib/fedac/kiosk")
