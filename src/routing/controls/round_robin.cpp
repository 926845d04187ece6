// Perfect balance: choices dealt to ranks first, then to the experts of a rank, each source starting at
// another rank. Dealt by expert alone, or with one phase for all, half the ranks would idle in turn.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/registry.hpp"
#include "routing/imposed.hpp"

namespace moewire {
namespace {

class Dealer {
  public:
    explicit Dealer(ControlRequest const& r) : request_(r), turn_(index_of(r.source)) {
        next_of_rank_.resize(static_cast<std::size_t>(r.ranks));
    }

    void deal(std::span<std::int32_t> picks) {
        for (std::size_t c = 0; c < picks.size(); ++c) {
            std::optional<std::int32_t> expert;
            // A small rank may have no expert left for this token: its turn passes.
            for (int tries = 0; tries < request_.ranks && !expert; ++tries)
                expert = free_expert(turn_++ % static_cast<std::size_t>(request_.ranks), picks.first(c));
            picks[c] = *expert;
        }
    }

  private:
    std::optional<std::int32_t> free_expert(std::size_t rank, std::span<std::int32_t const> taken) {
        auto const [begin, end] = block_of(make_id<RankId>(rank), request_.experts, request_.ranks);
        for (std::int32_t tries = 0; tries < end - begin; ++tries) {
            auto const expert = begin + static_cast<std::int32_t>(next_of_rank_[rank]++ %
                                                                  static_cast<std::size_t>(end - begin));
            if (std::find(taken.begin(), taken.end(), expert) == taken.end()) return expert;
        }
        return std::nullopt;
    }

    ControlRequest const& request_;
    std::size_t turn_;
    std::vector<std::size_t> next_of_rank_;
};

Routing route(ControlRequest const& r) {
    Routing routing{r.experts, Grid<std::int32_t, 3>(r.layers, r.tokens, r.top_k)};
    for (std::size_t layer = 0; layer < r.layers; ++layer) {
        Dealer dealer(r);
        for (std::int64_t token = 0; token < r.tokens; ++token) dealer.deal(routing.picks.row(layer, token));
    }
    return routing;
}

// Every rank receives the same from this source, to one choice; so does every expert of a rank.
std::string self_check(ControlRequest const& r, Routing const& routing) {
    auto const least_block = r.experts / r.ranks;
    if (r.top_k > static_cast<std::int64_t>(r.ranks) * least_block) return "";  // turns pass: no claim
    return check_layers(routing, [&](std::vector<std::int64_t> const& counts) -> std::string {
        std::vector<std::int64_t> ranks;
        for (RankId const rank : ids<RankId>(r.ranks)) {
            auto const [begin, end] = block_of(rank, r.experts, r.ranks);
            ranks.push_back(0);
            for (auto e = begin; e < end; ++e) ranks.back() += counts[static_cast<std::size_t>(e)];
        }
        auto const [least, most] = std::minmax_element(ranks.begin(), ranks.end());
        if (*most - *least <= 1) return "";
        return fmt::format("ranks receive [{}]", fmt::join(ranks, ", "));
    });
}

bool const registered = register_in<Control>(
    "round_robin", "Every rank and expert receives the same; the reference of perfect balance.",
    {route, self_check});

}  // namespace
}  // namespace moewire
