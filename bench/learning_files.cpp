#include "bench/learning_files.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "routing/imbalance.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

constexpr char const* unfinished = ".unfinished";

// A rename is on disk once its folder is.
void sync_folder(fs::path const& folder) {
    int const descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}

// A copy's card and reference figures tell of other weights.
void drop_card(fs::path const& folder) {
    for (auto const* name : {"README.md", "reference.json", "training_history.json"})
        fs::remove(folder / name);
}

}  // namespace

CheckpointShelf::CheckpointShelf(fs::path output_dir, std::int64_t keep_last, fs::path in_use)
    : output_dir_(std::move(output_dir)),
      keep_last_(std::max<std::int64_t>(1, keep_last)),
      in_use_(std::move(in_use)) {}

fs::path CheckpointShelf::write(Subject const& subject, ExpertParallel const& parallel,
                                Trainer const& trainer, Json const& history) const {
    auto const& world = parallel.communicator;
    auto const folder = output_dir_ / "checkpoints" / fmt::format("step-{:06}", trainer.steps_done());
    auto const part = fs::path(folder.string() + unfinished);
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        fs::create_directories(folder.parent_path());
        fs::remove_all(part);
    });
    subject.model->save(part, parallel);
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        drop_card(part);
        fs::create_directories(part / "training");
        write_file(part / "training" / "history.json", to_text(history));
    });
    trainer.save_state(part / "training");
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        sync_folder(part / "training");
        sync_folder(part);
        fs::remove_all(folder);
        fs::rename(part, folder);
        sync_folder(folder.parent_path());
        drop_old();
    });
    return folder;
}

void CheckpointShelf::publish(Subject const& subject, ExpertParallel const& parallel,
                              std::string const& name) const {
    auto const& world = parallel.communicator;
    auto const folder = output_dir_ / name, fresh = fs::path(folder.string() + unfinished);
    run_on_all(world, [&] {
        if (world.is_root()) fs::remove_all(fresh);
    });
    subject.model->save(fresh, parallel);
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        drop_card(fresh);
        fs::remove_all(folder);
        fs::rename(fresh, folder);
        sync_folder(output_dir_);
    });
}

void CheckpointShelf::tidy() const {
    std::error_code ignored;
    for (auto const& place : {output_dir_, output_dir_ / "checkpoints"}) {
        std::vector<fs::path> left;
        for (auto const& entry : fs::directory_iterator(place, ignored)) {
            auto const name = entry.path().filename().string();
            if (name.find(unfinished) != std::string::npos) left.push_back(entry.path());
        }
        for (auto const& path : left) fs::remove_all(path, ignored);
    }
}

void CheckpointShelf::drop_old() const {
    std::vector<fs::path> found;
    for (auto const& entry : fs::directory_iterator(output_dir_ / "checkpoints")) {
        auto const name = entry.path().filename().string();
        if (name.starts_with("step-") && !name.ends_with(unfinished)) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    for (std::size_t i = 0; i + static_cast<std::size_t>(keep_last_) < found.size(); ++i) {
        if (found[i] == in_use_) continue;
        // Out of the way first: a half removed one must not look like a checkpoint.
        auto const gone = fs::path(found[i].string() + unfinished);
        fs::rename(found[i], gone);
        fs::remove_all(gone);
    }
}

Json step_to_json(StepRecord const& r, std::vector<BalanceTermOptions> const& terms,
                  std::int64_t steps_of_epoch, double seconds) {
    Json losses = Json::object();
    for (std::size_t t = 0; t < terms.size(); ++t) losses[terms[t].spec] = r.term_values[t];
    double gini = 0, max_over_mean = 0;
    auto const layers = r.expert_tokens.extent(0);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        auto const imbalance = imbalance_of(r.expert_tokens.row(layer));
        gini += imbalance.gini / static_cast<double>(layers);
        max_over_mean += imbalance.max_over_mean / static_cast<double>(layers);
    }
    Json line{{"step", r.step}};
    if (steps_of_epoch > 0) line["epoch"] = (r.step - 1) / steps_of_epoch + 1;
    line.update({{"lm_loss", r.lm_loss},
                 {"imbalance_loss", r.term_values[0]},
                 {"load_balance_loss", r.term_values[1]},
                 {"total_loss", r.total_loss},
                 {"losses", losses},
                 {"hard_gini", gini},
                 {"hard_max_over_mean", max_over_mean},
                 {"learning_rate", r.learning_rate},
                 {"gradient_norm", r.gradient_norm},
                 {"router_gradient_norm", r.router_gradient_norm},
                 {"tokens", r.tokens},
                 {"tokens_per_s", static_cast<double>(r.tokens) / std::max(seconds, 1e-9)}});
    return line;
}

}  // namespace moewire
