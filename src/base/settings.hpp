// With which settings? "name:key=value:key=value", read against what the name declares.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moewire {

// A setting that a catalogue entry declares: a number within limits, one of some words, or a name that is
// checked where it is used (the entry of another catalogue).
struct Setting {
    std::string name, help;
    double value = 0, least = 0, most = 0;
    bool whole = false, any_word = false;
    std::vector<std::string> words;  // not empty: a word; the first is the default

    std::string default_text() const;
};
Setting number_setting(std::string name, double value, double least, double most, std::string help);
Setting whole_setting(std::string name, std::int64_t value, std::int64_t least, std::int64_t most,
                      std::string help);
Setting word_setting(std::string name, std::vector<std::string> words, std::string help);

Setting name_setting(std::string name, std::string value, std::string help);

// "[family:]name[:key=value]...", taken apart. Families: placement, replication, policy, control.
struct Spec {
    std::string family;  // "" when none was written
    std::string name;
    std::vector<std::pair<std::string, std::string>> values;
};

// Throws: usage, when it is not of that form.
Spec parse_spec(std::string_view text);

// Every declared setting with the value that a spec or the default gives it.
class Settings {
  public:
    Settings() = default;
    // Throws: usage, listing the declared settings, for another name, a bad number or word, or one named
    // twice.
    Settings(std::vector<Setting> const& declared, Spec const& spec);

    // Throws: contract, for a name that was not declared.
    double number(std::string const& name) const;
    std::int64_t whole(std::string const& name) const { return static_cast<std::int64_t>(number(name)); }
    std::string const& word(std::string const& name) const;

  private:
    std::map<std::string, std::variant<double, std::string>> values_;
};

// The name with those values that were written, in canonical order: the label of a case.
std::string label_of(Spec const& spec);

// " [factor 1.25, drop score|position]": declared settings with their defaults, for listings; "" without any.
std::string describe(std::vector<Setting> const& declared);

}  // namespace moewire
