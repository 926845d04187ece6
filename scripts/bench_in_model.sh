#!/usr/bin/env bash
# Every placement and replication inside the forward pass, between GPUs: published geometries and trained models.
#
#   scripts/bench_in_model.sh OUTPUT_DIR [RANKS]      (default: 2 ranks, one GPU each)
#
# Two shapes a model: prefill (4096 tokens a rank) and decode (128 tokens a rank, four batches in a row, so that plans can
# follow the load). Leaves OUTPUT_DIR/MODEL-SHAPE.h5, the log of each, and report/: one page and table over all of them.
#
#   MOEWIRE      the program                        MPIRUN      "mpirun --bind-to none"
#   MODELS       "NAME[@LAYERS] ...": of geometries (synth:) their first so many layers
#   ITERATIONS   200                                STRATEGIES  all
#   TRANSPORT    nccl_send_recv                     DEVICE      cuda; cpu with TRANSPORT=mpi, where no GPU is
#   DATASET      drama                              PREFILL, DECODE  4096, 128: tokens a rank
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${1:?usage: bench_in_model.sh OUTPUT_DIR [RANKS]}
ranks=${2:-2}
program=${MOEWIRE:-$root/build/release/bin/moewire}
read -ra mpirun <<<"${MPIRUN:-mpirun --bind-to none}"
read -ra models <<<"${MODELS:-synth:olmoe-1b-7b@4 synth:qwen3-30b-a3b@4 synth:phi-3.5-moe@4 tiny-phimoe}"

say() { printf 'bench_in_model: %s\n' "$*" >&2; }
[[ -x $program ]] || { say "$program is not there; build it, or set MOEWIRE"; exit 3; }
mkdir -p "$output"
output=$(cd "$output" && pwd)
failed=0
traces=()

measure() { # $1: model[@layers], $2: shape, the rest: options
    local name=${1%@*} shape=$2 layers=${1##*@} file
    local options=(--model "$name")
    [[ $1 == *@* ]] && options+=(--layers "$layers" --router_skew 0.5)
    file=$(basename "${name#synth:}")-$shape
    shift 2
    if "${mpirun[@]}" -n "$ranks" "$program" measure "${options[@]}" --device "${DEVICE:-cuda}" --dtype bfloat16 --mode in_model \
        --transport "${TRANSPORT:-nccl_send_recv}" --dataset "${DATASET:-drama}" --strategies "${STRATEGIES:-all}" --twin \
        --iterations "${ITERATIONS:-200}" --overwrite --output "$output/$file.h5" "$@" >"$output/$file.txt" 2>&1; then
        traces+=("$output/$file.h5")
    else
        say "failed: $file, see $output/$file.txt"
        failed=1
    fi
}

for model in "${models[@]}"; do
    measure "$model" prefill --tokens_per_rank "${PREFILL:-4096}"
    measure "$model" decode --tokens_per_rank "${DECODE:-128}" --window 128 --batches 4
done
((${#traces[@]})) && { "$program" report "${traces[@]}" --output "$output/report" >"$output/report.txt" 2>&1 || failed=1; }
exit $((failed ? 4 : 0))
