#!/usr/bin/env bash
# Prefill and decode of two published geometries on one GPU, this program and transformers in turn.
#
#   scripts/bench_gpu.sh OUTPUT_DIR [GEOMETRY ...]      (default: olmoe-1b-7b qwen3-30b-a3b)
#
# Writes ours.jsonl, theirs.jsonl and machine.txt. MOEWIRE: the program; PYTHON: one with torch and transformers 5.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=${MOEWIRE:-$root/build/release/bin/moewire}
python=${PYTHON:-python3}
output=${1:?usage: bench_gpu.sh OUTPUT_DIR [GEOMETRY ...]}
shift
geometries=("$@")
read -ra peer_options <<<"${PEER_OPTIONS:-}"
[ ${#geometries[@]} -gt 0 ] || geometries=(olmoe-1b-7b qwen3-30b-a3b)
mkdir -p "$output"
nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem,power.limit --format=csv >"$output/machine.txt"
"$python" -c 'import torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__)' >>"$output/machine.txt"
for geometry in "${geometries[@]}"; do
    common=(forward --model "synth:$geometry" --device cuda --dtype bfloat16 --json)
    timeout 200 "$program" "${common[@]}" --phase prefill --sequences 8 --positions 2048 --repeat 10 | tee -a "$output/ours.jsonl"
    timeout 200 "$program" "${common[@]}" --phase decode --sequences 128 --context 512 --repeat 30 | tee -a "$output/ours.jsonl"
    timeout 280 "$python" "$root/scripts/bench_gpu_peer.py" "$root/bench/geometries/$geometry.json" "${peer_options[@]}" 2>"$output/peer-$geometry.log" | tee -a "$output/theirs.jsonl"
done
