// What happens inside one MoE layer, and who watches? The steps around an exchange, as a clock sees them.
#pragma once

#include "base/ids.hpp"

namespace moewire {

// In the order in which a layer runs them.
enum class Step {
    migrate,    // expert weights that the plan of this batch needs elsewhere
    attention,  // since the last layer with experts: attention, norms, layers without experts, embedding
    router,     // experts chosen for every token
    counts,     // rows sorted by destination, counts exchanged
    permute,    // rows gathered in send order; on a GPU within counts, while those travel
    dispatch,   // the exchange to the experts
    experts,    // rows regrouped by expert, experts computed, results back in receive order
    combine,    // the exchange back
    unpermute,  // results back in token order, weighted and summed
    shared      // experts that every token goes through, at home
};
inline constexpr int step_count = 10;

constexpr char const* name_of(Step step) {
    constexpr char const* names[step_count] = {"migrate",  "attention", "router",  "counts",    "permute",
                                               "dispatch", "experts",   "combine", "unpermute", "shared"};
    return names[static_cast<int>(step)];
}

// Told when a rank enters and leaves each step. Called on the thread that runs the step.
class StepObserver {
  public:
    virtual ~StepObserver() = default;
    virtual void enter(LayerId layer, Step step) = 0;
    virtual void leave(LayerId layer, Step step) = 0;
};

// Tells an observer, where there is one, of a step that lasts from construction to destruction.
class StepScope {
  public:
    StepScope(StepObserver* observer, LayerId layer, Step step)
        : observer_(observer), layer_(layer), step_(step) {
        if (observer_ != nullptr) observer_->enter(layer_, step_);
    }
    ~StepScope() {
        if (observer_ != nullptr) observer_->leave(layer_, step_);
    }
    StepScope(StepScope const&) = delete;
    StepScope& operator=(StepScope const&) = delete;

  private:
    StepObserver* observer_;
    LayerId layer_;
    Step step_;
};

}  // namespace moewire
