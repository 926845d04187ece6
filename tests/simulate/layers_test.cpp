// Do the layers agree where they should, and with what was measured?
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "base/registry.hpp"
#include "simulate/chunks.hpp"
#include "support/fixtures.hpp"
#include "support/machines.hpp"
#include "support/models.hpp"

namespace moewire {
namespace {

using Matrix = Grid<std::uint64_t, 2>;
constexpr std::uint64_t mib = 1024 * 1024;

double predicted_s(char const* model, Topology const& topology, Matrix const& bytes,
                   NcclCosts const& costs = {}) {
    ModelParameters parameters;
    parameters.nccl = costs;
    return Registry<CostModel>::instance().at(model).value.predict({topology, bytes}, parameters).time_s;
}

Topology described(std::string const& name, std::size_t ranks) {
    return {read_machine(home() / "bench/topologies" / (name + ".toml")), std::vector<int>(ranks, 0)};
}

Topology star(std::size_t ranks) {
    MachineDescription machine;
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = 100e9;
    return {machine, std::vector<int>(ranks, 0)};
}

Matrix uniform(std::size_t ranks, std::uint64_t bytes) {
    return Matrix(Matrix::Shape{ranks, ranks}, std::vector<std::uint64_t>(ranks * ranks, bytes));
}

Matrix skewed(std::size_t ranks, std::uint64_t least, std::uint64_t seed) {
    Random random(seed, "layers");
    Matrix bytes(ranks, ranks);
    for (std::size_t s = 0; s < ranks; ++s)
        for (std::size_t d = 0; d < ranks; ++d)
            bytes(s, d) =
                least + static_cast<std::uint64_t>(static_cast<double>(8 * least) * random.uniform() /
                                                   (1.0 + static_cast<double>(d)));
    return bytes;
}

TEST(Layers, AllSayTheBoundForAUniformExchangeOnAnIdealStar) {
    for (std::size_t const ranks : {2, 8, 24}) {
        auto const topology = star(ranks);
        auto const bytes = uniform(ranks, 64 * mib);
        double const bound_s = resource_bound({topology, bytes}).time_s;
        EXPECT_NEAR(predicted_s("closed_form", topology, bytes, ideal_nccl()) / bound_s, 1, 1e-9);
        EXPECT_NEAR(predicted_s("flow", topology, bytes, ideal_nccl()) / bound_s, 1, 1e-9);
        // A chunk is whole at each port: the pipe fills once.
        EXPECT_NEAR(predicted_s("chunk", topology, bytes, ideal_nccl()) / bound_s, 1, 0.05);
    }
}

TEST(Layers, AgreeOnSkewWhereNothingIsOversubscribed) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        auto const topology = described("hgx_h100", 8);
        auto const bytes = skewed(8, 16 * mib, seed);
        double const flow_s = predicted_s("flow", topology, bytes);
        EXPECT_NEAR(predicted_s("closed_form", topology, bytes) / flow_s, 1, 0.15);
        // First come, first served holds messages back whose slots are all in a queue; flows know no queues.
        EXPECT_GT(predicted_s("chunk", topology, bytes) / flow_s, 0.97);
        EXPECT_LT(predicted_s("chunk", topology, bytes) / flow_s, 1.3);
    }
}

TEST(Layers, AgreeAcrossAnOversubscribedSpine) {
    auto const topology = described("dgx_h100_32_nodes_4to1", 256);
    auto const bytes = skewed(256, mib / 4, 3);
    double const flow_s = predicted_s("flow", topology, bytes),
                 closed_s = predicted_s("closed_form", topology, bytes);
    double const bound_s = resource_bound({topology, bytes}).time_s;
    EXPECT_GE(flow_s, bound_s);
    EXPECT_NEAR(closed_s / flow_s, 1, 0.25);
}

TEST(Layers, KnowFlowsThatTheBusiestResourceDoesNotShow) {
    // A waits for B at port 2, and B for C at port 0 of the senders: none of the ports is busy all the time.
    Matrix bytes(4, 4);
    bytes(0, 1) = 100 * mib, bytes(0, 2) = 100 * mib, bytes(3, 2) = 200 * mib;
    auto const topology = star(4);
    EXPECT_GE(predicted_s("flow", topology, bytes, ideal_nccl()),
              predicted_s("closed_form", topology, bytes, ideal_nccl()));
}

TEST(Layers, AreNearWhatTwoH200Measured) {
    // nccl-tests alltoall_perf, NCCL 2.28.9: about 20 us up to 1 MiB; 332 to 354 GB/s at 1 GiB (each rank
    // sends half of it to the other).
    auto const topology = described("h200_pair", 2);
    for (auto const* model : {"closed_form", "flow"}) {
        double const small_s = predicted_s(model, topology, uniform(2, 512)),
                     large_s = predicted_s(model, topology, uniform(2, 512 * mib));
        EXPECT_GT(small_s, 19e-6) << model;
        EXPECT_LT(small_s, 24e-6) << model;
        double const busbw = static_cast<double>(512 * mib) / large_s;
        EXPECT_GT(busbw, 0.95 * 332e9) << model;
        EXPECT_LT(busbw, 1.05 * 354e9) << model;
    }
}

TEST(Layers, HaveBatchesWhereChannelsMustBeUsedAgain) {
    auto const topology = described("dgx_h100_128_nodes", 512);
    auto costs = ideal_nccl();
    costs.version = 23007;
    costs.network_ll_s = costs.network_simple_s = 1;  // seen once a batch
    auto const bytes = uniform(512, 1);
    EXPECT_NEAR(predicted_s("closed_form", topology, bytes, costs), 2, 1e-3);
    EXPECT_NEAR(predicted_s("flow", topology, bytes, costs), 2, 1e-3);
}

TEST(Chunks, FillThePipeOnceAndThenWaitForTheSlowest) {
    // Copied at 10, through resources of 5 and 20, copied at 10; chunks of 1 byte, eight slots are enough.
    Connection one{.bytes = 100, .chunk_bytes = 1, .copy_bytes_per_s = 10, .way_s = 0.01, .path = {0, 1}};
    double const time_s = run_chunks({5, 20}, {one});
    EXPECT_NEAR(time_s, 0.1 + 100 / 5.0 + 1 / 20.0 + 0.01 + 0.1, 1e-9);
}

TEST(Chunks, WaitForSlotsOnALongWay) {
    // Eight chunks a round trip of the slot: copy, resource, way, copy.
    Connection const one{.bytes = 80, .chunk_bytes = 1, .copy_bytes_per_s = 1000, .way_s = 1, .path = {0}};
    double const time_s = run_chunks({1000}, {one});
    EXPECT_NEAR(time_s, 10 * 1.0, 0.5);
    EXPECT_GT(time_s, 10);
}

TEST(Chunks, OfTwoMessagesShareAResourceEvenly) {
    Connection const one{.bytes = 1000, .chunk_bytes = 1, .copy_bytes_per_s = 100, .path = {0}};
    auto shorter = one;
    shorter.bytes = 100;
    // Half of 10 each: the shorter would end at 20 s, the longer at 110 s.
    EXPECT_NEAR(run_chunks({10}, {one, shorter}), 110, 1);
}

}  // namespace
}  // namespace moewire
