# shellcheck shell=bash
# What every step starts with: . "$(dirname "$0")/../lib.sh"

set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C TZ=UTC
export PATH="$PATH:/usr/sbin:/sbin" # Debian keeps sgdisk and mkfs.vfat out of an ordinary user's PATH
umask 022

BUILD=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BASE=${BUILD%/*}
OUT=${BASE_OUT:-$BASE/out}
FLAVOR=${1:-tiny}
# As `uname -m` says it. What is another on one architecture than on the next is in arch/ARCH/ and in lists packages/NAME.ARCH.txt.
export OS_ARCH=${OS_ARCH:-x86_64}
ARCH=$OS_ARCH
CACHE=$OUT/cache
WORK=$OUT/parts/$ARCH/$FLAVOR
CDN=$OUT/cdn

MIB=$((1024 * 1024))
SECTOR=512
# WINDOW of src/release/manifest.ts: partitions start and end on its boundaries.
WINDOW=$((4 * MIB))
export MIB SECTOR WINDOW CACHE CDN

# Say what is wrong, and what to do about it.
die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  [ $# -lt 2 ] || printf '  try: %s\n' "$2" >&2
  exit 1
}

# need TOOL PACKAGE
need() {
  command -v "$1" > /dev/null || die "$1 not found" "apt install $2"
}

# A list's lines, without comments and blank ones.
lines() {
  sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$@"
}

# packages NAME: the lines of packages/NAME.txt and of packages/NAME.ARCH.txt; one of them need not be there
packages() {
  local file files=()
  for file in "$BUILD/packages/$1.txt" "$BUILD/packages/$1.$ARCH.txt"; do
    [ ! -f "$file" ] || files+=("$file")
  done
  [ ${#files[@]} -gt 0 ] || die "no list packages/$1.txt"
  lines "${files[@]}"
}

# emulated PROGRAM [ARGUMENT]...: run a program of the image's architecture, one that needs no libraries or is its loader
emulated() {
  "${EMULATOR[@]}" "$@"
}

# What decides a release, apart from the packages, relative to base/: not the tests, and not what is written about it.
# inputs.test.ts checks this list against what the tools and the session really import.
inputs() {
  printf '%s\n' build boot kiosk tiny ../tsconfig.json ../src/{allowances,architectures,bundle/density,errors,bytes/sha256,ext4/struct,piece/name}.ts \
    ../src/image/{gpt,os-json}.ts ../src/settings/{countries,keyboards,seal,settings}.ts ../src/release/{latest,list,manifest,version,windows}.ts ../src/splash/{splash,png,png-size,font}.ts
}

# Two builds give the same bytes only with the same clock, so every time in them is that of the last commit to the
# inputs. Without git (an archive of the sources) it is that of this file.
source_date() {
  local epoch paths
  mapfile -t paths < <(inputs)
  epoch=$(cd "$BASE" && git log -1 --format=%ct -- "${paths[@]}" ':!*.test.ts' 2> /dev/null) || epoch=
  printf '%s\n' "${epoch:-$(stat -c %Y "$BUILD/build.sh")}"
}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(source_date)}
# A second release of one day needs a version of its own: OS_VERSION=2026.11.24.1
VERSION=${OS_VERSION:-$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y.%-m.%-d)}
# VERSION of src/release/version.ts
[[ $VERSION =~ ^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,7}$ ]] || die "OS_VERSION is \"$VERSION\"" "OS_VERSION=2026.11.24.1"
export VERSION

# One hash for everything that decides the image: flavor, time, packages, files.
inputs_hash() {
  local paths
  [ -f "$WORK/packages.lock" ] || die "no packages.lock yet" "base/build/build.sh $FLAVOR"
  mapfile -t paths < <(inputs)
  {
    printf '%s %s %s %s\n' "$FLAVOR" "$ARCH" "$VERSION" "$SOURCE_DATE_EPOCH"
    cat "$WORK/packages.lock"
    (cd "$BASE" && find "${paths[@]}" -type f -not -name '*.test.ts' -print0 | sort -z | xargs -0 sha256sum)
    (cd "$BASE" && find "${paths[@]}" -not -name '*.test.ts' -perm /u=x -print | sort) # all that git keeps of modes
  } | sha256sum | cut -d ' ' -f 1
}

# A UUID for `name` in this image: always the same in one build, never in two different ones (RFC 9562,
# version 8). So nothing of one release can be taken for a part of another.
uuid_of() {
  local all h
  all=$(inputs_hash)
  h=$(sha256sum <<< "$all $1")
  printf '%s-%s-8%s-8%s-%s\n' "${h:0:8}" "${h:8:4}" "${h:13:3}" "${h:17:3}" "${h:20:12}"
}

# set_times PATH...: give everything there the build's time.
set_times() {
  find "$@" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# set_modes DIRECTORY: the same modes whatever this machine's umask or a directory's set-group-ID bit
set_modes() {
  chmod -R u=rwX,go=rX,g-s "$1"
}

# round_up LENGTH UNIT: the next multiple.
round_up() {
  printf '%s\n' $((($1 + $2 - 1) / $2 * $2))
}

[[ $FLAVOR =~ ^[a-z0-9]+$ && -d $BASE/$FLAVOR/rootfs ]] || die "no flavor \"$FLAVOR\"" "base/build/build.sh tiny"
[[ $ARCH =~ ^[a-z0-9_]+$ && -f $BUILD/arch/$ARCH/names.sh ]] ||
  die "no architecture \"$ARCH\", but $(cd "$BUILD/arch" && echo *)" "base/build/build.sh $FLAVOR x86_64"
# shellcheck source=SCRIPTDIR/arch/x86_64/names.sh
. "$BUILD/arch/$ARCH/names.sh"
EMULATOR=()
[ "$(uname -m)" = "$ARCH" ] || EMULATOR=("qemu-$ARCH-static")
[ ${#EMULATOR[@]} = 0 ] || need "${EMULATOR[0]}" qemu-user-static
