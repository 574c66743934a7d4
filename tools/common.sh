# shellcheck shell=bash disable=SC2034 # its variables are for those who source it
# tools/common.sh - what the scripts of this folder share.  Sourced by them; goes to the root of the
# repository.  Exit codes are those of sysexits.h: 64 wrong usage, 69 something needed is missing.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where the default build is; MUSTER_BUILD names another folder.
BUILD=${MUSTER_BUILD:-build}
# Compilers and tests at a time; MUSTER_JOBS changes it.
JOBS=${MUSTER_JOBS:-$(nproc 2>/dev/null || echo 2)}

# say TEXT: to people, on stderr; stdout is for results.
say() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
}

# die CODE TEXT
die() {
    say "$2"
    exit "$1"
}

# Prints the comment at the top of the script: its manual.
help() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$SCRIPT"
}

# All files of one or more kinds that git has or would add: files '*.c' '*.h'
files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard -- "$@" | sort -u | existing
    else
        local pattern
        for pattern in "$@"; do
            find . -path './build*' -prune -o -type f -path "./${pattern}" -print
        done | sed 's|^\./||' | sort -u
    fi
}

# Of the names on stdin, those that are files: git lists a deleted one until the next commit.
existing() {
    local name
    while IFS= read -r name; do
        [[ -f $name ]] && printf '%s\n' "$name"
    done
    return 0
}
