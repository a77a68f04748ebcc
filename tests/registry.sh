#!/usr/bin/env bash
# Runs the loom tests of published crates under loom 0.7 and under Lockwright, and prints a table: what each does within the same time.
#
#   tests/registry.sh                        all crates, 60 CPU seconds a test and side
#   tests/registry.sh --limit 10             another limit
#   tests/registry.sh --crate-limit 600      seconds by the clock for the tests of a crate; 1 800 if not said. Its build has an hour a side
#   tests/registry.sh --only oneshot,st3     some crates (or an older release: --only oneshot-0.1.10)
#   tests/registry.sh --side lockwright      one side alone: loom or lockwright
#   tests/registry.sh --list                 what would be run
#
# The crates come from crates.io when it runs; nothing of them is kept. What is changed in each: its dependency on loom is met by
# shims/loom (a `[patch]`), and for loom 0.5 the version in its manifest is raised to 0.7, on both sides. Development dependencies that the
# loom tests do not use (criterion, proptest, other runtimes) are left out, on both sides, as they would be compiled for nothing.
# The loom beside it is 0.7.3 with one line changed: it prints how many executions a model had.
#
# The last rows are releases before a fix, with the tests of the release that has it, or with one from tests/registry/: there something has to
# be found. A crate that does not build, and tests that its time did not suffice for, have a row that says so.
# Exit status 1: a test that passes under loom fails under Lockwright (and is not in the list of those that docs/loom-users.md explains), a
# known bug was not found, or a crate builds with loom alone.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=${LOCKWRIGHT_REGISTRY:-$here/target/registry}
limit=60 crate_limit=1800 only='' sides='loom lockwright' list=''
while [ $# -gt 0 ]; do
    case $1 in
    --limit) limit=$2; shift 2 ;;
    --crate-limit) crate_limit=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --side) sides=$2; shift 2 ;;
    --list) list=1; shift ;;
    *) echo "registry.sh: $1 is no option" >&2; exit 2 ;;
    esac
done

# Crate, release, arguments of cargo test, the tests (a pattern), development dependencies that are left out.
crates='
concurrent-queue 2.5.0  --features=loom,--test=loom           .             criterion,easy-parallel,fastrand
event-listener   5.4.2  --features=loom,--test=loom           .             criterion
parking          2.2.1  --features=loom,--test=loom           .             easy-parallel
oneshot          0.1.13 --features=loom+std+async,--test=loom .             async-std,tokio
left-right       0.11.8 --test=loom                           .             -
haphazard        0.1.8  --test=loom                           .             criterion
diatomic-waker   0.2.3  --lib                                 loom          -
async-event      0.2.1  --lib                                 loom          tokio
multishot        0.3.2  --lib                                 loom          -
st3              0.4.1  --test=integration                    loom          criterion,crossbeam-deque,num_cpus,oorandom
cordyceps        0.3.5  --lib                                 loom          proptest
thingbuf         0.1.6  --lib                                 .             tokio
sharded-slab     0.1.7  --features=loom,--lib                 loom          criterion
saa              5.6.2  --features=loom,--lib                 models        criterion
sdd              4.8.11 --features=loom,--lib                 models        criterion
scc              3.8.8  --features=loom,--lib                 models        criterion
maitake-sync     0.2.2  --lib                                 loom          -
tokio            1.54.1 --features=full+test-util,--lib       sync::.*loom_ mockall
'
# A release before a fix, the same, and the release whose tests show the bug, with the folder that has them; or a file of tests/registry/, and
# the file that it is added to.
known='
oneshot          0.1.10 --features=loom+std+async,--test=loom poll_then_drop_receiver_during_send async-std,tokio 0.1.11 tests
oneshot          0.1.4  --features=std+async,--test=loom      poll_then_try_recv_while_sending     async-std,tokio,criterion 0.1.5  tests
thingbuf         0.1.5  --lib                                 full_although_a_slot_is_held         tokio           thingbuf.rs src/mpsc/tests/mpsc_blocking.rs
'
# What fails here and passes under loom, each explained in docs/loom-users.md: a timeout by the real clock.
explained=' oneshot:send_recv_different_threads '
flags='--cfg loom --cfg async_event_loom --cfg diatomic_waker_loom --cfg multishot_loom --cfg oneshot_loom --cfg st3_loom -Awarnings'

# Where the source of a release is: cargo has put it there.
source_of() {
    local crate=$1 release=$2 probe=$work/probe/$1-$2-probe
    mkdir -p "$probe"
    printf '[package]\nname = "probe"\nversion = "0.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[dependencies]\n%s = "=%s"\n[workspace]\n' \
        "$crate" "$release" >"$probe/Cargo.toml"
    touch "$probe/lib.rs"
    (cd "$probe" && cargo metadata --format-version 1 2>"$work/probe.log") |
        grep -o "\"manifest_path\":\"[^\"]*/$crate-$release/Cargo.toml\"" | head -n 1 | sed 's/.*:"//; s/.Cargo.toml"//'
}

