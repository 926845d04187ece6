#!/bin/sh
# Fuzzes the readers of files that others write: tests/fuzz/run.sh SECONDS [HARNESS...]
#
# Each harness runs for SECONDS on one core, guided by coverage, from the fixtures and the kept corpus; an input
# that crashes, reads outside its file, is slow, or is refused in words that help nobody stays in build/fuzz/findings.
# Needs clang-16 and its runtime (Debian: libclang-rt-16-dev). tests/fuzz/run.sh 0 adds to tests/fuzz/corpus what covers
# more than it does; the ordinary build replays that (tests/fuzz/replay_test.cpp).
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?how many seconds for each harness? tests/fuzz/run.sh SECONDS [HARNESS...]}
shift
[ $# -gt 0 ] || set -- safetensors index config tokenizer matrix

[ -f build/fuzz/build.ninja ] || cmake --preset fuzz
cmake --build --preset fuzz
python3 tests/fuzz/make_seeds.py build/fuzz/seeds
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0:max_allocation_size_mb=1024
export UBSAN_OPTIONS=print_stacktrace=1
failed=0
for harness; do
    grown=build/fuzz/corpus/$harness
    kept=tests/fuzz/corpus/$harness
    mkdir -p "$grown" "$kept" build/fuzz/findings
    if [ "$seconds" = 0 ]; then
        most_bytes=400
        [ "$harness" = tokenizer ] && most_bytes=1150  # the least that a whole one takes
        build/fuzz/bin/fuzz_"$harness" -set_cover_merge=1 -use_counters=0 -max_len=$most_bytes "$kept" "$grown" \
            "build/fuzz/seeds/$harness" 2>build/fuzz/"$harness"-merge.log
        continue
    fi
    build/fuzz/bin/fuzz_"$harness" -max_total_time="$seconds" -max_len=8192 -timeout=120 -rss_limit_mb=2048 \
        -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix=build/fuzz/findings/"$harness"- \
        "$grown" "$kept" "build/fuzz/seeds/$harness" >build/fuzz/"$harness".log 2>&1 || failed=1
    grep -E 'DONE|fuzz:|ERROR|SUMMARY|number_of_executed|peak_rss|slowest' build/fuzz/"$harness".log || true
done
exit $failed
