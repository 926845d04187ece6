#include "measure/questions.hpp"

#include <limits>

#include "assignment/replica_choice.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

// One number for a set of experts, whatever their order; a single expert's is its id.
class ExpertSet {
  public:
    void add(std::size_t expert) {
        sum_ += mix64(expert + 1);
        ++count_;
        last_ = static_cast<std::uint32_t>(expert);
    }
    std::uint32_t code() const {
        return count_ == 1 ? last_ : static_cast<std::uint32_t>(sum_ ^ (sum_ >> 32));
    }

  private:
    std::uint64_t sum_ = 0;
    std::uint32_t last_ = 0;
    int count_ = 0;
};

constexpr auto padding_stamp = std::numeric_limits<std::uint32_t>::max();

// Rows lie by rank, so a row's place names its destination.
std::size_t destination_of(ExchangePlan const& plan, std::size_t sent) {
    std::int64_t past = 0;
    std::size_t rank = 0;
    while ((past += plan.send_rows[rank]) <= static_cast<std::int64_t>(sent)) ++rank;
    return rank;
}

}  // namespace

std::vector<RowStamp> questions_of(DispatchPlan const& plan, Assignment const& assignment, LayerId layer,
                                   RankId source, std::span<std::int32_t const> picks, std::size_t top_k) {
    auto const slots = choose_slots(assignment, layer, source, picks);
    std::vector<ExpertSet> wanted(plan.token_of_sent.size());
    std::vector<std::size_t> destination(wanted.size());
    for (std::size_t sent = 0; sent < wanted.size(); ++sent)
        destination[sent] = destination_of(plan.exchange, sent);
    for (std::size_t token = 0; token < plan.home_start.size(); ++token) {
        auto const begin = static_cast<std::size_t>(plan.home_start[token]);
        auto const end = token + 1 < plan.home_start.size()
                             ? static_cast<std::size_t>(plan.home_start[token + 1])
                             : plan.home_order.size();
        for (auto answer = begin; answer < end; ++answer) {
            auto const sent = static_cast<std::size_t>(plan.home_order[answer]);
            if (!plan.choice_of_answer.empty()) {
                wanted[sent].add(
                    static_cast<std::size_t>(picks[static_cast<std::size_t>(plan.choice_of_answer[answer])]));
                continue;
            }
            for (auto row = token * top_k; row < (token + 1) * top_k; ++row) {
                if (slots[row] == no_slot) continue;
                if (index_of(assignment.rank_of(layer, SlotId{slots[row]})) == destination[sent])
                    wanted[sent].add(static_cast<std::size_t>(picks[row]));
            }
        }
    }
    std::vector<RowStamp> stamps;
    for (std::size_t sent = 0; sent < wanted.size(); ++sent) {
        auto const token = plan.token_of_sent[sent];
        stamps.push_back({static_cast<std::uint32_t>(index_of(source)),
                          token == padding_row ? padding_stamp : wanted[sent].code(),
                          token == padding_row ? sent : static_cast<std::uint64_t>(token)});
    }
    return stamps;
}

std::vector<std::uint32_t> served_experts(DispatchPlan const& plan, Assignment const& assignment,
                                          LayerId layer, RankId rank) {
    auto const rows = static_cast<std::size_t>(plan.exchange.total_receive_rows());
    std::vector<ExpertSet> served(rows);
    std::vector<bool> is_served(rows);
    auto const first = index_of(assignment.first_slot(layer, rank));
    for (std::size_t slot = 0, row = 0; slot < plan.slot_end.size(); ++slot) {
        auto const expert = assignment.expert_of(layer, make_id<SlotId>(first + slot));
        for (; row < static_cast<std::size_t>(plan.slot_end[slot]); ++row) {
            auto const position = static_cast<std::size_t>(plan.expert_order[row]);
            served[position].add(index_of(expert));
            is_served[position] = true;
        }
    }
    std::vector<std::uint32_t> codes;
    for (std::size_t row = 0; row < rows; ++row)
        codes.push_back(is_served[row] ? served[row].code() : padding_stamp);
    return codes;
}

}  // namespace moewire