# A copy of loom that prints how many executions a model had.
counting_loom() {
    rm -rf "$work/loom-0.7.3"
    cp -r "$(source_of loom 0.7.3)" "$work/loom-0.7.3"
    chmod -R u+w "$work/loom-0.7.3"
    # The tests of one release may use what its own manifest does not ask for.
    sed -i 's/^default = \[\]$/default = ["futures"]/' "$work/loom-0.7.3/Cargo.toml"
    sed -i 's/info!(parent: None, "Completed in {} iterations", i - 1);/println!("loom: ended after {}", i - 1);/
        s/if i % self.checkpoint_interval == 0 {/&println!("loom: at {i}");/' "$work/loom-0.7.3/src/model.rs"
}

# Copies a crate to a side, with its one line changed.
prepare() {
    local side=$1 crate=$2 release=$3 dropped=$4 to=$work/$1/$2-$3 shim=$here/shims/loom
    rm -rf "$to"
    mkdir -p "$work/$side"
    cp -r "$(source_of "$crate" "$release")" "$to"
    chmod -R u+w "$to"
    rm -f "$to/Cargo.lock"
    awk -v dropped=",$dropped," '
        /^\[/ {
            name = $0; sub(/^.*dev-dependencies\./, "", name); sub(/\].*$/, "", name)
            skip = $0 == "[[bench]]" || ($0 ~ /dev-dependencies\./ && index(dropped, "," name ","))
            in_loom = $0 ~ /dependencies\.loom\]/
        }
        in_loom && /^version = "0\.5/ { $0 = "version = \"0.7\"" }
        !skip { print }' "$to/Cargo.toml" >"$to/Cargo.toml.new"
    mv "$to/Cargo.toml.new" "$to/Cargo.toml"
    [ "$side" = loom ] && shim=$work/loom-0.7.3
    printf '\n[patch.crates-io]\nloom = { path = "%s" }\n' "$shim" >>"$to/Cargo.toml"
    grep -q '^\[workspace\]' "$to/Cargo.toml" || echo '[workspace]' >>"$to/Cargo.toml"
}

# Builds the tests of a crate on a side, and prints the program.
build() {
    local arguments=${4//,/ }
    # shellcheck disable=SC2086
    (cd "$work/$1/$2-$3" && RUSTFLAGS=$flags CARGO_TARGET_DIR=$work/target-$1 CARGO_PROFILE_DEV_OPT_LEVEL=2 \
        CARGO_PROFILE_DEV_DEBUG=false timeout 3600 cargo test --no-run ${arguments//+/,} 2>&1) | tee "$work/build-$1-$2-$3.log" |
        sed -n 's/^ *Executable .*(\(.*\))$/\1/p' | tail -n 1
}

# Runs a test: `executions seconds verdict`, `states executions seconds verdict` for Lockwright.
TIMEFORMAT='%U %S'
run() {
    local side=$1 program=$2 folder=$3 test=$4 status=0 out=$work/out-$1 seconds verdict patience=''
    # loom would stop at that time and say nothing.
    [ "$side" = loom ] || patience="LOOM_MAX_DURATION=$((limit * 30))"
    { time timeout $((limit * 30)) bash -c "cd '$folder'; ulimit -t $limit
        exec env $patience RUST_BACKTRACE=0 '$program' --exact '$test' --nocapture" \
        >"$out" 2>&1 </dev/null; } 2>"$work/seconds-$side" || status=$?
    seconds=$(tail -n 1 "$work/seconds-$side" | awk '{ print $1 + $2 }')
    if [ "$side" = loom ]; then
        case $status in 0) verdict=passes ;; 101) verdict=fails ;; *) verdict='not ended' ;; esac
        awk -v s="$seconds" -v v="$verdict" '/^loom: ended after/ { n += $4; at = 0 } /^loom: at/ { at = $3 }
            END { printf "%s%d\t%s\t%s\n", v == "not ended" ? "> " : "", n + at, s, v }' "$out"
        return
    fi
    case $status in
    0 | 101) ;;
    # A destructor panics while its thread unwinds: the process is aborted after it has said so.
    134) printf -- '-\t-\t%s\t%s\n' "$seconds" "$(grep -q '^LW011 ' "$out" && echo 'LW011, aborted' || echo aborted)"; return ;;
    *) printf -- '-\t-\t%s\tnot ended\n' "$seconds"; return ;;
    esac
    # A page for each model of the test: its last line has the counts, and what is found stands in the panic's first line.
    awk -v s="$seconds" -v status="$status" '
        /^(IN)?COMPLETE.*(states|execution)/ && !seen[$0]++ {
            for (i = 2; i <= NF; i++) { if ($i ~ /^states?,/) states += $(i - 1); if ($i ~ /^executions?,/) runs += $(i - 1) }
            if (/^COMPLETE/) whole++; else if (bound == "" && match($0, /\([^)]*\)/)) bound = substr($0, RSTART + 1, RLENGTH - 2)
        }
        /hidden state/ && error == "" { error = "error: hidden state" }
        /^LW[0-9][0-9][0-9] / && found == "" && !/again:/ { found = substr($1, 1, 5) }
        END {
            v = error != "" ? error : found != "" ? found : bound != "" ? "INCOMPLETE (" bound ")" : whole ? "COMPLETE" : "fails"
            if (status == 101 && found == "" && error == "" && bound == "") v = "fails"
            if (status == 0 && v == "fails") v = "no model in it"
            printf "%d\t%d\t%s\t%s\n", states, runs, s, v
        }' "$out"
}

