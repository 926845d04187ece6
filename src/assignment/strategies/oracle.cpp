// A plan of every batch made from that batch, with the copies' shares levelled and their weights already in
// place: what balancing by slots could reach at most. Nobody can run it.
#include "assignment/replication.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

Schedule follow(StreamRequest const& request) {
    Schedule schedule;
    schedule.plan = replicated_plan(request.stream, request.plan);
    schedule.before = schedule.plan.slice(0, request.plan.demand.layers());
    schedule.moves.resize(schedule.plan.layers());  // none is charged
    return schedule;
}

std::vector<Setting> settings() {
    auto all = replication_settings();
    for (auto& setting : all) {
        if (setting.name == "choice") setting.words = {"weighted"};
    }
    return all;
}

bool const registered =
    register_in<Strategy>("oracle", "A bound: each batch planned from itself, its weights already in place.",
                          {.family = Family::replication,
                           .settings = settings(),
                           .follow = follow,
                           .knowledge = Knowledge::this_batch,
                           .standing = Standing::bound});

}  // namespace
}  // namespace moewire
