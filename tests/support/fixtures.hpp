// The small random models and what transformers computed from them (tests/fixtures/make_models.py).
#pragma once

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "checkpoint/safetensors.hpp"

namespace moewire {

inline std::filesystem::path fixtures() {
    return std::getenv("MOEWIRE_FIXTURES");
}

inline std::filesystem::path home() {
    return std::getenv("MOEWIRE_HOME");
}

inline std::vector<std::string> fixture_models() {
    return {"mixtral-even", "mixtral-odd", "olmoe-even", "olmoe-odd", "phimoe-even", "phimoe-odd"};
}
inline std::filesystem::path fixture_model(std::string const& name) {
    return fixtures() / "models" / name;
}

// expected.safetensors of one fixture model.
class Expected {
  public:
    explicit Expected(std::string const& model) : file_(fixture_model(model) / "expected.safetensors") {}

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
