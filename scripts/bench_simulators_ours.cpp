// Processor time of one cost model, from the matrix to the prediction.
//
// bench_simulators_ours RANKS MODEL star|TOPOLOGY.toml REPEATS [FILE]: the skewed traffic below; FILE: write
// it, too. `star` shares its ports by max-min rates and nothing else; on a described machine the model is as
// it stands. Prints the predicted seconds and the processor seconds of every repetition.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "base/random.hpp"
#include "base/registry.hpp"
#include "simulate/cost_model.hpp"

using namespace moewire;

namespace {

constexpr double port_bytes_per_s = 50e9, latency_s = 4e-6;
constexpr std::uint64_t row_bytes = 8192;

// Rows from every rank to every other: destinations by a power law, each pair by an exponential one, 32 on
// average; at least five, so that no message goes by LL, which would send every byte twice.
Grid<std::uint64_t, 2> skewed(std::size_t ranks) {
    std::vector<double> weight(ranks);
    double sum = 0;
    for (std::size_t d = 0; d < ranks; ++d) sum += weight[d] = 1 / std::sqrt(1.0 + static_cast<double>(d));
    Grid<std::uint64_t, 2> bytes(ranks, ranks);
    Random random(1, "simulators");
    for (std::size_t s = 0; s < ranks; ++s) {
        for (std::size_t d = 0; d < ranks; ++d) {
            double const mean = 27 * weight[d] / sum * static_cast<double>(ranks);
            bytes(s, d) =
                s == d ? 0
                       : row_bytes * (5 + static_cast<std::uint64_t>(-mean * std::log(1 - random.uniform())));
        }
    }
    return bytes;
}

NcclCosts ideal() {
    NcclCosts costs;
    costs.version = 22809;
    costs.launch_s = costs.base_ll_s = costs.base_simple_s = 0;
    costs.nvlink_ll_s = costs.nvlink_simple_s = costs.pcie_ll_s = costs.pcie_simple_s = 0;
    costs.network_ll_s = costs.network_simple_s = 0;
    costs.channel_bytes_per_s = 1e15;
    costs.node_efficiency = costs.network_efficiency = 1;
    costs.collective_channels = 1 << 20;  // no batches
    return costs;
}

// Of this thread: that of the process is coarse while its processor time is limited.
double processor_s() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void write(Grid<std::uint64_t, 2> const& bytes, char const* name) {
    auto* const file = std::fopen(name, "w");
    if (file == nullptr) std::exit(4);
    std::fprintf(file, "%zu\n", bytes.extent(0));
    for (std::size_t i = 0; i < bytes.size(); ++i)
        std::fprintf(file, "%llu%c", static_cast<unsigned long long>(bytes.values()[i]),
                     (i + 1) % bytes.extent(0) == 0 ? '\n' : ' ');
    std::fclose(file);
}

}  // namespace

int main(int argc, char* argv[]) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: bench_simulators_ours RANKS MODEL star|TOPOLOGY.toml REPEATS [FILE]\n");
        return 2;
    }
    auto const ranks = static_cast<std::size_t>(std::atol(argv[1]));
    auto const bytes = skewed(ranks);
    if (argc > 5) write(bytes, argv[5]);
    bool const is_star = std::string(argv[3]) == "star";
    MachineDescription machine;
    if (!is_star) machine = read_machine(argv[3]);
    if (is_star) machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = port_bytes_per_s;
    if (is_star) machine.latency_s = latency_s;
    Topology const topology(machine, std::vector<int>(ranks, 0));
    ModelParameters parameters;
    if (is_star) parameters.nccl = ideal();
    auto const& model = Registry<CostModel>::instance().at(argv[2]).value;
    for (int i = 0; i < std::atoi(argv[4]); ++i) {
        double const start_s = processor_s();
        double const time_s = model.predict({topology, bytes}, parameters).time_s;
        std::printf("%.9g %.7f\n", time_s, processor_s() - start_s);
        std::fflush(stdout);
    }
    return 0;
}
