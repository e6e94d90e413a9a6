#!/usr/bin/env bash
# What was left out of root/ must not be needed by what is left there. A kernel module that cannot be loaded for want of
# another one is left out too; those of FLAVOR.modules.txt and FLAVOR.modules.ARCH.txt have to be there. A shared library that
# a program or another library needs has to be there. What is opened by name alone is not seen here; base/README.md has what
# was tried.
. "$(dirname "$0")/../lib.sh"

need readelf binutils
need modinfo kmod
need depmod kmod

ROOT=$WORK/root
cd "$ROOT"

if [ -f "$BUILD/packages/$FLAVOR.modules.txt" ]; then
  modules=$(echo usr/lib/modules/*)
  # Files are named with "-" or "_", and so are dependencies; the kernel's own names have "_"
  find "$modules" -name '*.ko*' -print0 | xargs -0 modinfo | awk '
    /^filename:/ { file = $2 }
    /^name:/ { names[file] = $2; there[$2] }
    /^depends:/ { gsub(/-/, "_", $2); depends[file] = $2 }
    END {
      do {
        again = 0
        for (file in names) {
          count = split(depends[file], needs, ",")
          for (i = 1; i <= count && needs[i] in there; i++);
          if (i > count) continue
          print file
          delete there[names[file]]
          delete names[file]
          again = 1
        }
      } while (again)
    }' | xargs -r rm
  there=$({ find "$modules" -name '*.ko*'; cat "$modules/modules.builtin"; } | sed -e 's|.*/||' -e 's/\.ko.*//' -e 's/-/_/g' | sort)
  missing=$(packages "$FLAVOR.modules" | sort | comm -23 - <(echo "$there"))
  [ -z "$missing" ] || die "kernel modules are not there: ${missing//$'\n'/ }" "edit $BUILD/packages/$FLAVOR.drop.txt"
  depmod -b "$ROOT" "${modules##*/}"
fi

# "LIBRARY FILE" for each DT_NEEDED of the ELF specification; readelf fails at what is no ELF file
find usr \( -name '*.so' -o -name '*.so.*' -o -perm /u=x \) -type f -print0 |
  { xargs -0 readelf --dynamic --wide 2> /dev/null || true; } |
  awk '/^File: / { file = $2 } /\(NEEDED\)/ { gsub(/[][]/, ""); print $NF, file }' | sort > "$WORK/libraries"
missing=$(find usr/lib -name '*.so*' -printf '%f\n' | sort -u | join -v 1 "$WORK/libraries" -)
[ -z "$missing" ] || die "a library is not there (its name, and who needs it):
$missing" "edit $BUILD/packages/$FLAVOR.drop.txt"
