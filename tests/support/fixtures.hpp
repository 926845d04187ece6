// The small random models and what transformers computed from them (tests/fixtures/make_models.py).
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "checkpoint/safetensors.hpp"

namespace moewire {

inline std::filesystem::path fixtures() {
    char const* const folder = std::getenv("MOEWIRE_FIXTURES");
    return folder == nullptr ? "tests/fixtures" : folder;
}

inline std::filesystem::path home() {
    return std::getenv("MOEWIRE_HOME");
}

// Every folder there, sorted: a new one is tested the moment it exists.
inline std::vector<std::string> fixture_models() {
    std::vector<std::string> names;
    for (auto const& entry : std::filesystem::directory_iterator(fixtures() / "models"))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}
inline std::filesystem::path fixture_model(std::string const& name) {
    return fixtures() / "models" / name;
}

// expected.safetensors of one fixture model.
class Expected {
  public:
    explicit Expected(std::string const& model, std::string const& file = "expected.safetensors")
        : file_(fixture_model(model) / file) {}

    bool contains(std::string const& name) const {
        return std::any_of(file_.tensors().begin(), file_.tensors().end(),
                           [&](auto const& info) { return info.name == name; });
    }

    template <class T>
    std::vector<T> values(std::string const& name) const {
        for (auto const& info : file_.tensors()) {
            if (info.name != name) continue;
            std::vector<T> values(info.bytes() / sizeof(T));
            file_.read(info, 0, std::as_writable_bytes(std::span<T>(values)));
            return values;
        }
        throw std::runtime_error("no expected " + name);
    }

    Grid<std::int32_t, 2> tokens(std::string const& set) const {
        auto const all = values<std::int32_t>(set + ".tokens");
        return {{2, all.size() / 2}, all};
    }

  private:
    SafetensorsFile file_;
};

}  // namespace moewire
