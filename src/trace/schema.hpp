// What does a trace look like? Version, places, and the axes and unit of every dataset.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trace/record.hpp"

namespace moewire {

// Major: a change of meaning, old readers refuse it. Minor: something new beside the old.
inline constexpr int schema_major = 1;
inline constexpr int schema_minor = 2;  // 1: several batches, copies, migration; 2: timelines
std::string schema_version();

// Throws: usage (source "trace"), when `version` is not "major.minor" or its major is newer than ours.
void check_schema_version(std::string const& version, std::string const& file);

namespace place {
inline constexpr char const* root = "/";
inline constexpr char const* topology = "/topology";
inline constexpr char const* calibration = "/calibration";
std::string model(std::string const& name);   // "/models/<name>"
std::string case_of(std::string const& key);  // "/cases/<key>"
bool is_case(std::string_view path);
std::string key_of(std::string_view path);  // "<key>" of a case
}  // namespace place

// States of a case.
namespace status {
inline constexpr char const* predicted = "predicted";  // prediction written, not measured yet
inline constexpr char const* ok = "ok";
inline constexpr char const* waived = "waived";
inline constexpr char const* failed = "failed";
}  // namespace status

// Letters, digits, '.', '_' and '-' stay; anything else becomes '-': a name that is safe in a key or a file
// name.
std::string safe_name(std::string_view name);

// What the schema says of datasets in a case; `{}` stands for any one word. The axis `layer` runs over the
// layers of every batch, batch after batch (attributes `layers`, `batches`); -1 marks a slot that is not
// used.
struct DatasetRule {
    char const* name;
    char const* unit;
    std::vector<std::string> axes;
};
std::vector<DatasetRule> const& case_rules();

// Throws: failure (source "trace"), naming the dataset, when one has no unit or axes, a shape that does not
// fit its values, or (in a case) differs from its rule or has none.
void check_record(Record const& record);

}  // namespace moewire
