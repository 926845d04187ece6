// Which layer of the whole text is this one of a batch?
#pragma once

#include "transport/steps.hpp"

namespace moewire {

// Layers of one batch, told as layers of the whole text.
class BatchObserver : public StepObserver {
  public:
    BatchObserver(StepObserver& all, std::size_t first_layer) : all_(all), first_(first_layer) {}
    void enter(LayerId layer, Step step) override {
        all_.enter(make_id<LayerId>(index_of(layer) + first_), step);
    }
    void leave(LayerId layer, Step step) override {
        all_.leave(make_id<LayerId>(index_of(layer) + first_), step);
    }

  private:
    StepObserver& all_;
    std::size_t first_;
};

}  // namespace moewire
