#!/bin/sh
# Finds the binary that INPUT_BINARY names, or builds it from the source of this action into INSTALL_ROOT, unless it is there
# already; and holds it to INPUT_VERSION, where one is given.
#
# Takes GITHUB_ACTION_PATH, RUNNER_TEMP and GITHUB_OUTPUT from the runner.
set -eu

fail() {
    printf '::error title=orgtrail::%s\n' "$1"
    exit 2
}

build() {
    command -v cargo >/dev/null ||
        fail 'orgtrail is not published and has to be built, but this runner has no cargo: install Rust, or use the input binary'
    # What is compiled runs code of others, which the credentials of the step are none of the business of.
    for name in $(env | sed -n -e 's/^\(ORGTRAIL_[A-Z_]*\)=.*/\1/p' -e 's/^\(GENESYSCLOUD_[A-Z_]*\)=.*/\1/p') GITHUB_TOKEN; do
        unset "$name"
    done
    CARGO_TARGET_DIR="$RUNNER_TEMP/orgtrail-target" \
        cargo install --locked --quiet --path "$GITHUB_ACTION_PATH" --root "$INSTALL_ROOT"
}

# The documents that orgtrail writes are read with it.
command -v jq >/dev/null || fail 'this runner has no jq, which the action reads the documents of orgtrail with: install it'

if [ -n "$INPUT_BINARY" ]; then
    binary=$(command -v "$INPUT_BINARY") || fail "there is no program $INPUT_BINARY on this runner: see the input binary"
else
    binary=$INSTALL_ROOT/bin/orgtrail
    [ -x "$binary" ] || build
fi

found=$("$binary" --version)
if [ -n "$INPUT_VERSION" ] && [ "$found" != "orgtrail $INPUT_VERSION" ]; then
    fail "$binary is $found, not version $INPUT_VERSION: see the input version"
fi
printf 'binary=%s\n' "$binary" >>"$GITHUB_OUTPUT"
printf '%s\n' "$found"
