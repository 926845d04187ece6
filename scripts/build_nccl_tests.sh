#!/usr/bin/env bash
# Builds alltoall_perf and alltoallv_perf of NVIDIA/nccl-tests, at one fixed commit, for Hopper GPUs and MPI.
#
#   scripts/build_nccl_tests.sh OUTPUT_DIR [--source FOLDER] [--nccl FOLDER]
#
#   --source   a folder that holds the sources already (else they are cloned)
#   --nccl     a folder with include/nccl.h and lib/libnccl.so.2 (else that of the torch in .venv)
#   CUDA_HOME  the toolkit (default /usr/local/cuda); MPI_HOME: with include/ and lib/ (default: what mpicc says)
#
# The programs look for NCCL where it was found here; LD_LIBRARY_PATH names another.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
commit=a0b82b2260cf5152b9f8c061bbf7eaf0ba096432  # version 2.19.6

say() { printf 'build_nccl_tests: %s\n' "$*" >&2; }
usage() { say "$1; see the head of scripts/build_nccl_tests.sh"; exit 2; }

output='' source='' nccl=''
while (($#)); do
    case $1 in
        --source | --nccl)
            (($# > 1)) || usage "$1 names no folder"
            if [[ $1 == --source ]]; then source=$2; else nccl=$2; fi
            shift 2
            ;;
        -*) usage "unknown option $1" ;;
        *)
            [[ -z $output ]] || usage "two output folders were named ($output and $1)"
            output=$1
            shift
            ;;
    esac
done
[[ -n $output ]] || usage "no output folder was named"

cuda=${CUDA_HOME:-/usr/local/cuda}
[[ -x $cuda/bin/nvcc ]] || { say "$cuda holds no bin/nvcc (the tests are CUDA programs); set CUDA_HOME"; exit 3; }
if [[ -z $nccl ]]; then
    for nccl in "$root"/.venv/lib/python3*/site-packages/nvidia/nccl; do [[ -e $nccl/include/nccl.h ]] && break; done
fi
[[ -e $nccl/include/nccl.h && -e $nccl/lib/libnccl.so.2 ]] ||
    { say "$nccl holds no include/nccl.h and lib/libnccl.so.2; name NCCL by --nccl FOLDER"; exit 3; }
mpi=${MPI_HOME:-}
if [[ -z $mpi ]]; then
    command -v mpicc >/dev/null || { say "mpicc is not here (ranks are MPI processes); install Open MPI or set MPI_HOME"; exit 3; }
    mpi=$(dirname "$(mpicc --showme:libdirs | cut -d' ' -f1)")
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -z $source ]]; then
    git clone --quiet --no-checkout https://github.com/NVIDIA/nccl-tests "$work/source"
    git -C "$work/source" checkout --quiet "$commit"
    source=$work/source
fi
[[ -e $source/src/alltoallv.cu ]] || { say "$source holds no src/alltoallv.cu; name nccl-tests' folder, version 2.19.6 or later"; exit 2; }
cp -r "$source/." "$work/tree"

# The wheel brings libnccl.so.2 alone; the linker asks for libnccl.so.
mkdir -p "$work/nccl/lib" "$output"
libraries=$(cd "$nccl/lib" && pwd)
ln -s "$(cd "$nccl/include" && pwd)" "$work/nccl/include"
ln -s "$libraries/libnccl.so.2" "$work/nccl/lib/libnccl.so"
make -C "$work/tree/src" -j"${JOBS:-$(nproc)}" MPI=1 CUDA_HOME="$cuda" MPI_HOME="$mpi" NCCL_HOME="$work/nccl" BUILDDIR="$work/build" \
    CXXSTD=-std=c++17 CUDARTLIB=cudart_static \
    NVCC_GENCODE="-gencode=arch=compute_90,code=sm_90 -Xlinker --enable-new-dtags,-rpath,$libraries" \
    os.build "$work/build/alltoall_perf" "$work/build/alltoallv_perf"
for program in alltoall_perf alltoallv_perf; do
    strip -o "$output/$program" "$work/build/$program"
done
say "built $output/alltoall_perf and $output/alltoallv_perf"
