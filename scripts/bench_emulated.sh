#!/usr/bin/env bash
# Calibrate, freeze, measure what the calibration never saw, compare: on emulated hosts (scripts/netlab.sh).
#
#   bench_emulated.sh FOLDER [SETUP...]   SETUP: NAME:HOSTS:PPN:RATE[:CORE_RATE]; default: two rates, two ranks a host,
#                                         and an oversubscribed core
#
# Leaves FOLDER/SETUP/{machine.toml,calibration.toml,*.h5,comparison.txt,...}. Needs root; MOEWIRE names the program.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
program=${MOEWIRE:-$here/../build/release/bin/moewire}
folder=${1:?name a folder for the results}
shift
setups=("$@")
if [ $# -eq 0 ]; then
    setups=(4x1-200mbit:4:1:200mbit 4x1-100mbit:4:1:100mbit 4x2-200mbit:4:2:200mbit 4x1-core:4:1:200mbit:200mbit)
fi
export LAB=mwbench
trap '"$here/netlab.sh" down' EXIT
mkdir -p "$folder"
folder=$(readlink -f "$folder")

for setup in "${setups[@]}"; do
    IFS=: read -r name hosts ppn rate core <<<"$setup"
    out=$folder/$name
    mkdir -p "$out"
    "$here/netlab.sh" down
    "$here/netlab.sh" up "$hosts" "$rate" ${core:+"$core"}
    "$here/netlab.sh" topology "$hosts" "$rate" ${core:+"$core"} >"$out/machine.toml"
    lab=("$here/netlab.sh" mpirun "$hosts" "$ppn" "$program")
    common=(--topology "$out/machine.toml" --timeout 60)
    "${lab[@]}" calibrate "${common[@]}" --most_bytes 512K --iterations "${CALIBRATION_ITERATIONS:-20}" \
        --output "$out/calibration.toml" | tee "$out/calibration.txt"
    for tokens in 64 320; do
        "${lab[@]}" measure "${common[@]}" --model tiny-phimoe --calibration "$out/calibration.toml" --overwrite \
            --dataset drama,control:zipf:exponent=0.7,control:zipf:exponent=1.3,control:hot_rank,control:one_hot,control:gini \
            --plan_dataset drama --strategies contiguous,round_robin,eplb_pack,random \
            --tokens_per_rank "$tokens" --window 64 --calibration_iterations 10 --iterations "${ITERATIONS:-15}" \
            --output "$out/tokens$tokens.h5" >"$out/tokens$tokens.txt"
        "$program" compare "$out/tokens$tokens.h5" --calibration "$out/calibration.toml" --output "$out/tokens$tokens" \
            >/dev/null
        head -12 "$out/tokens$tokens/comparison.txt"
    done
done
