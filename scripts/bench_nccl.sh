#!/usr/bin/env bash
# The same exchanges by nccl-tests and by this program in turn, chained, on the slowest rank's clock of each iteration.
#
#   scripts/bench_nccl.sh OUTPUT_DIR [RANKS]      (default: 2 ranks, one GPU each)
#
# alltoall_perf over sizes, and alltoallv_perf over matrices of published layers that `moewire sweep` writes. Rounds
# are interleaved, and every other round begins with the other program. Writes machine.txt, a folder a round, and
# nccl.md and nccl.csv: medians, ratios, differences, bandwidths (scripts/bench_nccl.py).
#
#   MOEWIRE      the program                        NCCL_TESTS  folder of scripts/build_nccl_tests.sh
#   EXCHANGE     nccl_send_recv                     MPIRUN      "mpirun --bind-to none"
#   ROUNDS       3                                  ITERATIONS  100, of each size, program and round
#   MIN_BYTES    1024                               MAX_BYTES   1073741824
#   FACTOR       4, from size to size               CASES       "SHAPE/CONTROL ..." of alltoallv
#   PYTHON       python3                            DEVICE      cuda; cpu with EXCHANGE=mpi, where no GPU is
#   ALLOCATOR    nccl; cuda: ours by cudaMalloc
#   CHECK        1; 0: nccl-tests checks no data, writes none, and holds no third buffer: 16 MiB take it a few us less
#   REGISTER     none; local or window: both sides let NCCL use their memory without copies (-R 1, -R 2 of nccl-tests)
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${1:?usage: bench_nccl.sh OUTPUT_DIR [RANKS]}
ranks=${2:-2}
program=${MOEWIRE:-$root/build/release/bin/moewire}
tests=${NCCL_TESTS:-$root/build/nccl-tests}
python=${PYTHON:-python3}
exchange=${EXCHANGE:-nccl_send_recv}
rounds=${ROUNDS:-3}
iterations=${ITERATIONS:-100}
warmups=5
register=${REGISTER:-none}
check=${CHECK:-1}
case $register in
    none) their_registration=0 ;;
    local) their_registration=1 ;;
    window) their_registration=2 ;;
    *) echo "bench_nccl: REGISTER is $register; use none, local or window" >&2; exit 2 ;;
esac
# nccl-tests takes its memory from NCCL as well.
ours_options=(--device cuda --register "$register" --allocator "${ALLOCATOR:-nccl}")
[[ $exchange == mpi && ${DEVICE:-cuda} == cpu ]] && ours_options=()
read -ra mpirun <<<"${MPIRUN:-mpirun --bind-to none}"
least=${MIN_BYTES:-1024}
most=${MAX_BYTES:-1073741824}
factor=${FACTOR:-4}
read -ra cases <<<"${CASES-deepseek-v3-decode/round_robin deepseek-v3-decode/zipf deepseek-v3-prefill/round_robin deepseek-v3-prefill/zipf}"

say() { printf 'bench_nccl: %s\n' "$*" >&2; }
for needed in "$program" "$tests/alltoall_perf" "$tests/alltoallv_perf"; do
    [[ -x $needed ]] || { say "$needed is not there (both sides are measured); build it, or set MOEWIRE and NCCL_TESTS"; exit 3; }
done
failed=0
attempt() { "$@" >>"$output/log.txt" 2>&1 || { say "failed, see $output/log.txt: $*"; failed=1; }; }
on_ranks() { attempt "${mpirun[@]}" -n "$ranks" "$@"; }

# $1: file without ending; $2: the program; the rest: its arguments. The file says everything of the environment: cut.
theirs() {
    local file=$1.theirs.json tool=$2
    shift 2
    rm -f "$file"
    on_ranks "$tests/$tool" -g 1 -I 1 -a 3 -c "$check" -R "$their_registration" -n "$iterations" -w "$warmups" -J "$file" "$@"
    attempt "$python" "$root/scripts/bench_nccl.py" trim "$file"
}
ours() {
    local file=$1.ours.json
    shift
    on_ranks "$program" sweep "${ours_options[@]}" --exchange "$exchange" --cadence chained --iterations "$iterations" --warmups "$warmups" --output "$file" "$@"
}

sizes=$least
for ((size = least * factor; size <= most; size *= factor)); do sizes+=,$size; done

# One turn of one program; $1: folder. One process over all sizes: both move through room for the largest.
turn_of_theirs() {
    local case name bytes
    theirs "$1/alltoall" alltoall_perf -b "$least" -e "$most" -f "$factor"
    for case in "${cases[@]}"; do
        name=${case//[\/:=]/-}
        bytes=$("$python" "$root/scripts/bench_nccl.py" size "$output/$name.txt" "$ranks") || { failed=1; continue; }
        export NCCL_TESTS_ALLTOALLV_MATRIX_FILE=$output/$name.txt
        theirs "$1/alltoallv-$name" alltoallv_perf -b "$bytes" -e "$bytes"
    done
}
turn_of_ours() {
    local case name
    ours "$1/alltoall" --sizes "$sizes"
    for case in "${cases[@]}"; do
        name=${case//[\/:=]/-}
        ours "$1/alltoallv-$name" --matrix "$output/$name.txt"
    done
}

mkdir -p "$output"
output=$(cd "$output" && pwd)
: >"$output/log.txt"
{
    date -u +%FT%TZ
    "$program" --version
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem,power.limit --format=csv
} >"$output/machine.txt" 2>&1
for case in "${cases[@]}"; do
    on_ranks "$program" sweep --exchange mpi --iterations 1 --warmups 0 --shape "${case%%/*}" --control "${case#*/}" --write_matrix "$output/${case//[\/:=]/-}.txt"
done
for ((round = 1; round <= rounds; round++)); do
    folder=$output/round$round
    mkdir -p "$folder"
    if ((round % 2)); then
        turn_of_theirs "$folder"
        turn_of_ours "$folder"
    else
        turn_of_ours "$folder"
        turn_of_theirs "$folder"
    fi
done
"$python" "$root/scripts/bench_nccl.py" join "$output" || failed=1
exit $((failed ? 4 : 0))
