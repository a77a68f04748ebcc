#!/usr/bin/env bash
# Runs the loom tests of published crates under loom 0.7 and under Lockwright, and prints a table: what each does within the same time.
#
#   tests/registry.sh                        all crates, 60 CPU seconds a test and side
#   tests/registry.sh --limit 10             another limit
#   tests/registry.sh --only oneshot         one crate (or an older release of it: --only oneshot-0.1.11)
#   tests/registry.sh --side lockwright      one side alone: loom or lockwright
#   tests/registry.sh --list                 what would be run
#
# The crates come from crates.io when it runs; nothing of them is kept. What is changed in each: its dependency on loom is met by
# shims/loom (a `[patch]`), and for loom 0.5 the version in its manifest is raised to 0.7, on both sides. Development dependencies that the
# loom tests do not use (criterion, proptest, other runtimes) are left out, on both sides, as they would be compiled for nothing.
# The loom beside it is 0.7.3 with one line changed: it prints how many executions a model had.
#
# A test of an older release that stands for a known bug is one of the last rows: there something has to be found.
# Exit status 1: a test that passes under loom fails under Lockwright, or a known bug was not found.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=${LOCKWRIGHT_REGISTRY:-$here/target/registry}
limit=60 only='' sides='loom lockwright' list=''
while [ $# -gt 0 ]; do
    case $1 in
    --limit) limit=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --side) sides=$2; shift 2 ;;
    --list) list=1; shift ;;
    *) echo "registry.sh: $1 is no option" >&2; exit 2 ;;
    esac
done

# Crate, release, arguments of cargo test, the tests (a pattern), development dependencies that are left out.
crates='
concurrent-queue 2.5.0  --features=loom,--test=loom            .               criterion,easy-parallel,fastrand
event-listener   5.4.2  --features=loom,--test=loom            .               criterion,critical-section,futures-lite,try-lock
parking          2.2.1  --features=loom,--test=loom            .               easy-parallel
oneshot          0.1.13 --features=loom,std,async,--test=loom  .               async-std,tokio
left-right       0.11.8 --test=loom                            .               -
haphazard        0.1.8  --test=loom                            .               criterion
sharded-slab     0.1.7  --features=loom,--lib                  loom            criterion,indexmap,memory-stats,slab
thingbuf         0.1.6  --lib                                  .               tokio
cordyceps        0.3.5  --lib                                  loom            proptest
diatomic-waker   0.2.3  --lib                                  loom            -
async-event      0.2.1  --lib                                  loom            tokio
multishot        0.3.2  --lib                                  loom            -
st3              0.4.1  --lib                                  loom            criterion,crossbeam-deque,num_cpus,oorandom
maitake-sync     0.2.2  --lib                                  loom            -
saa              5.6.2  --features=loom,--lib                  models          criterion
sdd              4.8.11 --features=loom,--lib                  models          criterion
scc              3.8.8  --features=loom,--lib                  models          criterion,proptest
tokio            1.54.1 --features=full,test-util,--lib        sync::.*loom_   mockall
'
flags='--cfg loom --cfg async_event_loom --cfg diatomic_waker_loom --cfg multishot_loom --cfg oneshot_loom --cfg st3_loom -Awarnings'

# Every release of a crate that is wanted lands in cargo's own store of sources.
source_of() {
    local crate=$1 release=$2 probe=$work/probe/$1-$2
    mkdir -p "$probe"
    printf '[package]\nname = "probe"\nversion = "0.0.0"\n[lib]\npath = "lib.rs"\n[dependencies]\n%s = "=%s"\n[workspace]\n' \
        "$crate" "$release" >"$probe/Cargo.toml"
    touch "$probe/lib.rs"
    (cd "$probe" && cargo metadata --format-version 1 2>/dev/null) | grep -o "\"manifest_path\":\"[^\"]*/$crate-$release/Cargo.toml\"" |
        head -1 | sed 's/.*:"//; s/.Cargo.toml"//'
}

# A copy of loom that prints how many executions a model had.
counting_loom() {
    rm -rf "$work/loom-0.7.3"
    cp -r "$(source_of loom 0.7.3)" "$work/loom-0.7.3"
    chmod -R u+w "$work/loom-0.7.3"
    sed -i 's/info!(parent: None, "Completed in {} iterations", i - 1);/println!("loom: ended after {}", i - 1);/
        s/^ *info!(parent: None, "");$//; s/if i % self.checkpoint_interval == 0 {/&println!("loom: at {i}");/' "$work/loom-0.7.3/src/model.rs"
}

# Copies a crate to a side, with its one line changed.
prepare() {
    local side=$1 crate=$2 release=$3 dropped=$4 to
    to=$work/$side/$crate-$release
    rm -rf "$to"
    mkdir -p "$work/$side"
    cp -r "$(source_of "$crate" "$release")" "$to"
    chmod -R u+w "$to"
    rm -f "$to/Cargo.lock"
    awk -v dropped=",$dropped," '
        /^\[/ {
            name = $0; sub(/^.*dev-dependencies\./, "", name); sub(/\].*$/, "", name)
            skip = $0 == "[[bench]]" || ($0 ~ /dev-dependencies\./ && index(dropped, "," name ","))
        }
        /^\[.*dependencies\.loom\]/ { in_loom = 1 } /^\[/ && !/dependencies\.loom\]/ { in_loom = 0 }
        in_loom && /^version = "0\.5/ { $0 = "version = \"0.7\"" }
        !skip { print }' "$to/Cargo.toml" >"$to/Cargo.toml.new"
    mv "$to/Cargo.toml.new" "$to/Cargo.toml"
    local shim=$here/shims/loom
    [ "$side" = loom ] && shim=$work/loom-0.7.3
    printf '\n[patch.crates-io]\nloom = { path = "%s" }\n[workspace]\n' "$shim" >>"$to/Cargo.toml"
}

# Builds the tests of a crate on a side, and prints the program.
build() {
    local side=$1 crate=$2 release=$3 arguments=${4//,--/ --}
    # shellcheck disable=SC2086
    (cd "$work/$side/$crate-$release" && RUSTFLAGS=$flags CARGO_TARGET_DIR=$work/target-$side CARGO_PROFILE_DEV_OPT_LEVEL=2 \
        CARGO_PROFILE_DEV_DEBUG=false cargo test --no-run $arguments 2>&1) | tee "$work/build.log" |
        sed -n 's/^ *Executable .*(\(.*\))$/\1/p' | tail -1
}

# Runs a test: CPU seconds, exit status, and what it printed in $work/out.
run() {
    local program=$1 test=$2 folder=$3
    TIMEFORMAT='%U'
    { time (
        cd "$folder"
        ulimit -t "$limit"
        RUST_BACKTRACE=0 timeout $((limit * 6)) "$program" --exact "$test" --nocapture --test-threads=1 >"$work/out" 2>&1
        echo $? >"$work/status"
    ) 2>"$work/killed" || echo 152 >"$work/status"; } 2>"$work/seconds" || true
}
