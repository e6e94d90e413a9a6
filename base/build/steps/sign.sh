#!/usr/bin/env bash
# manifest.json → manifest.json.minisig; or base/build/steps/sign.sh FLAVOR FILE, for the manifest of a release or the list
# in a latest.json. What the current key has signed already is left as it is.
#
# The secret key is OS_SIGNING_KEY (what is in minisign's file), or the file OS_SIGNING_KEY_FILE, or a key for
# development, made when it is first needed. OS_SIGNING_PASSWORD opens a key that has a password. Key and password
# reach minisign through pipes: they are in no file of ours, no argument, and nothing that is printed.
. "$(dirname "$0")/../lib.sh"

need minisign minisign

export -n OS_SIGNING_KEY OS_SIGNING_PASSWORD
FILE=${2:-$WORK/manifest.json}
SIGNATURE=$FILE.minisig
KEYS=$OUT/keys # the public keys here are those that npm start believes
DEVELOPMENT=$KEYS/development.key

trap 'rm -f "$DEVELOPMENT.new" "$KEYS"/*.pub.new "$SIGNATURE.new"' EXIT
mkdir -p "$KEYS"
chmod 700 "$KEYS"

secret() {
  if [ -n "${OS_SIGNING_KEY+set}" ]; then
    printf '%s\n' "$OS_SIGNING_KEY"
  else
    cat "$file"
  fi
}

password() {
  [ -z "${OS_SIGNING_PASSWORD-}" ] || printf '%s\n' "$OS_SIGNING_PASSWORD"
}

# with_key ARGUMENT...: minisign, which asks its standard input for a password, and gives up at its end
with_key() {
  local said
  said=$(minisign "$@" -s <(secret) < <(password) 2>&1) && return
  case $said in
    *'Wrong password'*) die "OS_SIGNING_PASSWORD is not the password of $what" ;;
    *'get_password'*) die "$what has a password" "OS_SIGNING_PASSWORD=… base/build/build.sh" ;;
    *) die "minisign cannot use $what: ${said##*$'\n'}" ;;
  esac
}

file=
public=$KEYS/signing.pub
if [ -n "${OS_SIGNING_KEY+set}" ]; then
  what="the key in OS_SIGNING_KEY"
  [ -n "$OS_SIGNING_KEY" ] || die "OS_SIGNING_KEY is empty" "unset it, to sign with a key for development"
elif [ -n "${OS_SIGNING_KEY_FILE+set}" ]; then
  file=$OS_SIGNING_KEY_FILE
  what="the key in $file"
  [[ -f $file && -r $file ]] || die "OS_SIGNING_KEY_FILE names \"$file\", which is no file to be read"
else
  file=$DEVELOPMENT
  what="the key in $file"
  public=$KEYS/development.pub
  if [ ! -f "$file" ]; then
    (
      umask 077
      minisign -G -W -f -p "$public.new" -s "$file.new" < /dev/null > /dev/null
    ) || die "minisign made no key in $KEYS"
    mv "$file.new" "$file"
  fi
fi

rm -f "$public.new" # minisign overwrites nothing
with_key -R -p "$public.new"
cmp -s "$public.new" "$public" || mv "$public.new" "$public"

# field NAME [PATTERN]: what the file says at the start of a line, a plain word unless it is of another pattern. Each name
# is there once.
field() {
  sed -n "s/^  \"$1\": \"\(${2:-[a-z0-9._-]*}\)\",\$/\1/p" "$FILE"
}

# The trusted comment says what is signed, and whoever verifies compares (commentOn, commentOnList in src/release).
# Without the time, so that what is built again is signed the same.
[ -f "$FILE" ] || die "there is no $FILE" "base/build/build.sh $FLAVOR"
until=$(field until '[0-9TZ:.-]*')
if [ -n "$until" ]; then
  of="a list of base images"
  comment="latest.json until $until"
else
  of="a base image's manifest"
  comment="$(field name) $(field flavor) $(field version) $(field arch)"
  read -ra words <<< "$comment"
  [ ${#words[@]} = 4 ] || die "$FILE does not say what it describes"
fi

# signed FILE: whether it is this key's, for this file, with this comment
signed() {
  [ "$(minisign -VQ -p "$public" -m "$FILE" -x "$1" 2> /dev/null)" = "$comment" ]
}
signed "$SIGNATURE" && exit
with_key -S -m "$FILE" -x "$SIGNATURE.new" -c "signature of $of" -t "$comment"
signed "$SIGNATURE.new" || die "minisign does not accept what it has signed"
set_times "$SIGNATURE.new"
mv "$SIGNATURE.new" "$SIGNATURE"
