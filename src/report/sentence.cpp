#include "report/sentence.hpp"

#include <fmt/format.h>

#include "base/show.hpp"

namespace moewire {
namespace {

// The same words for a table and for a sentence: `shown` gets what a number means and the number.
template <class Show>
std::string compared(Comparison const& comparison, Show const& shown) {
    auto const& r = comparison.ratio;
    double const least = gain_percent(r.high), most = gain_percent(r.low);
    auto const three = [&](double sign, char const* word) {
        auto const value = shown("gain_percent", sign * gain_percent(r.value), sign);
        auto const first =
            sign > 0 ? shown("gain_low_percent", least, sign) : shown("gain_high_percent", sign * most, sign);
        auto const second =
            sign > 0 ? shown("gain_high_percent", most, sign) : shown("gain_low_percent", sign * least, sign);
        return fmt::format("{} % {} (95 %: {} to {} %)", value, word, first, second);
    };
    if (comparison.verdict == Verdict::faster) return three(1, "faster");
    if (comparison.verdict == Verdict::slower) return three(-1, "slower");
    auto const slower = shown("gain_low_percent", -least, -1.0);
    auto const faster = shown("gain_high_percent", most, 1.0);
    return fmt::format("no clear difference (95 %: {} % slower to {} % faster{})", slower, faster,
                       r.bounded ? "" : ", n too small for 95 %");
}

}  // namespace

double gain_percent(double ratio) {
    return 100 * (1 - ratio);
}

std::string say_comparison(Comparison const& comparison) {
    return compared(comparison,
                    [](char const*, double value, double) { return fmt::format("{:.1f}", value); });
}

std::string Sentence::cite(std::string shown, double value, std::string quantity, std::string of,
                           std::string against) {
    facts.push_back({shown, value, std::move(quantity), std::move(of), std::move(against)});
    return shown;
}

std::string Sentence::seconds(double value_s, std::string quantity, std::string of) {
    return cite(show_seconds(value_s), value_s, std::move(quantity), std::move(of));
}

std::string Sentence::percent(double value_percent, int digits, std::string quantity, std::string of,
                              std::string against) {
    return cite(fmt::format("{:.{}f}", value_percent, digits), value_percent, std::move(quantity),
                std::move(of), std::move(against));
}

std::string Sentence::count(std::int64_t value, std::string quantity, std::string of, std::string against) {
    return cite(std::to_string(value), static_cast<double>(value), std::move(quantity), std::move(of),
                std::move(against));
}

std::string Sentence::comparison(Comparison const& compared_, CaseSummary const& one,
                                 CaseSummary const& other) {
    return compared(compared_, [&](char const* quantity, double value, double sign) {
        // Kept as a gain, whichever way it is worded.
        return cite(fmt::format("{:.1f}", value), sign * value, quantity, one.key, other.key);
    });
}

}  // namespace moewire
