#!/usr/bin/env bash
# What was left out of root/ must not be needed by what is left there. A kernel module that cannot be loaded for want of
# another one is left out too; those of FLAVOR.modules.txt have to be there. A shared library that a program or another library
# needs has to be there. What is opened by name alone is not seen here; base/README.md has what was tried.
. "$(dirname "$0")/../lib.sh"

need readelf binutils
need modinfo kmod
need depmod kmod

ROOT=$WORK/root
MODULES=$BUILD/packages/$FLAVOR.modules.txt
cd "$ROOT"

# names: the modules whose files are read from stdin, as the kernel calls them: a file's "-" is "_"
names() {
  sed -e 's|.*/||' -e 's/\.ko.*//' -e 's/-/_/g' | sort -u
}

if [ -f "$MODULES" ]; then
  modules=$(echo usr/lib/modules/*)
  # "FILE NAME": each file's module, and each that it depends on
  find "$modules" -name '*.ko*' | while read -r file; do printf '%s %s\n' "$file" "$(names <<< "$file")"; done \
    > "$WORK/modules.names"
  cut -d ' ' -f 1 "$WORK/modules.names" | xargs modinfo -F depends | tr - _ |
    paste -d ' ' <(cut -d ' ' -f 1 "$WORK/modules.names") - > "$WORK/modules.depends"
  while :; do
    lost=$(awk 'NR == FNR { there[$2]; next }
      { n = split($2, names, ","); for (i = 1; i <= n; i++) if (!(names[i] in there)) { print $1; next } }' \
      "$WORK/modules.names" "$WORK/modules.depends")
    [ -n "$lost" ] || break
    xargs rm <<< "$lost"
    for list in names depends; do
      awk 'NR == FNR { gone[$1]; next } !($1 in gone)' <(cat <<< "$lost") "$WORK/modules.$list" > "$WORK/modules.new"
      mv "$WORK/modules.new" "$WORK/modules.$list"
    done
  done
  missing=$(lines "$MODULES" | sort | comm -23 - <(cut -d ' ' -f 1 "$WORK/modules.names" | cat - "$modules/modules.builtin" | names))
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
