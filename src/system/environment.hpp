// What does the environment say? Every variable that moewire reads is named here and nowhere else.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moewire::environment {

// MOEWIRE_HOME: the repository (bench/suites, bench/topologies, models, scripts). Default: found from the
// program's own path, then the folder it was built from.
std::filesystem::path home();

// MOEWIRE_CACHE: where fetched texts are kept. Default: <home>/.cache.
std::filesystem::path cache();

// MOEWIRE_PYTHON: Python with numpy, h5py and matplotlib, for figures. Default: the one found at build time.
std::filesystem::path python();

// The Hugging Face hub's cache, as its own client finds it: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else
// HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub. A leading ~ and $NAME in a
// value are expanded.
std::filesystem::path hugging_face_cache();

// Where models of the hub may be: its cache, then TRANSFORMERS_CACHE, which transformers 4 filled.
std::vector<std::filesystem::path> model_caches();

// Did mpirun or srun start this process? (OMPI_COMM_WORLD_SIZE, PMIX_RANK, PMI_RANK)
bool launched_by_mpi();

// The Slurm job that this process is part of: "12", or "12_3" for a task of an array; empty outside.
std::string slurm_job();

// CUDA_VISIBLE_DEVICES: the GPUs that a scheduler left to this process; nothing where it is not set.
std::optional<std::string> visible_gpus();

// The interface that MPI's TCP transport and NCCL's sockets shall use, for all that starts later in this
// process. What the user set already stays (OMPI_MCA_btl_tcp_if_include, NCCL_SOCKET_IFNAME).
void choose_interface(std::string const& name);

// NCCL_MULTI_RANK_GPU_ENABLE=1: NCCL then serves several ranks on one GPU.
bool allows_ranks_to_share_a_gpu();

// Makes NCCL say how it sets itself up, into files of this process below the system's temporary folder,
// unless the user directs what NCCL says (NCCL_DEBUG is set). Nothing where the user does. To be called
// before NCCL starts.
struct NcclFiles {
    std::filesystem::path log, topology;
};
std::optional<NcclFiles> listen_to_nccl();

// Variables that change results, as they stand: NCCL_*, OMPI_*, UCX_*, CUDA_*, OMP_*, SLURM_JOB*,
// SLURM_ARRAY*, MOEWIRE_*.
// Variables that hold addresses or secrets of the launcher are left out.
std::map<std::string, std::string> snapshot();

}  // namespace moewire::environment
