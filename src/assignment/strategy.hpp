// How is a plan made? The interface of every placement and replication in strategies/.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "assignment/assignment.hpp"
#include "assignment/migration.hpp"
#include "base/settings.hpp"
#include "routing/routing.hpp"

namespace moewire {

enum class Family { placement, replication };
std::string_view name_of(Family family);

// What a plan may be made from. Times are those of the test text, always.
enum class Knowledge {
    plan_text,     // the plan text's demand alone
    past_batches,  // and the demand of the batches before the one it serves
    this_batch     // and that of the batch that it serves, known once its router has run
};
std::string_view name_of(Knowledge knowledge);

// A bound shows what better planning could reach at most; nobody could run it.
enum class Standing { strategy, bound };

struct PlanRequest {
    Demand const& demand;  // of the plan text. Shape: [layer, source rank, expert]
    int ranks = 1;
    std::uint64_t seed = 0;
    std::vector<std::int32_t> node_of_rank = {};  // empty: all ranks on one node
    // How often a token of the plan text chose both experts. Shape: [layer, expert, expert]; null: unknown.
    Grid<std::int64_t, 3> const* pairs = nullptr;
    Settings settings = {};  // filled by make_schedule from the spec
};

// A text that comes in batches: `batches` x layers, one batch after another.
struct StreamRequest {
    PlanRequest plan;
    Demand const& stream;  // of the test text. Shape: [batch x layer, source rank, expert]
    std::size_t batches = 1;
};

// The plan of every layer of every batch, and the experts that have to move for it.
struct Schedule {
    Assignment before;                    // where weights lie before the first batch. Shape: [layer, ...]
    Assignment plan;                      // Shape: [batch x layer, ...]
    Moves moves;                          // charged to the batch that needs them
    std::map<std::string, double> notes;  // what a strategy says of its plan, e.g. its gap to the optimum
};

struct Planned {
    Assignment assignment;
    std::map<std::string, double> notes = {};
};

// A strategy is a pure function: the same request gives the same plan on every rank and every machine. One of
// `plan` and `follow` is set.
struct Strategy {
    static constexpr char const* catalogue = "assignment/strategies";
    Family family = Family::placement;
    std::vector<Setting> settings = {};
    std::function<Planned(PlanRequest const&)> plan = {};       // one plan for all batches
    std::function<Schedule(StreamRequest const&)> follow = {};  // a plan for each batch
    Knowledge knowledge = Knowledge::plan_text;
    Standing standing = Standing::strategy;
};

// `spec`: "[family:]name[:key=value]...".
// Throws: usage, when there are fewer experts than ranks (a rank would hold none), for an unknown name, the
// wrong family or a wrong setting.
Schedule make_schedule(std::string_view spec, StreamRequest const& request);

// The plan for a text of one batch that is the plan text itself.
Assignment make_plan(std::string_view spec, PlanRequest const& request);

// The strategy that a spec names. Throws: usage, for an unknown name, another family or a wrong setting.
Strategy const& strategy_of(Spec const& spec);

// Slots of each rank when experts do not divide evenly: the first experts % ranks ranks hold one more.
std::vector<std::int32_t> even_capacities(std::int32_t experts, int ranks);

// An expert's tokens over all ranks, as numbers that can be divided. Shape: [expert].
std::vector<double> load_of(Demand const& demand, LayerId layer);

}  // namespace moewire
