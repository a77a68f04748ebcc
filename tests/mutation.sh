#!/bin/sh
# Changes the files of the new design one line at a time, and looks which changes the tests do not notice. Takes hours; not for CI.
#
#   tests/mutation.sh                                          all files
#   tests/mutation.sh --file src/lease/spinlock/list.rs        one file
#   tests/mutation.sh --shard 0/8                              an eighth of them
#   tests/mutation.sh --list                                   what would be changed
#
# A changed design is held against the matrix and against all generated scenarios of a size: LOCKWRIGHT_ALL=2x1 by default, as 2x2 takes
# minutes for each change. What survives is in mutants.out/missed.txt: docs/mutants.md has the survivors that are argued to be
# equivalent. One that is not there is a bug that no check or no scenario knows.
set -eu
cd "$(dirname "$0")/.."

cargo mutants --version >/dev/null 2>&1 || cargo install --locked cargo-mutants

case " $* " in
*" --file "* | *" -f "*) files="" ;;
*) files="--file src/lease/spinlock.rs --file src/lease/spinlock/break_lease.rs --file src/lease/spinlock/list.rs --file src/lease/spinlock/remote.rs" ;;
esac

# shellcheck disable=SC2086
LOCKWRIGHT_ALL="${LOCKWRIGHT_ALL:-2x1}" exec cargo mutants $files --timeout 1800 "$@" \
    -- --test suite -- lease:: answers:: cluster:: recalls:: outwait:: history:: expectations:: all::