# All tests of a crate on all sides, as rows of the table.
rows() {
    local crate=$1 release=$2 arguments=$3 pattern=$4 dropped=$5 side program test of_loom ours tests='' until left
    declare -A programs=()
    for side in $sides; do
        prepare "$side" "$crate" "$release" "$dropped"
        [ -n "${6:-}" ] && add_tests "$work/$side/$crate-$release" "$crate" "$6" "$7"
        program=$(build "$side" "$crate" "$release" "$arguments") || program=''
        if [ -z "$program" ]; then
            echo "registry.sh: $crate $release does not build with $side: $work/build-$side-$crate-$release.log" >&2
            printf '| %s %s | | | | | | | | does not build with %s |\n' "$crate" "$release" "$side"
            [ "$side" = loom ] || failed=1
            return
        fi
        programs[$side]=$program
        tests=$("$program" --list 2>/dev/null | sed -n 's/: test$//p' | grep -E "$pattern")
    done
    until=$((SECONDS + crate_limit)) left=$(wc -w <<<"$tests")
    for test in $tests; do
        if [ "$SECONDS" -ge "$until" ]; then
            printf '| %s %s | %s tests more | | | | | | | not run: %s s were over |\n' "$crate" "$release" "$left" "$crate_limit"
            return
        fi
        left=$((left - 1))
        of_loom=$'\t\t' ours=$'\t\t\t'
        for side in $sides; do
            folder=$work/$side/$crate-$release
            case $side in
            loom) of_loom=$(run loom "${programs[loom]}" "$folder" "$test") ;;
            *) ours=$(run lockwright "${programs[lockwright]}" "$folder" "$test") ;;
            esac
        done
        printf '| %s %s | %s | %s | %s |\n' "$crate" "$release" "$test" "${of_loom//$'\t'/ | }" "${ours//$'\t'/ | }"
        case ${6:-}$explained in
        *" $crate:$test "*) ;;
        ' '*) case $of_loom$ours in *passes*LW* | *passes*error* | *passes*fails* | *passes*aborted*) failed=1 ;; esac ;;
        *) case $ours in *LW*) found=1 ;; esac ;;
        esac
    done
}

# The tests that show a bug: a folder of the release that has the fix, or a file of ours whose text comes after that of a file of the crate.
add_tests() {
    local to=$1 crate=$2 from=$3 folder=$4
    case $from in
    *.rs) cat "$here/tests/registry/$from" >>"$to/$folder" ;;
    *) rm -rf "${to:?}/$folder" && cp -r "$(source_of "$crate" "$from")/$folder" "$to/$folder" ;;
    esac
}

is_wanted() {
    case ,${only:-$crate}, in *",$crate,"* | *",$crate-$release,"*) return 0 ;; *) return 1 ;; esac
}

failed='' found=''
if [ -n "$list" ]; then
    echo "$crates$known" | awk 'NF { print $1, $2, $3, $4 }'
    exit
fi
mkdir -p "$work"
case $sides in *loom*) counting_loom ;; esac
echo '| crate | test | loom: executions | s | verdict | Lockwright: states | executions | s | verdict |'
echo '|---|---|---|---|---|---|---|---|---|'
while read -r crate rest; do
    read -r release _ <<<"$rest"
    is_wanted || continue
    # shellcheck disable=SC2086
    rows "$crate" $rest </dev/null
done < <(echo "$crates" | grep .)
while read -r crate rest; do
    read -r release _ <<<"$rest"
    is_wanted || continue
    found=''
    # shellcheck disable=SC2086
    rows "$crate" $rest </dev/null
    if [ -z "$found" ]; then
        echo "registry.sh: the known bug of $crate $release is not found" >&2
        failed=1
    fi
done < <(echo "$known" | grep .)
[ -z "$failed" ]
