// A token's experts come from at most `limit` of `devices` equal groups of consecutive experts: those whose
// best experts' shares sum highest. Bounds the ranks that a token travels to. Source: device-limited routing
// of DeepSeek-V2 (arXiv 2405.04434), group score of DeepSeek-V3.
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/apportion.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"

namespace moewire {
namespace {

class DeviceLimited : public Policy {
  public:
    explicit DeviceLimited(PolicyRequest const& r)
        : limit_(r.settings.whole("limit")), rule_(weight_rule(r.settings)) {
        auto const devices = std::min<std::int64_t>(r.settings.whole("devices"), r.experts);
        sizes_ = even_shares(r.experts, devices);
        limit_ = std::min(limit_, devices);
        if (limit_ * sizes_.back() < r.top_k) {
            throw usage_error(fmt::format(
                "device_limited: {} of {} devices hold {} experts (a token chooses {}); raise limit", limit_,
                devices, limit_ * sizes_.back(), r.top_k));
        }
        best_ = (r.top_k + limit_ - 1) / limit_;
    }

    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {
        auto const shares = router_shares(settings, logits);
        std::vector<at::Tensor> scores;
        auto const groups = shares.split_with_sizes(sizes_, 1);
        for (auto const& group : groups) {
            auto const count = std::min(best_, group.size(1));
            scores.push_back(std::get<0>(at::topk(group, count, 1)).sum(1));
        }
        auto const kept = std::get<1>(at::topk(at::stack(scores, 1), limit_, 1));
        auto const in_group = at::zeros({logits.size(0), static_cast<std::int64_t>(sizes_.size())}, at::kBool)
                                  .scatter(1, kept, true);
        std::vector<at::Tensor> allowed;
        for (std::size_t g = 0; g < sizes_.size(); ++g)
            allowed.push_back(in_group.narrow(1, static_cast<std::int64_t>(g), 1).expand({-1, sizes_[g]}));
        auto const outside = at::cat(allowed, 1).logical_not();
        return reroute_by(settings, logits,
                          shares.masked_fill(outside, -std::numeric_limits<double>::infinity()), rule_);
    }

  private:
    std::int64_t limit_, best_ = 1;
    WeightRule rule_;
    std::vector<std::int64_t> sizes_;  // experts of each device
};

bool const registered = register_in<RoutingPolicy>(
    "device_limited", "A token's experts come from at most a few groups of consecutive experts.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<DeviceLimited>(r); },
     .settings = {whole_setting("devices", 4, 1, 1 << 16, "Groups of consecutive experts"),
                  whole_setting("limit", 1, 1, 1 << 16, "Groups that a token may use"), weights_setting()}});

}  // namespace
}  // namespace moewire
