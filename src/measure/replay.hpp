// How long do a recorded routing's exchanges take without the model? The same plans, stamped payload.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "assignment/assignment.hpp"
#include "assignment/migration.hpp"
#include "base/grid.hpp"
#include "routing/routing.hpp"
#include "system/communicator.hpp"
#include "transport/dispatcher.hpp"
#include "transport/exchange.hpp"
#include "transport/steps.hpp"

namespace moewire {

// Memory of the rows on their way. Cases that are compared share it: where a buffer happens to lie in memory
// is worth several percent, and would look like a difference between equal placements.
struct ExchangeBuffers {
    std::vector<std::byte> home, expert;
};

// What is exchanged: a routing under an assignment. Layers of several batches follow one another.
struct ReplayCase {
    std::string dispatcher = "per_expert";
    Routing routing;
    Assignment assignment;
    std::int64_t row_bytes = 0;
    Moves moves = {};  // expert weights that move before a layer; empty: none ever
    std::int64_t expert_bytes = 0;
    std::shared_ptr<ExchangeBuffers> buffers = nullptr;  // null: its own
};

// One rank's part of a case: planned once, run many times.
class Replay {
  public:
    // Collective: all ranks (counts are exchanged). `exchange` must outlive the replay.
    // Throws: usage, when row_bytes cannot carry a stamp.
    Replay(Communicator const& communicator, Exchange& exchange, ReplayCase one);

    // Collective: all ranks. One stamped exchange per layer, there and back, checked byte by byte, and one of
    // stamped weights. Throws on all ranks: failure (source "verify"), naming rank, layer and row.
    void verify();

    // Collective: all ranks. One iteration: for every layer the weights that move, a dispatch and a combine,
    // each behind a barrier (cadence `isolated`). `observer` may be null.
    void run(StepObserver* observer);

    // Collective: all ranks. The weights of one layer alone, behind a barrier; nothing where none move.
    void migrate(LayerId layer, StepObserver* observer);

    // What this rank sends to each rank and receives from each. Shape: [layer, peer]. Unit: bytes.
    Grid<std::uint64_t, 2> sent_bytes() const;
    Grid<std::uint64_t, 2> received_bytes() const;

  private:
    std::span<std::byte> send_side(ExchangePlan const& plan);
    std::span<std::byte> receive_side(ExchangePlan const& plan);
    void plan_moves();
    bool has_moves(LayerId layer) const {
        return !case_.moves.empty() && !case_.moves[index_of(layer)].empty();
    }
    void ask(LayerId layer);            // fills the send side with questions
    std::string answer(LayerId layer);  // checks the questions, writes the answers; a problem, or ""
    std::string check_answers(LayerId layer);
    std::string move_stamped(LayerId layer);  // a problem, or ""

    Communicator communicator_;
    Exchange* exchange_;
    ReplayCase case_;
    std::vector<DispatchPlan> plans_;       // Shape: [layer]
    std::vector<ExchangePlan> move_plans_;  // Shape: [layer], or empty; rows are experts
    // At least as large as the largest layer; the combine overwrites the send side, as a real layer's result
    // may.
    std::shared_ptr<ExchangeBuffers> buffers_;
};

}  // namespace moewire
