// How long do a recorded routing's exchanges take without the model? The same plans, stamped payload.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "assignment/assignment.hpp"
#include "assignment/migration.hpp"
#include "base/grid.hpp"
#include "measure/cadence.hpp"
#include "measure/row_memory.hpp"
#include "routing/routing.hpp"
#include "system/communicator.hpp"
#include "transport/dispatcher.hpp"
#include "transport/exchange.hpp"
#include "transport/steps.hpp"

namespace moewire {

// `cold`: something else fills the GPU's cache before each exchange.
enum class CacheState { warm, cold };
struct ReplayStyle {
    Cadence cadence = Cadence::isolated;
    CacheState cache = CacheState::warm;
    double delay_s = 0;  // of this rank, on purpose, before each exchange
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

    // Collective: all ranks. One iteration: for every layer the weights that move, a dispatch and a combine.
    // `observer` may be null. On a GPU it returns when the work is enqueued.
    void run(StepObserver* observer, ReplayStyle const& style = {});

    // Collective: all ranks. The weights of one layer alone, behind a barrier; nothing where none move.
    void migrate(LayerId layer, StepObserver* observer, ReplayStyle const& style = {});

    // What this rank sends to each rank and receives from each. Shape: [layer, peer]. Unit: bytes.
    Grid<std::uint64_t, 2> sent_bytes() const;
    Grid<std::uint64_t, 2> received_bytes() const;

  private:
    std::size_t send_bytes(ExchangePlan const& plan) const;
    std::size_t receive_bytes(ExchangePlan const& plan) const;
    void exchange(ExchangePlan const& plan);  // rows of `home` to `expert`
    void exchange_back(LayerId layer);
    void prepare(ReplayStyle const& style);  // for the next exchange
    void lead_in(ReplayStyle const& style);  // what the first timed exchange follows
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
    std::vector<ExchangePlan> ways_back_;   // Shape: [layer]; made beforehand, for they are timed
    std::vector<ExchangePlan> move_plans_;  // Shape: [layer], or empty; rows are experts
    // At least as large as the largest layer; the combine overwrites the send side, as a real layer's result
    // may.
    std::shared_ptr<ExchangeBuffers> buffers_;
};

}  // namespace moewire
