// Cases with a known truth, for the tests of reports.
#pragma once

#include "base/random.hpp"
#include "trace/schema.hpp"
#include "trace/trace_reader.hpp"

namespace moewire::report_cases {

inline constexpr std::size_t iterations = 40, layers = 2, ranks = 3;

// A case whose slowest rank takes `typical_s` for each exchange, give or take `noise`.
inline Record measured_case(std::string const& strategy, double typical_s, double noise, std::uint64_t seed,
                            std::string const& mode = "replay") {
    Record record{place::case_of("model_text_" + mode + "_" + strategy),
                  {{"strategy", strategy},
                   {"dataset", std::string("text")},
                   {"plan_dataset", std::string("text")},
                   {"mode", mode},
                   {"model", std::string("model")},
                   {"status", std::string(status::ok)}},
                  {}};
    Random random(seed, strategy);
    std::vector<std::string> const axes{"iteration", "layer", "rank"};
    for (std::string const direction : {"dispatch", "combine"}) {
        Grid<double, 3> transfer(iterations, layers, ranks), wait(iterations, layers, ranks);
        for (std::size_t i = 0; i < iterations; ++i) {
            for (std::size_t l = 0; l < layers; ++l) {
                // Rank 1 is the slowest; the others must not count.
                transfer(i, l, 0) = transfer(i, l, 2) = typical_s / 2;
                transfer(i, l, 1) = typical_s * (1 + noise * (random.uniform() - 0.5));
            }
        }
        record.datasets.push_back(make_dataset("measured/" + direction + "_transfer_s", "s", axes, transfer));
        record.datasets.push_back(make_dataset("measured/" + direction + "_wait_s", "s", axes, wait));
        auto const predicted = [&](char const* what, double value_s) {
            record.datasets.push_back(make_dataset("predicted/" + direction + "/" + what, "s", {"layer"},
                                                   Grid<double, 1>({layers}, std::vector(layers, value_s))));
        };
        predicted("bound_s", typical_s / 10);
        predicted("line_s", typical_s * 1.1);
        predicted("line_low_s", typical_s * 0.9);
        predicted("line_high_s", typical_s * 1.3);
        predicted("line_bound_s", typical_s / 10);
    }
    record.datasets.push_back(
        make_dataset("measured/iteration_host_s", "s", {"iteration", "rank"},
                     Grid<double, 2>({iterations, ranks}, std::vector(iterations * ranks, 1.0))));
    return record;
}

inline Trace trace_of(std::vector<Record> cases) {
    Trace trace;
    trace.root = {
        "/", {{"ranks", std::int64_t{3}}, {"cores", std::int64_t{4}}, {"nodes", std::int64_t{1}}}, {}};
    trace.cases = std::move(cases);
    return trace;
}

// The same bytes between any two ranks.
inline Dataset traffic(std::uint64_t each) {
    return make_dataset(
        "traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"},
        Grid<std::uint64_t, 3>({layers, ranks, ranks}, std::vector(layers * ranks * ranks, each)));
}

// A case that was waived or failed: no times.
inline Record unmeasured_case(std::string const& strategy, std::string const& state,
                              std::string const& reason) {
    auto record = measured_case(strategy, 0.01, 0, 1);
    std::erase_if(record.datasets, [](Dataset const& d) { return d.name.starts_with("measured/"); });
    record.attributes["status"] = state;
    record.attributes["reason"] = reason;
    return record;
}

}  // namespace moewire::report_cases
