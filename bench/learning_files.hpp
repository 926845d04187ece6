// What does a training leave behind? Checkpoints that are whole or not there, and the history.
#pragma once

#include <filesystem>

#include "base/json.hpp"
#include "bench/subject.hpp"
#include "train/trainer.hpp"

namespace moewire {

// Checkpoints below one folder: "step-000120", each a model folder that transformers reads, with what
// learning needs to go on in its folder "training".
class CheckpointShelf {
  public:
    // `in_use`: the checkpoint that the run goes on from, if any. It stays, since its layout is needed to
    // save.
    CheckpointShelf(std::filesystem::path output_dir, std::int64_t keep_last,
                    std::filesystem::path in_use = {});

    // Collective: all ranks. Written under another name, synced, then renamed; the oldest beyond those to
    // keep go. Throws on all ranks: failure.
    std::filesystem::path write(Subject const& subject, ExpertParallel const& parallel,
                                Trainer const& trainer, Json const& history) const;

    // Collective: all ranks. The weights as they are now under a name of their own, in place of what was
    // there.
    void publish(Subject const& subject, ExpertParallel const& parallel, std::string const& name) const;

    // What a killed run left half written goes. Rank 0 alone.
    void tidy() const;

  private:
    void drop_old() const;
    std::filesystem::path output_dir_;
    std::int64_t keep_last_;
    std::filesystem::path in_use_;
};

// One step as a line of the history. `seconds`: of a step, as far as it is known.
Json step_to_json(StepRecord const& record, std::vector<BalanceTermOptions> const& terms,
                  std::int64_t steps_of_epoch, double seconds);

}  // namespace moewire
