#include "base/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/contract.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

constexpr std::string_view families[] = {"placement", "replication", "policy", "control"};

std::vector<std::string> parts_of(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        auto const end = std::min(text.find(':', begin), text.size());
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

double read_number(Spec const& spec, Setting const& setting, std::string const& text) {
    double value = 0;
    auto const* const end = text.data() + text.size();
    auto const [stop, problem] = std::from_chars(text.data(), end, value);
    bool const parsed = problem == std::errc() && stop == end && std::isfinite(value);
    if (parsed && value >= setting.least && value <= setting.most &&
        (!setting.whole || value == std::floor(value)))
        return value;
    throw usage_error(fmt::format("{}: {} is '{}' (must be a {}number in {} .. {}); give another value",
                                  spec.name, setting.name, text, setting.whole ? "whole " : "", setting.least,
                                  setting.most));
}

std::string read_word(Spec const& spec, Setting const& setting, std::string const& text) {
    if (setting.any_word) return text;
    if (std::find(setting.words.begin(), setting.words.end(), text) != setting.words.end()) return text;
    throw usage_error(fmt::format("{}: {} is '{}' (no such choice); use one of: {}", spec.name, setting.name,
                                  text, fmt::join(setting.words, ", ")));
}

}  // namespace

std::string Setting::default_text() const {
    return words.empty() ? fmt::format("{}", value) : words.front();
}

Setting number_setting(std::string name, double value, double least, double most, std::string help) {
    return {std::move(name), std::move(help), value, least, most, false, false, {}};
}

Setting whole_setting(std::string name, std::int64_t value, std::int64_t least, std::int64_t most,
                      std::string help) {
    return {std::move(name),
            std::move(help),
            static_cast<double>(value),
            static_cast<double>(least),
            static_cast<double>(most),
            true,
            false,
            {}};
}

Setting word_setting(std::string name, std::vector<std::string> words, std::string help) {
    return {std::move(name), std::move(help), 0, 0, 0, false, false, std::move(words)};
}

Setting name_setting(std::string name, std::string value, std::string help) {
    return {std::move(name), std::move(help), 0, 0, 0, false, true, {std::move(value)}};
}

Spec parse_spec(std::string_view text) {
    auto parts = parts_of(text);
    Spec spec;
    if (parts.size() > 1 &&
        std::find(std::begin(families), std::end(families), parts.front()) != std::end(families)) {
        spec.family = parts.front();
        parts.erase(parts.begin());
    }
    spec.name = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) {
        auto const equals = parts[i].find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == parts[i].size()) {
            throw usage_error(fmt::format(
                "'{}' is not of the form [family:]name[:key=value]... ('{}' is neither a family of {} nor "
                "key=value); write for example random or capacity:factor=1.5",
                text, i == 1 ? parts.front() + ":" + parts[1] : parts[i], fmt::join(families, ", ")));
        }
        spec.values.emplace_back(parts[i].substr(0, equals), parts[i].substr(equals + 1));
    }
    std::sort(spec.values.begin(), spec.values.end());
    return spec;
}

Settings::Settings(std::vector<Setting> const& declared, Spec const& spec) {
    for (auto const& setting : declared) {
        if (setting.words.empty()) {
            values_[setting.name] = setting.value;
        } else {
            values_[setting.name] = setting.words.front();
        }
    }
    std::string last;
    for (auto const& [name, text] : spec.values) {
        auto const setting =
            std::find_if(declared.begin(), declared.end(), [&](Setting const& s) { return s.name == name; });
        if (setting == declared.end()) {
            auto const known = describe(declared);
            throw usage_error(fmt::format("'{}' has no setting '{}'; it takes{}", spec.name, name,
                                          known.empty() ? " none" : known));
        }
        if (name == last)
            throw usage_error(fmt::format("{}: {} is given twice; give it once", spec.name, name));
        last = name;
        if (setting->words.empty()) {
            values_[name] = read_number(spec, *setting, text);
        } else {
            values_[name] = read_word(spec, *setting, text);
        }
    }
}

double Settings::number(std::string const& name) const {
    auto const found = values_.find(name);
    if (found == values_.end() || !std::holds_alternative<double>(found->second))
        contract_broken(name.c_str());
    return std::get<double>(found->second);
}

std::string const& Settings::word(std::string const& name) const {
    auto const found = values_.find(name);
    if (found == values_.end() || !std::holds_alternative<std::string>(found->second))
        contract_broken(name.c_str());
    return std::get<std::string>(found->second);
}

std::string label_of(Spec const& spec) {
    std::string label = spec.name;
    for (auto const& [name, value] : spec.values) label += fmt::format(":{}={}", name, value);
    return label;
}

std::string describe(std::vector<Setting> const& declared) {
    std::vector<std::string> parts;
    for (auto const& s : declared) {
        parts.push_back(s.words.empty() ? fmt::format("{} {}", s.name, s.default_text())
                                        : fmt::format("{} {}", s.name, fmt::join(s.words, "|")));
    }
    return parts.empty() ? "" : fmt::format(" [{}]", fmt::join(parts, ", "));
}

}  // namespace moewire
