#!/usr/bin/env bash
# Turn package names into versions (work/FLAVOR/packages.lock: file, size, SHA-256) and fetch the files,
# through the machine's own apt and from wherever it is set up to fetch.
. "$(dirname "$0")/../lib.sh"

need apt-get apt
need apt-cache apt
need dpkg-deb dpkg
[ "$(dpkg --print-architecture)" = amd64 ] || die "base images are x86_64, and this machine's packages are not"

DEBS=$CACHE/debs
mkdir -p "$DEBS" "$WORK"

# Asking apt takes a second; its answer holds as long as its lists and ours do.
lists=$(apt-config shell D Dir::State::lists/d)
eval "$lists"
: "${D:?}"
question=$({
  lines "$BASE/packages/boot.txt" "$BASE/packages/$FLAVOR.txt"
  find "$D" -maxdepth 1 -name '*_Packages*' -printf '%f %s %T@\n' | sort
} | sha256sum)

candidates() {
  apt-cache show --no-all-versions "$@" 2> /dev/null || true
}

resolve() {
  local line name known names=() wanted=() round
  mapfile -t names < <(lines "$BASE/packages/boot.txt" "$BASE/packages/$FLAVOR.txt" | tr -d ' ' | tr '|' '\n' | sort -u)
  known=$(candidates "${names[@]}" | sed -n 's/^Package: //p')
  while read -r line; do
    for name in ${line//|/ }; do
      if grep -qxF "$name" <<< "$known"; then
        wanted+=("$name")
        continue 2
      fi
    done
    die "apt knows no package $line" "apt-get update"
  done < <(lines "$BASE/packages/boot.txt" "$BASE/packages/$FLAVOR.txt")

  # linux-image-amd64 → linux-image-6.1.0-56-amd64; Ubuntu's modules are one step further
  for round in 1 2; do
    mapfile -t names < <(candidates "${wanted[@]}" | grep -E '^Depends:' | grep -oE 'linux-(image|modules)-[0-9][^ ,]*' || true)
    wanted+=("${names[@]}")
  done
  : "$round"

  mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
  # In an empty directory, since apt passes over what lies there already
  (cd "$WORK/resolve" && apt-get -qq -o Acquire::ForceHash=SHA256 download --print-uris "${wanted[@]}") |
    awk '{ sub(/^SHA256:/, "", $4); print $2, $3, $4 }' | sort
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

fetch() {
  local file=$1 hash=$2 name version
  name=${file%%_*}
  version=${file#*_}
  version=${version%_*}
  printf '        %s\n' "$file"
  (
    rm -rf "$DEBS/new"
    mkdir "$DEBS/new"
    cd "$DEBS/new"
    # As root apt would fetch as user _apt, who may not write here
    apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$name=${version//%3a/:}"
    sha256sum --quiet --check <<< "$hash  $file" || die "$file is not what apt's lists promise" "apt-get update"
    mv "$file" "$DEBS/"
  ) || die "could not download $name" "apt-get update"
  rm -rf "$DEBS/new"
}

while read -r file size hash; do
  [ "$(stat -c %s "$DEBS/$file" 2> /dev/null)" = "$size" ] || fetch "$file" "$hash"
done < "$WORK/packages.lock"
