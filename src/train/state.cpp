#include "train/state.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "checkpoint/safetensors.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

struct Kept {
    std::string name;
    at::Tensor values;  // a view of what learns
};

// Experts are kept one by one: another number of ranks shares them out otherwise.
std::vector<Kept> parts_of(LearningTensor const& one) {
    std::vector<Kept> parts;
    auto const add = [&](std::string const& kind, at::Tensor const& values) {
        if (!one.is_local()) {
            parts.push_back({kind + "/" + one.of.name, values});
            return;
        }
        for (std::size_t slot = 0; slot < one.of.experts.size(); ++slot)
            parts.push_back({fmt::format("{}/{}/{}", kind, one.of.name, index_of(one.of.experts[slot])),
                             values[static_cast<std::int64_t>(slot)]});
    };
    add("weight", one.master);
    add("first_moment", one.first);
    add("second_moment", one.second);
    // The model beside this state holds the sum: what it began from would be lost.
    if (one.low_rank) add("base", one.low_rank->base);
    return parts;
}

struct Found {
    SafetensorsFile const* file;
    TensorInfo const* info;
};

std::vector<SafetensorsFile> open_all(fs::path const& folder) {
    std::vector<fs::path> paths;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(folder, ignored)) {
        auto const name = entry.path().filename().string();
        if (name.starts_with("state-") && name.ends_with(".safetensors")) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<SafetensorsFile> files;
    for (auto const& path : paths) files.emplace_back(path);
    if (files.empty())
        throw input_error("train",
                          fmt::format("{} holds no state to go on from (no state-*.safetensors); name a "
                                      "checkpoint that `moewire train` or `finetune` wrote",
                                      folder.string()));
    return files;
}

std::int64_t step_of(SafetensorsFile const& file) {
    auto const found = file.metadata().find("step");
    std::int64_t step = -1;
    if (found != file.metadata().end())
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), step);
    if (step < 0)
        throw input_error("train",
                          fmt::format("{} names no step (it is no state of a training); name another "
                                      "checkpoint",
                                      file.path().string()));
    return step;
}

void read_one(Kept const& part, std::map<std::string, Found> const& all, fs::path const& folder) {
    auto const found = all.find(part.name);
    auto const count = static_cast<std::size_t>(part.values.numel());
    if (found == all.end() || found->second.info->dtype != DType::F32 ||
        found->second.info->shape != part.values.sizes().vec()) {
        throw input_error(
            "train", fmt::format("{} has no {} of this shape (another model, or other parts learned then); "
                                 "go on with the model and --learn of that run",
                                 folder.string(), part.name));
    }
    auto const values = at::empty(part.values.sizes(), at::kFloat);
    found->second.file->read(*found->second.info, 0,
                             {static_cast<std::byte*>(values.data_ptr()), count * sizeof(float)});
    part.values.copy_(values);
}

}  // namespace

void write_state(fs::path const& folder, std::vector<LearningTensor> const& tensors, std::int64_t step,
                 Communicator const& communicator) {
    run_on_all(communicator, [&] {
        std::vector<at::Tensor> kept;  // alive until written
        std::vector<TensorToWrite> parts;
        for (auto const& one : tensors) {
            if (!one.is_local() && !communicator.is_root()) continue;
            for (auto const& part : parts_of(one)) {
                kept.push_back(part.values.cpu().to(at::kFloat).contiguous());
                auto const& values = kept.back();
                parts.push_back({part.name,
                                 DType::F32,
                                 values.sizes().vec(),
                                 {static_cast<std::byte const*>(values.const_data_ptr()), values.nbytes()}});
            }
        }
        auto const name =
            fmt::format("state-{}-of-{}.safetensors", index_of(communicator.rank()), communicator.size());
        write_safetensors(folder / name, parts, {{"step", std::to_string(step)}});
    });
}

std::int64_t read_state(fs::path const& folder, std::vector<LearningTensor>& tensors,
                        Communicator const& communicator) {
    std::int64_t step = 0;
    run_on_all(communicator, [&] {
        auto const files = open_all(folder);
        std::map<std::string, Found> all;
        step = step_of(files.front());
        for (auto const& file : files) {
            if (step_of(file) != step)
                throw input_error("train",
                                  fmt::format("{} holds states of two steps (a copy went wrong); name "
                                              "another checkpoint",
                                              folder.string()));
            for (auto const& info : file.tensors()) all[info.name] = {&file, &info};
        }
        at::NoGradGuard const no_gradients;
        for (auto const& one : tensors) {
            for (auto const& part : parts_of(one)) read_one(part, all, folder);
        }
        publish(tensors);
    });
    return step;
}

}  // namespace moewire
