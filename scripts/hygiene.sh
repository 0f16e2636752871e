#!/bin/sh
# Dependencies: licences, sources, known vulnerabilities, and none that nothing uses.
#
#   scripts/hygiene.sh              installs what is missing (cargo-deny takes minutes to build)
#   scripts/hygiene.sh installed    uses what is there, and says what was not checked
#
# The vulnerabilities are listed in a repository on GitHub, which cannot be reached from everywhere.
set -u
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
only_installed=${1:-}

not_checked() { echo "NOT CHECKED: $*" >&2; }

# True if `cargo TOOL` can be run.
has() {
    $cargo "$1" --version >/dev/null 2>&1 && return 0
    [ -z "$only_installed" ] || return 1
    echo "hygiene: installing cargo-$1"
    $cargo install --locked "cargo-$1"
}

failed=
if has machete; then
    $cargo machete --skip-target-dir . || failed=yes
else
    not_checked "unused dependencies: cargo-machete is not installed (make hygiene installs it)"
fi
if has deny; then
    $cargo deny --log-level error check licenses bans sources || failed=yes
    if [ -z "$only_installed" ]; then
        if timeout 120 "$cargo" deny --log-level error fetch db >/dev/null 2>&1; then
            $cargo deny --log-level error check advisories || failed=yes
        else
            not_checked "known vulnerabilities: their list could not be fetched from GitHub"
        fi
    fi
else
    not_checked "licences and sources of dependencies: cargo-deny is not installed (make hygiene installs it)"
fi
[ -z "$failed" ]
