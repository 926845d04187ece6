// Which parts of a study are done? A list in its folder, so that a resumed study does only the rest.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include "bench/command.hpp"

namespace moewire {

class Stages {
  public:
    // Collective: all ranks. `identity` says what is studied. Throws on all ranks: usage, when `resume` is
    // asked and the folder holds another study, or it is not and the folder holds one.
    enum class Start { fresh, resume };
    Stages(Context const& context, std::filesystem::path folder, std::string identity, Start start);

    // Collective: all ranks. Runs `work` unless an earlier session finished the stage; then notes that it is
    // done. Returns whether it ran.
    bool run(std::string const& name, std::function<void()> const& work);

  private:
    void write() const;

    Context const& context_;
    std::filesystem::path file_;
    std::string identity_;
    std::set<std::string> done_;  // on rank 0
};

}  // namespace moewire
