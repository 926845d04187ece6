#!/usr/bin/env bash
# Calibrate, freeze, measure what the calibration never saw, compare: on emulated hosts (scripts/netlab.sh).
#
#   bench_emulated.sh FOLDER [SETUP...]   SETUP: NAME:HOSTS:PPN:RATE[:CORE_RATE[:EAGER_LIMIT]]; default: two rates, two
#                                         ranks a host, an oversubscribed core, with and without rendezvous
#
# EAGER_LIMIT: messages up to so many bytes go at once; without it, Open MPI asks first from 64 KiB (rendezvous).
# Leaves FOLDER/SETUP/{machine.toml,calibration.toml,*.h5,both/comparison.txt,...}. Two cores carry links of up to
# 100 Mbit/s. Needs root; MOEWIRE names the program. CALIBRATION_ITERATIONS (20) and ITERATIONS (15): samples of each
# probe and exchange; eight ranks on two cores scatter more and want 40 and 25.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
program=${MOEWIRE:-$here/../build/release/bin/moewire}
folder=${1:?name a folder for the results}
shift
setups=("$@")
if [ $# -eq 0 ]; then
    setups=(4x1-100mbit:4:1:100mbit::32M 4x1-50mbit:4:1:50mbit::32M 4x2-100mbit:4:2:100mbit::32M
        4x1-core-eager:4:1:100mbit:100mbit:32M 4x1-core-rendezvous:4:1:100mbit:100mbit 4x1-rendezvous:4:1:100mbit)
fi
export LAB=mwbench
trap '"$here/netlab.sh" down' EXIT
mkdir -p "$folder"
folder=$(readlink -f "$folder")

for setup in "${setups[@]}"; do
    IFS=: read -r name hosts ppn rate core eager <<<"$setup"
    out=$folder/$name
    mkdir -p "$out"
    unset OMPI_MCA_btl_tcp_eager_limit
    [ -z "$eager" ] || OMPI_MCA_btl_tcp_eager_limit=$(numfmt --from=iec "$eager")
    export OMPI_MCA_btl_tcp_eager_limit
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
    done
    "$program" compare "$out/tokens64.h5" "$out/tokens320.h5" --calibration "$out/calibration.toml" --output "$out/both" \
        >/dev/null
    head -12 "$out/both/comparison.txt"
done
