// Where may several ranks write? A folder that all of them agree on.
#pragma once

#include <memory>

#include "support/scratch.hpp"
#include "support/world.hpp"

namespace moewire {

// The root makes it and removes it.
class SharedScratch {
  public:
    SharedScratch() {
        if (world().is_root()) own_ = std::make_unique<Scratch>();
        name_ = world().broadcast(own_ ? own_->path().string() : std::string());
    }
    ~SharedScratch() { world().barrier(); }
    SharedScratch(SharedScratch const&) = delete;
    std::filesystem::path path() const { return name_; }

  private:
    std::unique_ptr<Scratch> own_;
    std::string name_;
};

}  // namespace moewire
