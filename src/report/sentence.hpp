// What is a sentence worth? A text, and every number in it with the place in the trace that it came from.
#pragma once

#include <string>
#include <vector>

#include "report/summary.hpp"

namespace moewire {

// One number of a sentence.
struct Fact {
    std::string shown;     // as it stands in the text: "2.06 ms", "19.0"
    double value = 0;      // what `shown` rounds, in SI units, or in what the quantity's name says
    std::string quantity;  // "charged_p50_s", "gain_percent": how it follows from the trace
    std::string of;        // key of the case, or "mode/model" of a cost model, or empty: of the whole run
    std::string against;   // key of the other case, where two are compared
};

// Built piece by piece; `cite` returns what is shown, for the text, and keeps where it came from.
struct Sentence {
    std::string topic;  // "fastest", "cost", "binding", "late", "prediction", "slope", "unmeasured", "limit",
                        // "samples", "twin"
    std::string text;
    std::vector<Fact> facts;

    std::string cite(std::string shown, double value, std::string quantity, std::string of = "",
                     std::string against = "");
    std::string seconds(double value_s, std::string quantity, std::string of = "");
    std::string percent(double value_percent, int digits, std::string quantity, std::string of = "",
                        std::string against = "");
    std::string count(std::int64_t value, std::string quantity, std::string of = "",
                      std::string against = "");
    // The words of `say_comparison`.
    std::string comparison(Comparison const& compared, CaseSummary const& one, CaseSummary const& other);
};

// "12.0 % faster (95 %: 8.1 to 15.2 %)", "3.0 % slower (...)", "no clear difference (...)".
std::string say_comparison(Comparison const& comparison);

// A time ratio as a gain in percent: 0.88 -> 12.
double gain_percent(double ratio);

}  // namespace moewire
