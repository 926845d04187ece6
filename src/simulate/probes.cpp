#include "simulate/probes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/random.hpp"

namespace moewire {
namespace {

// Of every kind as many as there are spreads: how many times the least the most is. Together most of the
// probes, and the small spreads are what a router sends: they are what a fit should be right about.
constexpr std::array<double, 4> spreads{2, 4, 8, 32};
// Their largest messages lie between this size and the one before: that part of the way down (of the
// logarithm).
constexpr std::array<double, 4> ways_down{0, 0.5, 0.25, 0.75};

using Matrix = Grid<std::uint64_t, 2>;

class Patterns {
  public:
    Patterns(std::vector<int> const& nodes, std::uint64_t row_bytes) : nodes_(nodes), row_bytes_(row_bytes) {}

    // before: the next smaller size, or the same.
    std::vector<Probe> at(std::uint64_t size, std::uint64_t before) const {
        std::vector<Probe> probes;
        auto const n = nodes_.size();
        auto const add = [&](std::string name, auto const& of_pair) {
            Matrix bytes(n, n);
            for (std::size_t s = 0; s < n; ++s)
                for (std::size_t d = 0; d < n; ++d) bytes(s, d) = of_pair(s, d) / row_bytes_ * row_bytes_;
            probes.push_back({std::move(name), bytes});
        };
        auto const when = [size](bool is) { return is ? size : 0; };
        add("self", [&](auto s, auto d) { return when(s == d); });
        for (auto const& [name, peer] : {std::pair{"near pair", near()}, std::pair{"far pair", far()}}) {
            if (peer > 0) add(name, [&, p = peer](auto s, auto d) { return when(s == 0 && d == p); });
        }
        for (std::size_t k = 2; k < n; k = k == n - 1 ? n : std::min(2 * k, n - 1)) {
            add(fmt::format("one-to-{}", k),
                [&](auto s, auto d) { return when(s == 0 && d >= 1 && d <= k); });
            add(fmt::format("{}-to-one", k),
                [&](auto s, auto d) { return when(d == 0 && s >= 1 && s <= k); });
        }
        add("uniform", [&](auto, auto) { return size; });
        for (std::size_t shift = 1; shift < n; shift = shift == 1 && n > 2 ? n / 2 : n)
            add(fmt::format("permutation by {}", shift),
                [&](auto s, auto d) { return when((s + shift) % n == d); });
        for (std::uint64_t draw = 0; draw < spreads.size(); ++draw) {
            Random random(mix64(size) + draw, "probes");
            double const step = static_cast<double>(size) / static_cast<double>(before);
            double const most = static_cast<double>(size) * std::pow(step, -ways_down[draw]);
            // Log-uniform: unlike any popularity law.
            auto const drawn = [&] {
                auto const part = std::pow(spreads[draw], -random.uniform());
                return std::max(row_bytes_, static_cast<std::uint64_t>(most * part));
            };
            add(fmt::format("drawn {}", draw), [&](auto, auto) { return drawn(); });
            // What routers send: every rank prefers the same ranks, and on the way back they send as much.
            std::vector<std::uint64_t> popular(n);
            for (auto& bytes : popular) bytes = drawn();
            popular[random.below(n)] = std::max(row_bytes_, static_cast<std::uint64_t>(most));
            add(fmt::format("popular {}", draw), [&](auto, auto d) { return popular[d]; });
            add(fmt::format("popular {}, back", draw), [&](auto s, auto) { return popular[s]; });
        }
        return probes;
    }

  private:
    // The first other rank on the first rank's node, or on another one; 0: there is none.
    std::size_t first_with(bool same) const {
        for (std::size_t r = 1; r < nodes_.size(); ++r)
            if ((nodes_[r] == nodes_[0]) == same) return r;
        return 0;
    }
    std::size_t near() const { return first_with(true); }
    std::size_t far() const { return first_with(false); }

    std::vector<int> const& nodes_;
    std::uint64_t row_bytes_;
};

}  // namespace

std::string Probe::name() const {
    std::uint64_t most = 0;
    for (auto const b : bytes.values()) most = std::max(most, b);
    return fmt::format("{} {}", pattern, most);
}

std::vector<std::uint64_t> message_sizes(std::span<std::int64_t const> edges_bytes, std::int64_t row_bytes,
                                         std::uint64_t least_bytes, std::uint64_t most_bytes) {
    auto const row = static_cast<std::uint64_t>(row_bytes);
    std::set<std::uint64_t> edges;
    for (auto const limit : edges_bytes) {
        auto const edge = static_cast<std::uint64_t>(limit);
        if (edge > least_bytes && edge < most_bytes) edges.insert(edge);
    }
    std::set<std::uint64_t> sizes;
    auto const add = [&](double size) {
        sizes.insert(std::max(row, static_cast<std::uint64_t>(size) / row * row));
    };
    double low = static_cast<double>(std::max(least_bytes, row));
    edges.insert(most_bytes);
    for (auto const edge : edges) {
        auto const high = static_cast<double>(edge);
        // Both ends and at least one between, none further apart than a factor of 2.5.
        int const steps =
            std::max(2, static_cast<int>(std::ceil(std::log(high / low) / std::log(2.5) - 1e-9)));
        for (int i = 0; i <= steps; ++i) add(low * std::pow(high / low, static_cast<double>(i) / steps));
        if (edge != most_bytes) add(high + static_cast<double>(row));  // just beyond
        low = high + static_cast<double>(row);
    }
    return {sizes.begin(), sizes.end()};
}

std::vector<Probe> probes_for(std::vector<int> const& node_of_rank, std::span<std::int64_t const> edges_bytes,
                              std::int64_t row_bytes, std::uint64_t least_bytes, std::uint64_t most_bytes) {
    auto const n = node_of_rank.size();
    Patterns const patterns(node_of_rank, static_cast<std::uint64_t>(row_bytes));
    std::vector<Probe> probes{{"empty", Matrix(n, n)}};
    auto const sizes = message_sizes(edges_bytes, row_bytes, least_bytes, most_bytes);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        for (auto& probe : patterns.at(sizes[i], sizes[i > 0 ? i - 1 : 0])) {
            bool const is_new = std::none_of(probes.begin(), probes.end(),
                                             [&](Probe const& other) { return other.bytes == probe.bytes; });
            if (is_new) probes.push_back(std::move(probe));
        }
    }
    return probes;
}

}  // namespace moewire
