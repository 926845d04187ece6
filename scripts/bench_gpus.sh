#!/usr/bin/env bash
# All that one visit to a machine of several GPUs is for, in steps: each can be a command of its own with a time limit.
#
#   scripts/bench_gpus.sh OUTPUT_DIR [STEP...]      (default: tests carried calibrate heldout scaling nccl models trained watching late)
#
#   tests      gpu_tests, and gpu_ranks_tests on all ranks
#   carried    exchanges predicted by the calibration of another machine or of fewer ranks, then measured (CARRIED)
#   calibrate  this machine, eager and in a graph
#   heldout    the same exchanges, predicted by that calibration
#   scaling    every strategy among 2, 4, ... ranks, and what each gains over contiguous, measured and predicted
#   nccl       the same exchanges by nccl-tests (scripts/bench_nccl.sh)
#   models     every placement and replication inside forward passes (scripts/bench_in_model.sh)
#   trained    the same for trained models and their arms (TRAINED)
#   watching   what stamps, permutations and weighted sums add to a forward pass, by tokens a rank (WATCHED)
#   late       ranks that are late by 50, 250 and 1000 us, one that is killed and one that is stopped: what is said of them
#
#   MOEWIRE     the program                          RANKS      as many as there are GPUs
#   MPIRUN      "mpirun --bind-to none"              DEVICE     cuda; cpu with TRANSPORT=mpi, to rehearse where no GPU is
#   TRANSPORT   nccl_send_recv                       DTYPE      bfloat16
#   CARRIED     folder with eager.toml and graph.toml of an earlier visit
#   TRAINED     "FOLDER ...": models to be loaded    TEXT       drama
#   ITERATIONS  30, of each case                     SHAPES     "96 640 1504", tokens a rank of exchanges that no probe saw
#   GEOMETRIES  "olmoe-1b-7b qwen3-30b-a3b phi-3.5-moe mixtral-8x7b" of `scaling`
#   WATCHED     "32 64 128 1024 4096" of `watching`   WATCHED_MODEL  of `watching` and `late`; four layers of OLMoE's geometry
#   STEP_LIMIT  560 s for each step                  CALIBRATION_ITERATIONS  20, of each probe in each of four series
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
output=${1:?usage: bench_gpus.sh OUTPUT_DIR [STEP...]}
shift
steps=("$@")
((${#steps[@]})) || steps=(tests carried calibrate heldout scaling nccl models trained watching late)
program=${MOEWIRE:-$root/build/release/bin/moewire}
device=${DEVICE:-cuda}
text=${TEXT:-drama}
iterations=${ITERATIONS:-30}
limit_s=${STEP_LIMIT:-560}
read -ra mpirun <<<"${MPIRUN:-mpirun --bind-to none}"
read -ra shapes <<<"${SHAPES:-96 640 1504}"
read -ra geometries <<<"${GEOMETRIES:-olmoe-1b-7b qwen3-30b-a3b phi-3.5-moe mixtral-8x7b}"
read -ra trained <<<"${TRAINED:-}"
python=${MOEWIRE_PYTHON:-python3}
controls=control:zipf:exponent=0.7,control:zipf:exponent=1.3,control:hot_rank,control:one_hot,control:gini
launches=(eager graph)
[[ $device == cuda ]] || launches=(eager)

say() { printf 'bench_gpus: %s\n' "$*" >&2; }
[[ -x $program ]] || { say "$program is not there; build it, or set MOEWIRE"; exit 3; }
ranks=${RANKS:-}
if [[ -z $ranks ]]; then
    ranks=$(nvidia-smi --list-gpus 2>/dev/null | wc -l)
    ((ranks > 0)) || { say "no GPU is listed by nvidia-smi; set RANKS (and DEVICE=cpu TRANSPORT=mpi to rehearse)"; exit 3; }
fi
mkdir -p "$output"
output=$(cd "$output" && pwd)
failed=0

# What is left of a step's time: a command that takes longer is ended, and without any none is begun.
left() { echo $((began + limit_s - SECONDS)); }
attempt() { # $1: log; the rest: a command
    local log=$1
    shift
    (($(left) > 5)) || { say "no time left: $*"; failed=1; return 1; }
    timeout --kill-after 10 "$(left)" "$@" >"$log" 2>&1 || { say "failed, see $log"; failed=1; return 1; }
}
on() { # $1: ranks, $2: log; the rest: a command of the program
    local count=$1 log=$2
    shift 2
    attempt "$log" "${mpirun[@]}" -n "$count" "$program" "$@"
}
shared=(--device "$device" --transport "${TRANSPORT:-nccl_send_recv}")

# $1: folder, $2: launch, $3: calibration; the rest: more options
exchanges() {
    local folder=$1 launch=$2 calibration=$3 cadence=isolated tokens traces=()
    shift 3
    [[ $launch == eager ]] || cadence=chained
    mkdir -p "$folder"
    for tokens in "${shapes[@]}"; do
        on "$ranks" "$folder/$launch-$tokens.txt" measure "${shared[@]}" --dtype "${DTYPE:-bfloat16}" --model synth:olmoe-1b-7b --layers 2 \
            --router_skew 0.5 --launch "$launch" --cadence "$cadence" --calibration "$calibration" --window 32 --tokens_per_rank "$tokens" \
            --dataset "$text,$controls" --plan_dataset "$text" --strategies contiguous,round_robin,eplb_pack,random,eplb_replicated \
            --iterations "$iterations" --overwrite --output "$folder/$launch-$tokens.h5" "$@" && traces+=("$folder/$launch-$tokens.h5")
    done
    ((${#traces[@]})) || return
    attempt "$folder/compare_$launch.txt" "$program" compare "${traces[@]}" --calibration "$calibration" --output "$folder/$launch" --no_plots
}

step_tests() {
    local folder
    folder=$(dirname "$program")
    attempt "$output/gpu_tests.txt" "$folder/gpu_tests"
    attempt "$output/gpu_ranks_tests.txt" "${mpirun[@]}" -n "$ranks" "$folder/gpu_ranks_tests"
}
step_carried() {
    [[ -n ${CARRIED:-} ]] || { say "nothing is carried over: CARRIED is not set"; return; }
    for launch in "${launches[@]}"; do exchanges "$output/carried" "$launch" "$CARRIED/$launch.toml" --transfer; done
}
step_calibrate() {
    mkdir -p "$output/calibration"
    for launch in "${launches[@]}"; do
        on "$ranks" "$output/calibration/$launch.txt" calibrate "${shared[@]}" --launch "$launch" --iterations "${CALIBRATION_ITERATIONS:-20}" \
            ${MOST_BYTES:+--most_bytes "$MOST_BYTES"} --output "$output/calibration/$launch.toml"
    done
}
step_heldout() {
    for launch in "${launches[@]}"; do exchanges "$output/heldout" "$launch" "$output/calibration/$launch.toml"; done
}
step_scaling() {
    local carried=${CARRIED:-$output/calibration}/eager.toml count model traces=()
    mkdir -p "$output/scaling"
    for model in "${geometries[@]}"; do
        for ((count = 2; count <= ranks; count *= 2)); do
            on "$count" "$output/scaling/$model-$count.txt" measure "${shared[@]}" --dtype "${DTYPE:-bfloat16}" --model "synth:$model" --layers 2 \
                --router_skew 0.5 --calibration "$carried" --transfer --window 32 --tokens_per_rank "${SCALING_TOKENS:-1024}" --dataset "$text" \
                --strategies all --iterations "$iterations" --overwrite --output "$output/scaling/$model-$count.h5" &&
                traces+=("$output/scaling/$model-$count.h5")
        done
    done
    ((${#traces[@]})) && attempt "$output/scaling/scaling.md" "$python" "$root/scripts/scaling_table.py" "${traces[@]}"
}
step_nccl() {
    ROUNDS=${ROUNDS:-3} MOEWIRE=$program attempt "$output/nccl.txt" "$root/scripts/bench_nccl.sh" "$output/nccl" "$ranks"
}
in_models() { # $1: folder, $2: models
    local traces
    MODELS=$2 MOEWIRE=$program DATASET=$text DEVICE=$device attempt "$1.txt" "$root/scripts/bench_in_model.sh" "$1" "$ranks"
    # What was cut off by the limit says what it has.
    traces=("$1"/*.h5)
    [[ -e $1/report/report.md || ! -e ${traces[0]} ]] || "$program" report "${traces[@]}" --output "$1/report" >"$1/report.txt" 2>&1
}
step_models() { in_models "$output/models" "${MODELS:-synth:olmoe-1b-7b@2 synth:qwen3-30b-a3b@2 synth:phi-3.5-moe@2 synth:mixtral-8x7b@2}"; }
step_trained() {
    ((${#trained[@]})) || { say "no trained models: TRAINED is not set"; return; }
    in_models "$output/trained" "${trained[*]}"
}
one_model=("${shared[@]}" --dtype "${DTYPE:-bfloat16}" --model "${WATCHED_MODEL:-synth:olmoe-1b-7b}" --dataset "$text" --strategies contiguous --overwrite)
[[ -n ${WATCHED_MODEL:-} ]] || one_model+=(--layers 4 --router_skew 0.5)
step_watching() {
    local tokens traces=()
    mkdir -p "$output/watching"
    for tokens in ${WATCHED:-32 64 128 1024 4096}; do
        on "$ranks" "$output/watching/$tokens.txt" measure "${one_model[@]}" --mode in_model --tokens_per_rank "$tokens" --window 32 \
            --iterations "${WATCHED_ITERATIONS:-200}" --output "$output/watching/$tokens.h5" && traces+=("$output/watching/$tokens.h5")
    done
    ((${#traces[@]})) && attempt "$output/watching/report.txt" "$program" report "${traces[@]}" --output "$output/watching/report" --no_plots
}
# $1: signal, for the last rank of a job that would go on for long. What the job says and how long it took is in $1.txt.
strike() {
    local log=$output/late/$1.txt job victim struck code
    timeout --kill-after 10 "$(left)" "${mpirun[@]}" -n "$ranks" "$program" measure "${one_model[@]}" --mode in_model --tokens_per_rank 1024 --window 32 \
        --iterations 100000 --timeout 10 --output "$output/late/$1.h5" >"$log" 2>&1 &
    job=$!
    until grep -Eq " [1-9][0-9]*/100000 iterations" "$log" || ! kill -0 $job 2>/dev/null; do sleep 0.2; done # some passes have run: it is in the midst of others
    victim=$(pgrep -f "^$program measure .*/late/$1\.h5" | tail -1)
    struck=$(date +%s.%N)
    if [[ -z $victim ]] || ! kill "-$1" "$victim"; then say "no rank to send SIG$1 to, see $log"; failed=1; fi
    wait $job
    code=$?
    echo "bench_gpus: SIG$1 to one rank; the job ended with code $code, $(date +%s.%N | awk -v struck="$struck" '{ printf "%.1f", $1 - struck }') s later" >>"$log"
    [[ -z $victim ]] || kill -9 "$victim" 2>/dev/null
}
step_late() {
    mkdir -p "$output/late"
    for delay_us in 50 250 1000; do
        on "$ranks" "$output/late/$delay_us.txt" measure "${one_model[@]}" --mode replay --tokens_per_rank 1024 --window 32 --delay "1:$delay_us" \
            --iterations 50 --output "$output/late/$delay_us.h5"
    done
    strike KILL
    strike STOP
    grep -h -e "made .* late" -e "error: " -e "bench_gpus: SIG" "$output"/late/*.txt >"$output/late/said.txt"
}

for step in "${steps[@]}"; do
    case $step in
        tests | carried | calibrate | heldout | scaling | nccl | models | trained | watching | late) ;;
        *) say "unknown step '$step'; use those that the head of this script names"; exit 2 ;;
    esac
done
{
    date -u +%FT%TZ
    "$program" --version
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem,power.limit --format=csv
    nvidia-smi topo -m
} >"$output/machine.txt" 2>&1
for step in "${steps[@]}"; do
    began=$SECONDS
    case $step in
        tests) step_tests ;;
        carried) step_carried ;;
        calibrate) step_calibrate ;;
        heldout) step_heldout ;;
        scaling) step_scaling ;;
        nccl) step_nccl ;;
        models) step_models ;;
        trained) step_trained ;;
        watching) step_watching ;;
        late) step_late ;;
    esac
    say "$step: $((SECONDS - began)) s"
done
exit $((failed ? 4 : 0))
