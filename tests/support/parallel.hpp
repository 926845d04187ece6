// A model's experts spread over the test's ranks by one strategy.
#pragma once

#include "assignment/strategy.hpp"
#include "model/language_model.hpp"
#include "support/routing.hpp"
#include "support/world.hpp"

namespace moewire {

class TestParallel {
  public:
    TestParallel(LanguageModel const& model, std::string const& strategy,
                 std::string dispatcher = "per_expert", std::shared_ptr<Exchange> exchange = nullptr)
        : dispatcher_(std::move(dispatcher)),
          exchange_(exchange ? std::move(exchange) : make_exchange(default_exchange(world()), world())),
          assignment_(make_plan(strategy, {random_demand(static_cast<std::size_t>(model.facts().layers),
                                                         world().size(), model.facts().experts, 5),
                                           world().size(), 3})),
          experts_(model.load_experts(assignment_, world().rank())) {}

    ExpertParallel view() const { return {world(), *exchange_, assignment_, *experts_, dispatcher_}; }
    Assignment const& assignment() const { return assignment_; }

  private:
    std::string dispatcher_;
    std::shared_ptr<Exchange> exchange_;
    Assignment assignment_;
    std::shared_ptr<ExpertBank const> experts_;
};

}  // namespace moewire
