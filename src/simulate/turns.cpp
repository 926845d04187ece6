#include "simulate/turns.hpp"

namespace moewire {

Turns::Turns(FlowTurns const& turns, std::span<std::uint32_t const> flows)
    : turns_(turns),
      flows_left_(turns.before.size()),
      behind_(turns.before.size()),
      waiting_(turns.before.size()),
      is_over_(turns.before.size()),
      waits_for_(turns.of_flow.size()) {
    if (turns.is_empty()) return;
    for (auto const flow : flows) {
        for (auto const turn : turns.of_flow[flow]) {
            if (turn == no_turn) continue;
            ++flows_left_[turn];
            if (turns.before[turn] == no_turn) continue;
            waiting_[turns.before[turn]].push_back(flow);
            ++waits_for_[flow];
        }
    }
    for (std::uint32_t turn = 0; turn < turns.before.size(); ++turn)
        if (turns.before[turn] != no_turn) behind_[turns.before[turn]].push_back(turn);
    std::vector<std::uint32_t> released;  // they do not wait any more, that is all
    for (std::uint32_t turn = 0; turn < turns.before.size(); ++turn)
        if (turns.before[turn] == no_turn && flows_left_[turn] == 0) finish(turn, released);
}

bool Turns::is_reached(std::uint32_t turn) const {
    return turns_.before[turn] == no_turn || is_over_[turns_.before[turn]] != 0;
}

void Turns::end(std::uint32_t flow, std::vector<std::uint32_t>& released) {
    if (turns_.is_empty()) return;
    for (auto const turn : turns_.of_flow[flow])
        if (turn != no_turn && --flows_left_[turn] == 0 && is_reached(turn)) finish(turn, released);
}

void Turns::finish(std::uint32_t turn, std::vector<std::uint32_t>& released) {
    is_over_[turn] = 1;
    for (auto const flow : waiting_[turn])
        if (--waits_for_[flow] == 0) released.push_back(flow);
    for (auto const next : behind_[turn])
        if (flows_left_[next] == 0) finish(next, released);
}

}  // namespace moewire
