// How are counts imposed? From shares of experts to tokens with distinct experts and just those counts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "routing/control.hpp"

namespace moewire {

// Shares that sum to 1, none above 1 / top_k: a token chooses an expert once at most. What is cut off goes to
// the others in proportion. Shape: [expert].
std::vector<double> capped_shares(std::vector<double> weights, std::int64_t top_k);

// The counts nearest to the shares: they sum to tokens x top_k, none above tokens.
std::vector<std::int64_t> counts_of(std::vector<double> const& shares, std::int64_t tokens,
                                    std::int64_t top_k);

// Tokens whose experts differ and occur as often as asked, in random company. Shape: [token, choice].
// Throws: contract, unless the counts sum to tokens x top_k and none exceeds the tokens.
std::vector<std::int32_t> deal(std::vector<std::int64_t> const& counts, std::int64_t tokens,
                               std::int64_t top_k, Random& random);

// A routing with these shares in every layer; `shares` is asked for each layer. The same on every source but
// for the company that experts keep.
Routing impose_shares(ControlRequest const& request,
                      std::function<std::vector<double>(std::size_t layer)> const& shares);

// The setting `order`, and its effect: hottest expert first (with `contiguous`, hot experts share ranks), or
// experts shuffled by seed and layer.
Setting order_setting(std::string const& usual);
std::vector<double> in_order(std::vector<double> descending, ControlRequest const& request,
                             std::size_t layer);

// Do the counts of every layer equal those of the shares? A problem, or "".
std::string check_shares(ControlRequest const& request, Routing const& routing,
                         std::function<std::vector<double>(std::size_t layer)> const& shares);

// Calls `check` with the counts of every layer until it finds a problem.
std::string check_layers(Routing const& routing,
                         std::function<std::string(std::vector<std::int64_t> const& counts)> const& check);

// Experts of a rank under the placement `contiguous`: first and one past the last.
std::pair<std::int32_t, std::int32_t> block_of(RankId rank, std::int32_t experts, int ranks);

}  // namespace moewire
