// What does the interactive page know? Everything that it draws, small enough to be sent by mail.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "report/findings.hpp"
#include "report/simple_rules.hpp"

namespace moewire {

// Sorted samples stand as quantiles, matrices that several cases share once, numbers with five digits; no raw
// sample is in it. src/report/page/10_core.js reads it, and names every field.
Json page_data(Findings const& findings);

// The text of a JSON document that may stand between <script> tags, whatever names it holds.
std::string script_safe(Json const& json);

namespace page {

// Arrays that several cases share, each kept once.
class Pool {
  public:
    std::size_t add(Json array);  // its place in `arrays`
    Json const& arrays() const { return arrays_; }

  private:
    Json arrays_ = Json::array();
    std::map<std::string, std::size_t> places_;
};

// Five significant digits; null for what is not finite.
Json rounded(double value);
Json rounded(std::vector<double> const& values);
Json to_json(Quantile const& q);  // [value, low, high, samples], or with null ends where n is too small

// At most 101 nearest-rank quantiles, from the least to the largest sample.
std::vector<double> quantiles_of(std::vector<double> samples, std::size_t most);

// Each adds its fields to `json`.
void add_traffic(Json& json, Record const& record, Pool& pool);
void add_load(Json& json, Record const& record, Pool& pool);
void add_samples(Json& json, Record const& record);    // of a measured case: ecdf, wait_s, transfer_s
void add_exchanges(Json& json, Record const& record);  // predicted and measured
void add_timeline(Json& json, Record const& record);   // where it has one
void add_rules(Json& json, Record const& record, std::vector<UniformPoint> const& uniform);

Json case_json(Run const& run, CaseSummary const& one, CaseSummary const* baseline, Record const& record,
               Pool& pool);

}  // namespace page
}  // namespace moewire
