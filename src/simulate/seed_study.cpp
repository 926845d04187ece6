#include "simulate/seed_study.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"
#include "routing/imbalance.hpp"

namespace moewire {
namespace {

void check(SeedStudy const& s) {
    auto const positive = [](auto value, char const* flag) {
        if (!(value > 0))
            throw usage_error(fmt::format("--{} is {} (must be positive); give another value", flag, value));
    };
    positive(s.num_tokens, "num_tokens");
    positive(s.num_experts, "num_experts");
    positive(s.num_gpus, "num_gpus");
    positive(s.network.bandwidth_bytes_per_s, "bandwidth");
    positive(s.top_k, "top_k");
    positive(s.hidden_size, "hidden_size");
    positive(s.element_bytes, "element_bytes");
    positive(s.seeds, "seeds");
    if (!(s.network.latency_s >= 0)) throw usage_error("--latency is negative; give another value");
    double const draws = static_cast<double>(s.num_tokens) * s.top_k * s.seeds;
    if (draws > 2e9) {
        throw usage_error(
            fmt::format("{:.2g} choices to draw (tokens x top_k x seeds; it would take minutes); use fewer "
                        "tokens or seeds",
                        draws));
    }
    if (s.num_experts < s.num_gpus) {
        throw usage_error(fmt::format("{} experts on {} GPUs (a GPU would hold none); use at most {} GPUs",
                                      s.num_experts, s.num_gpus, s.num_experts));
    }
}

std::vector<int> gpu_of_expert(SeedStudy const& s) {
    std::vector<int> gpus;
    auto const capacities = even_capacities(s.num_experts, s.num_gpus);
    for (int gpu = 0; gpu < s.num_gpus; ++gpu) {
        gpus.insert(gpus.end(), static_cast<std::size_t>(capacities[static_cast<std::size_t>(gpu)]), gpu);
    }
    return gpus;
}

std::vector<double> tokens_of_gpu(SeedStudy const& s) {
    std::vector<double> tokens(static_cast<std::size_t>(s.num_gpus),
                               static_cast<double>(s.num_tokens / s.num_gpus));
    for (std::int64_t gpu = 0; gpu < s.num_tokens % s.num_gpus; ++gpu)
        ++tokens[static_cast<std::size_t>(gpu)];
    return tokens;
}

struct Ports {
    std::vector<double> sent_bytes, received_bytes;
};

// Shape of `bytes`: [source GPU, destination GPU].
Ports ports_of(Grid<double, 2> const& bytes) {
    auto const n = bytes.extent(0);
    Ports ports{std::vector<double>(n), std::vector<double>(n)};
    for (std::size_t s = 0; s < n; ++s) {
        for (std::size_t d = 0; d < n; ++d) {
            if (s == d) continue;
            ports.sent_bytes[s] += bytes(s, d);
            ports.received_bytes[d] += bytes(s, d);
        }
    }
    return ports;
}

// Dispatch and combine: the combine swaps sent and received, so each costs the same.
std::vector<double> gpu_times(Ports const& ports, SeedNetwork const& network) {
    std::vector<double> times;
    for (std::size_t gpu = 0; gpu < ports.sent_bytes.size(); ++gpu) {
        double const bytes = std::max(ports.sent_bytes[gpu], ports.received_bytes[gpu]);
        times.push_back(2 * (network.latency_s + bytes / network.bandwidth_bytes_per_s));
    }
    return times;
}

double row_bytes(SeedStudy const& s) {
    return static_cast<double>(s.hidden_size * s.element_bytes);
}

Grid<double, 2> expected_bytes(SeedStudy const& s, std::vector<double> const& popularity) {
    auto const gpus = gpu_of_expert(s);
    auto const tokens = tokens_of_gpu(s);
    Grid<double, 2> bytes(s.num_gpus, s.num_gpus);
    for (int source = 0; source < s.num_gpus; ++source) {
        double const choices = tokens[static_cast<std::size_t>(source)] * s.top_k;
        for (std::size_t expert = 0; expert < popularity.size(); ++expert) {
            bytes(source, gpus[expert]) += choices * popularity[expert] * row_bytes(s);
        }
    }
    return bytes;
}

// Every choice drawn independently from the popularity.
Grid<double, 2> sampled_bytes(SeedStudy const& s, std::vector<double> const& popularity, Random& random) {
    auto const gpus = gpu_of_expert(s);
    auto const tokens = tokens_of_gpu(s);
    std::vector<double> upper(popularity.size());
    std::partial_sum(popularity.begin(), popularity.end(), upper.begin());
    Grid<double, 2> bytes(s.num_gpus, s.num_gpus);
    for (int source = 0; source < s.num_gpus; ++source) {
        auto const choices = static_cast<std::int64_t>(tokens[static_cast<std::size_t>(source)]) * s.top_k;
        for (std::int64_t choice = 0; choice < choices; ++choice) {
            auto const at = std::upper_bound(upper.begin(), upper.end() - 1, random.uniform());
            bytes(source, gpus[static_cast<std::size_t>(at - upper.begin())]) += row_bytes(s);
        }
    }
    return bytes;
}

}  // namespace

SeedLevel run_seed_level(SeedStudy const& study, double imbalance) {
    check(study);
    SeedLevel level;
    level.imbalance = imbalance;
    level.popularity = popularity_at_gini(study.num_experts, imbalance);
    auto const ports = ports_of(expected_bytes(study, level.popularity));
    level.sent_bytes = ports.sent_bytes;
    level.received_bytes = ports.received_bytes;
    level.gpu_time_s = gpu_times(ports, study.network);
    level.overall_max_time_s = *std::max_element(level.gpu_time_s.begin(), level.gpu_time_s.end());
    level.mean_time_s = mean(level.gpu_time_s);
    for (int draw = 0; draw < study.seeds; ++draw) {
        Random random(study.seed + static_cast<std::uint64_t>(draw),
                      fmt::format("seed study {:.6f}", imbalance));
        auto const times = gpu_times(ports_of(sampled_bytes(study, level.popularity, random)), study.network);
        level.sampled_max_time_s.push_back(*std::max_element(times.begin(), times.end()));
    }
    level.p50_s = percentile(level.sampled_max_time_s, 0.50);
    level.p99_s = percentile(level.sampled_max_time_s, 0.99);
    return level;
}

}  // namespace moewire
