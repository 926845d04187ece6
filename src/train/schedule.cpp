#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/trainer.hpp"

namespace moewire {

double RateSchedule::at(std::int64_t step) const {
    double const rise =
        warmup > 0 ? std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup)) : 1;
    auto const length = static_cast<double>(std::max<std::int64_t>(1, total - 1));
    double const way = std::clamp(static_cast<double>(step) / length, 0.0, 1.0);
    return peak * rise * (floor + (1 - floor) * 0.5 * (1 + std::cos(std::numbers::pi * way)));
}

}  // namespace moewire
