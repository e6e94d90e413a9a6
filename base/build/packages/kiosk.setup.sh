# shellcheck shell=bash
# What the packages' own scripts would have done on an installed system, done to the files in $ROOT: nobody has to be
# root for it, and it comes out the same every time. steps/rootfs.sh reads this.

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

# nor those that would bring the system up to date with its packages: it is, and stays so
for unit in ldconfig systemd-firstboot systemd-hwdb-update systemd-journal-catalog-update systemd-sysusers systemd-update-done; do
  ln -s /dev/null "$ROOT/etc/systemd/system/$unit.service"
done

# indexes
(cd "$ROOT" && target usr/bin/systemd-hwdb --root=/proc/self/cwd --usr update) # the index has its own path in it
target usr/bin/update-mime-database "$ROOT/usr/share/mime" 2> /dev/null
depmod -b "$ROOT" "$KERNEL"

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

# the session
(cd "$BASE/.." && npx tsc -p base/kiosk/session --outDir "$ROOT/usr/lib/fedac/kiosk")
