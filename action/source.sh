#!/bin/sh
# Tells where the binary that is built from the source of this action belongs, and a digest of that source: a cache that went
# by Cargo.lock alone would bring back the binary of older code.
#
# Takes GITHUB_ACTION_PATH, RUNNER_TEMP and GITHUB_OUTPUT from the runner.
set -eu

cd "$GITHUB_ACTION_PATH"
digest=$(
    {
        # Another compiler makes another binary. Without one there may still be a binary in the cache.
        rustc --version 2>/dev/null || true
        find . \( -name .git -o -name target \) -prune -o -type f -print | LC_ALL=C sort | while IFS= read -r file; do
            printf '%s\n' "$file"
            cat "$file"
        done
    } | git hash-object --stdin
)
{
    printf 'digest=%s\n' "$digest"
    printf 'root=%s\n' "$RUNNER_TEMP/orgtrail"
} >>"$GITHUB_OUTPUT"
