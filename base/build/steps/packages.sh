#!/usr/bin/env bash
# Turn package names into versions (work/FLAVOR/packages.lock: file, size, SHA-256) and fetch the files, through the
# machine's own apt and from wherever it is set up to fetch: the packages that are named, of the machine's own
# distribution; or, where packages/ARCH.suite or packages/FLAVOR.suite names a Debian release, those of that release, with all
# they depend on.
. "$(dirname "$0")/../lib.sh"

need apt-get apt
need apt-cache apt
need dpkg-deb dpkg

DEBS=$CACHE/debs
SUITE=$BUILD/packages/$ARCH.suite
[ -f "$SUITE" ] || SUITE=$BUILD/packages/$FLAVOR.suite
[[ -f $SUITE || $(dpkg --print-architecture) = "$DEBIAN" ]] ||
  die "the packages of $FLAVOR for $ARCH are those of this machine, which is $(dpkg --print-architecture)" "a machine that is $ARCH"
mkdir -p "$DEBS" "$WORK"

# mirror LABEL: where this machine has Debian's packages of that label from
mirror() {
  local url
  # shellcheck disable=SC2016 # apt fills it in
  url=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" | sort -u | head -n 1)
  [ -n "$url" ] || die "apt here knows no packages of $1" "a line for them in apt's sources, and apt-get update"
  printf '%s\n' "$url"
}

# other_release: an apt with lists of its own, which knows that release and no installed package. Mirrors and proxies
# are the machine's.
other_release() {
  local suite components more apt main security keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  read -r suite components < <(lines "$SUITE")
  apt=$CACHE/apt/$suite-$DEBIAN
  [ -f "$keyring" ] || die "no keys to check Debian's packages by" "apt install debian-archive-keyring"
  mkdir -p "$apt"/{lists,archives}/partial
  : > "$apt/status"
  main=$(mirror Debian)
  security=$(mirror Debian-Security)
  printf 'deb [signed-by=%s] %s %s %s\n' "$keyring" "$main" "$suite" "$components" \
    "$keyring" "$main" "$suite-updates" "$components" "$keyring" "$security" "$suite-security" "$components" \
    > "$apt/sources.list"
  while read -r more components; do
    printf 'deb [signed-by=%s] %s %s %s\n' "$keyring" "$main" "$more" "$components"
  done < <(lines "$SUITE" | tail -n +2) >> "$apt/sources.list"
  cat "$BUILD/packages/$ARCH.preferences" > "$apt/preferences" 2> /dev/null || : > "$apt/preferences"
  cat > "$apt/apt.conf" << END
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "$apt/preferences";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "$DEBIAN";
APT::Architectures { "$DEBIAN"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
END
  export APT_CONFIG=$apt/apt.conf
  # What was asked for today holds until tomorrow, and as long as there is no network
  if [ -z "$(find "$apt/asked" -mmin -1200 2> /dev/null)" ]; then
    if apt-get -qq -o APT::Update::Error-Mode=any update; then
      touch "$apt/asked"
    else
      [ -e "$apt/asked" ] || die "apt cannot reach Debian $suite" "a connection, or a mirror in apt's sources"
      echo "        no connection: with what was known before of Debian $suite"
    fi
  fi
}
[ ! -f "$SUITE" ] || other_release

# Asking apt takes a second; its answer holds as long as its lists and ours do.
lists=$(apt-config shell D Dir::State::lists/d)
eval "$lists"
: "${D:?}"
question=$({
  packages boot
  packages "$FLAVOR"
  [ ! -f "$BUILD/packages/$ARCH.preferences" ] || cat "$BUILD/packages/$ARCH.preferences"
  find "$D" -maxdepth 1 -name '*_Packages*' -printf '%f %s %T@\n' | sort
} | sha256sum)

candidates() {
  apt-cache show --no-all-versions "$@" 2> /dev/null || true
}

# known LIST: the packages of a list (`packages`), of each line the first that apt knows
known() {
  local line name names all
  mapfile -t names < <(packages "$1" | tr -d ' ' | tr '|' '\n' | sort -u)
  all=$(candidates "${names[@]}" | sed -n 's/^Package: //p')
  while read -r line; do
    for name in ${line//|/ }; do
      if grep -qxF "$name" <<< "$all"; then
        printf '%s\n' "$name"
        continue 2
      fi
    done
    die "apt knows no package $line" "apt-get update"
  done < <(packages "$1")
}

# uris COMMAND PACKAGE...: what `apt-get COMMAND` would fetch. In an empty directory, since apt passes over what lies
# there already
uris() {
  (cd "$WORK/resolve" && apt-get -qq -o Acquire::ForceHash=SHA256 --print-uris "$@") |
    awk '{ sub(/^SHA256:/, "", $4); print $2, $3, $4 }'
}

resolve() {
  local names boot own round
  boot=$(known boot)
  own=$(known "$FLAVOR")
  # linux-image-amd64 → linux-image-6.1.0-56-amd64; Ubuntu's modules, and all that newer kernels consist of, are one step further
  for round in 1 2; do
    # shellcheck disable=SC2086 # one package a word
    names=$(candidates $boot | grep -E '^Depends:' | grep -oE 'linux-(image|modules|binary|base)-[0-9][^ ,]*') || true
    boot=$(tr " " "\n" <<< "$boot $names" | sort -u)
  done
  : "$round"
  # shellcheck disable=SC2086
  if [ -f "$SUITE" ]; then
    { uris download $boot && uris install $own; } | sort -u
  else
    uris download $boot $own | sort -u
  fi
}

if ! { [ -f "$WORK/packages.lock" ] && [ "$(cat "$WORK/packages.asked" 2> /dev/null)" = "$question" ]; }; then
  rm -rf "$WORK/resolve"
  mkdir "$WORK/resolve"
  resolve > "$WORK/packages.lock.new"
  [ -s "$WORK/packages.lock.new" ] || die "apt offers none of the packages" "apt-get update"
  rmdir "$WORK/resolve"
  rm -f "$WORK/packages.asked"
  mv "$WORK/packages.lock.new" "$WORK/packages.lock"
  printf '%s\n' "$question" > "$WORK/packages.asked"
fi

missing=()
while read -r file size hash; do
  [ "$(stat -c %s "$DEBS/$file" 2> /dev/null)" = "$size" ] || missing+=("$file $hash")
done < "$WORK/packages.lock"

# All at once: apt takes a second to start
fetch() {
  local file hash wanted=() name version
  rm -rf "$DEBS/new"
  mkdir "$DEBS/new"
  while read -r file hash; do
    name=${file%%_*}
    version=${file#*_}
    version=${version%_*}
    wanted+=("$name=${version//%3a/:}")
  done < <(printf '%s\n' "$@")
  printf '        %d packages to download\n' $#
  # As root apt would fetch as user _apt, who may not write here
  (cd "$DEBS/new" && apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download "${wanted[@]}") ||
    die "could not download the packages" "apt-get update"
  while read -r file hash; do
    sha256sum --quiet --check <<< "$hash  $DEBS/new/$file" || die "$file is not what apt's lists promise" "apt-get update"
    mv "$DEBS/new/$file" "$DEBS/"
  done < <(printf '%s\n' "$@")
  rm -rf "$DEBS/new"
}
[ ${#missing[@]} -eq 0 ] || fetch "${missing[@]}"
