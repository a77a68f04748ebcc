#!/usr/bin/env bash
# Runs the test files that loom 0.7.3 ships, unchanged, under Lockwright, and prints a row for each file: how many of its tests hold, and which do not.
#
#   tests/loom.sh
#
# The files come from crates.io when it runs; nothing of them is kept. Exit status 1: something else fails than docs/loom-users.md says.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=${LOCKWRIGHT_REGISTRY:-$here/target/registry}/loom-suite
known=' atomic:invalid_unsync_load_relaxed atomic_relaxed:check_ordering_invalid_1 atomic_relaxed:check_ordering_invalid_2
 double_panic_in_drop:double_panic_at_branch_max litmus:store_buffering spec:acq_rel thread_local:drop '

# On one line, each between blanks.
known=" $(echo $known) "

rm -rf "$work"
mkdir -p "$work/probe" "$work/suite"
manifest() { printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\n%s\n[workspace]\n' "$1" "$2"; }
manifest probe 'loom = "=0.7.3"' >"$work/probe/Cargo.toml"
touch "$work/probe/lib.rs" "$work/suite/lib.rs"
source=$(cd "$work/probe" && cargo metadata --format-version 1 2>"$work/probe.log" |
    grep -o '"manifest_path":"[^"]*/loom-0.7.3/Cargo.toml"' | sed 's/.*:"//; s/.Cargo.toml"//')
cp -r "$source/tests" "$work/suite/tests"
chmod -R u+w "$work/suite"
# What those files use beside loom.
manifest suite "loom = { path = \"$here/shims/loom\" }
futures-util = \"0.3\"" >"$work/suite/Cargo.toml"

cd "$work/suite"
export CARGO_TARGET_DIR=${LOCKWRIGHT_REGISTRY:-$here/target/registry}/target-lockwright
RUSTFLAGS='--cfg loom --cap-lints allow' CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_PROFILE_DEV_DEBUG=false cargo test --no-run --tests >"$work/build.log" 2>&1 || {
    tail -n 30 "$work/build.log" >&2
    exit 1
}
failed=''
echo '| file | tests | hold | do not |'
echo '|---|---|---|---|'
for file in tests/*.rs; do
    name=$(basename "$file" .rs)
    program=$(sed -n "s#^ *Executable tests/$name.rs (\(.*\))\$#\1#p" "$work/build.log")
    [ -n "$program" ] || { echo "tests/loom.sh: no program of $name" >&2; failed=1; continue; }
    timeout 600 "$program" --test-threads 1 >"$work/$name.log" 2>&1 || true
    holds=$(grep -c '^test .* \.\.\. ok$\|^test .* - should panic \.\.\. ok$' "$work/$name.log" || true)
    lost=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$work/$name.log" | sed 's/ - should panic//' | paste -sd ' ')
    all=$("$program" --list 2>/dev/null | grep -c ': test$' || true)
    # loom ignores some of its own.
    all=$((all - $(grep -c ' \.\.\. ignored' "$work/$name.log" || true)))
    echo "| $name | $all | $holds | $lost |"
    for test in $lost; do
        case $known in *" $name:$test "*) ;; *) failed=1 ;; esac
    done
    [ "$((holds + $(wc -w <<<"$lost")))" = "$all" ] || { echo "tests/loom.sh: $name did not end: $work/$name.log" >&2; failed=1; }
done
[ -z "$failed" ]
