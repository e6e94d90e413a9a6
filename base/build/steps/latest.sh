#!/usr/bin/env bash
# base/build/steps/latest.sh FLAVOR [NAME]: cdn/latest.json offers the release NAME first; an earlier image of its version
# goes. Without a name it stays as it is, and is signed anew if the key is another one by now.
#
# This list is signed with the key for development, whatever else has signed the releases: it holds for years, since only
# whoever builds here reads it. Signed with a release key, it would be a way around the short time that a published one has.
. "$(dirname "$0")/../lib.sh"

need npx npm

# tool ARGUMENT...
tool() {
  (cd "$BASE/.." && npx tsx base/build/tools/release.ts "$@")
}

tool list "$CDN" "${2-}" > "$WORK/list.json.new"
mv "$WORK/list.json.new" "$WORK/list.json"
env -u OS_SIGNING_KEY -u OS_SIGNING_KEY_FILE -u OS_SIGNING_PASSWORD "$BUILD/steps/sign.sh" "$FLAVOR" "$WORK/list.json"
tool point "$CDN" "$WORK/list.json"
