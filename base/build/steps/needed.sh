#!/usr/bin/env bash
# What was left out of root/ must not be needed by what is left there. A kernel module that cannot be loaded for want of
# another one is left out too; those of FLAVOR.modules.txt and FLAVOR.modules.ARCH.txt have to be there. A shared library that
# a program or another library needs has to be there, and so has each of its functions. What is opened by name alone is not
# seen here; base/README.md has what was tried.
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

# read_elf OPTION: what readelf says of all programs and libraries; it fails at what is no ELF file
read_elf() {
  find usr \( -name '*.so' -o -name '*.so.*' -o -perm /u=x \) -type f -print0 |
    { xargs -0 readelf --wide "$1" 2> /dev/null || true; }
}

# "LIBRARY FILE" for each DT_NEEDED of the ELF specification
read_elf --dynamic | awk '/^File: / { file = $2 } /\(NEEDED\)/ { gsub(/[][]/, ""); print $NF, file }' | sort > "$WORK/libraries"
missing=$(find usr/lib -name '*.so*' -printf '%f\n' | sort -u | join -v 1 "$WORK/libraries" -)
[ -z "$missing" ] || die "a library is not there (its name, and who needs it):
$missing" "edit $BUILD/packages/$FLAVOR.drop.txt"

# "SYMBOL FILE" for each that is looked up at run time, must be found (weak ones need not), and is nowhere. Whoever opens a
# library with RTLD_NOW gets nothing when one of its symbols is missing, or one of a library that it needs
missing=$(read_elf --dyn-syms | awk '
  /^File: / { file = $2 }
  $5 ~ /^(GLOBAL|WEAK|UNIQUE)$/ {
    sub(/@.*/, "", $8)
    if ($7 != "UND") there[$8]
    else if ($5 == "GLOBAL") needed[$8] = file
  }
  END { for (symbol in needed) if (!(symbol in there)) print symbol, needed[symbol] }' | sort)
[ -z "$missing" ] || die "a function is not there (its name, and one who needs it):
$missing" "edit $BUILD/packages/$FLAVOR.drop.txt, or make it weak: $BUILD/tools/weaken.ts"
