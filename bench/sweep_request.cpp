#include "bench/sweep_request.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/show.hpp"
#include "bench/shape.hpp"
#include "bench/subject.hpp"
#include "bench/sweep_sizes.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

ByteMatrix uniform(int ranks, std::uint64_t pair_bytes) {
    ByteMatrix bytes(ranks, ranks);
    std::fill(bytes.values().begin(), bytes.values().end(), pair_bytes);
    return bytes;
}

// Throws: usage, when not even one row goes to each rank.
std::uint64_t pair_bytes_of(std::uint64_t size_bytes, int ranks, SweepRequest const& r) {
    auto const pair_bytes = bytes_per_peer(size_bytes, ranks, r.row_bytes);
    if (pair_bytes > 0) return pair_bytes;
    throw usage_error(
        fmt::format("size {} holds no row of {} bytes for each of {} ranks (nothing would be sent); "
                    "use {} or more",
                    size_bytes, r.row_bytes, ranks, ranks * r.row_bytes));
}

// A row for every rank, and twice 16 times as much.
std::vector<std::uint64_t> quick_sizes(SweepRequest const& r, int ranks) {
    auto const least = static_cast<std::uint64_t>(ranks * r.row_bytes);
    return {least, 16 * least, 256 * least};
}

std::vector<std::uint64_t> asked_sizes(SweepRequest const& r, int ranks) {
    std::vector<std::uint64_t> sizes;
    if (r.quick && r.sizes.empty()) {
        sizes = quick_sizes(r, ranks);
    } else if (!r.sizes.empty()) {
        for (auto const& text : split_list(r.sizes, "--sizes")) sizes.push_back(parse_size(text, "--sizes"));
    } else if (r.matrices.empty() && r.shapes.empty()) {
        auto const least = parse_size(r.min_bytes, "--min_bytes"),
                   most = parse_size(r.max_bytes, "--max_bytes");
        if (least > most) {
            throw usage_error(
                fmt::format("--min_bytes {} is above --max_bytes {} (no size lies between); swap them",
                            r.min_bytes, r.max_bytes));
        }
        sizes = size_ladder(least, most, r.factor, ranks, r.row_bytes);
    }
    std::sort(sizes.begin(), sizes.end());
    return sizes;
}

void add_sizes(SweepRequest const& r, int ranks, std::vector<SweepRung>& rungs) {
    for (auto const size_bytes : asked_sizes(r, ranks)) {
        auto const bytes = uniform(ranks, pair_bytes_of(size_bytes, ranks, r));
        if (!rungs.empty() && rungs.back().bytes == bytes) continue;  // equal in whole rows
        rungs.push_back({RungKind::size, show_bytes(static_cast<double>(busiest_rank_bytes(bytes))), bytes});
    }
}

void add_matrices(SweepRequest const& r, int ranks, std::vector<SweepRung>& rungs) {
    for (auto const& file : r.matrices) {
        auto const bytes = read_matrix(file, r.matrix_scale);
        if (bytes.extent(0) != static_cast<std::size_t>(ranks)) {
            throw usage_error(
                fmt::format("{} is for {} ranks (there are {}); start as many, or name another matrix", file,
                            bytes.extent(0), ranks));
        }
        rungs.push_back({RungKind::matrix, file, in_rows(bytes, r.row_bytes)});
    }
}

// Shapes x controls x payloads.
void add_shapes(Context const& context, SweepRequest const& r, std::vector<SweepRung>& rungs) {
    std::vector<std::string> shapes, controls{"round_robin"}, payloads;
    run_on_all(context.world, [&] {
        if (r.shapes.empty() && !r.controls.empty())
            throw usage_error("--control imposes a routing on a shape (none was named); add --shape");
        if (!r.shapes.empty()) shapes = split_list(r.shapes, "--shape");
        if (!r.controls.empty()) controls = split_list(r.controls, "--control");
        payloads = split_list(r.payloads, "--payload");
    });
    for (auto const& name : shapes) {
        Shape shape;
        run_on_all(context.world, [&] { shape = read_shape(name); });
        for (auto const& control : controls) {
            for (auto const& payload : payloads) {
                auto const bytes = shape_bytes(context.world, shape, control, payload, r.seed);
                rungs.push_back({RungKind::shape, fmt::format("{} {} {}", name, control, payload),
                                 in_rows(bytes, r.row_bytes)});
            }
        }
    }
}

Cadence cadence_of(std::string const& name) {
    if (name == "isolated") return Cadence::isolated;
    if (name == "chained") return Cadence::chained;
    throw usage_error(fmt::format("unknown cadence '{}'; use isolated or chained", name));
}

}  // namespace

LadderSetting ladder_setting(SweepRequest const& r) {
    auto const within = [](std::int64_t value, std::int64_t least, std::int64_t most, char const* name) {
        if (value >= least && value <= most) return;
        throw usage_error(
            fmt::format("--{} is {} (must lie in {} .. {}); give another value", name, value, least, most));
    };
    within(r.factor, 2, 1024, "factor");
    within(r.warmups, 0, 1000, "warmups");
    within(r.row_bytes, matrix_step_bytes, 1 << 24, "row_bytes");
    if (r.row_bytes % static_cast<std::int64_t>(matrix_step_bytes) != 0)
        throw usage_error(
            fmt::format("--row_bytes {} is no multiple of {} (to which nccl-tests rounds); use one",
                        r.row_bytes, matrix_step_bytes));
    if (!(r.timeout_s > 0))
        throw usage_error("--timeout_s must be positive (an exchange takes time); use more");
    LadderSetting setting{cadence_of(r.cadence),
                          {r.quick ? std::min<std::int64_t>(r.iterations, 5) : r.iterations,
                           r.until_width_percent / 100, r.max_seconds},
                          r.row_bytes,
                          r.warmups};
    check(setting.stop);
    return setting;
}

char const* name_of(RungKind kind) {
    constexpr char const* names[] = {"floor", "size", "matrix", "shape"};
    return names[static_cast<int>(kind)];
}

std::vector<SweepRung> rungs_of(Context const& context, SweepRequest const& request) {
    std::vector<SweepRung> rungs;
    run_on_all(context.world, [&] {
        add_sizes(request, context.world.size(), rungs);
        add_matrices(request, context.world.size(), rungs);
    });
    add_shapes(context, request, rungs);
    run_on_all(context.world, [&] {
        if (request.write_matrix.empty() || rungs.size() == 1) return;
        throw usage_error(
            fmt::format("--write_matrix writes one matrix (here are {}); name one size, or one shape "
                        "with one control and payload",
                        rungs.size()));
    });
    return rungs;
}

std::vector<SweepRung> floor_rungs(int ranks, SweepRequest const& request) {
    auto const self_bytes = std::max<std::uint64_t>(bytes_per_peer(1024, 1, request.row_bytes),
                                                    static_cast<std::uint64_t>(request.row_bytes));
    ByteMatrix at_home(ranks, ranks);
    for (int rank = 0; rank < ranks; ++rank) at_home(rank, rank) = self_bytes;
    return {
        {RungKind::floor, "nothing", uniform(ranks, 0)},
        {RungKind::floor, "self only", at_home},
    };
}

}  // namespace moewire
