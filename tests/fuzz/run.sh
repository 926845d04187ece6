#!/bin/sh
# Fuzzes the readers of files that others write: tests/fuzz/run.sh SECONDS [HARNESS...]
#
# Each harness runs for SECONDS on one core, guided by coverage, from the fixtures and the kept corpus; an input
# that crashes, reads outside its file, is slow, or is refused in words that help nobody stays in build/fuzz/findings.
# Needs clang-16 and its runtime (Debian: libclang-rt-16-dev). tests/fuzz/run.sh 0 minimises into tests/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?how many seconds for each harness? tests/fuzz/run.sh SECONDS [HARNESS...]}
shift
[ $# -gt 0 ] || set -- safetensors index config tokenizer

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
        build/fuzz/bin/fuzz_"$harness" -merge=1 -max_len=2048 "$kept" "$grown"
        continue
    fi
    build/fuzz/bin/fuzz_"$harness" -max_total_time="$seconds" -max_len=65536 -timeout=30 -rss_limit_mb=2048 \
        -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix=build/fuzz/findings/"$harness"- \
        "$grown" "$kept" "build/fuzz/seeds/$harness" >build/fuzz/"$harness".log 2>&1 || failed=1
    grep -E 'DONE|fuzz:|ERROR|SUMMARY|number_of_executed|peak_rss|slowest' build/fuzz/"$harness".log || true
done
exit $failed
