// Each expert takes at most ceil(factor x top_k x tokens / experts) of a batch; the rest is dropped, and the
// token goes on without that expert. By score the least shares go; by position the last tokens. Source:
// Switch Transformer (arXiv 2101.03961); drop policies of Megatron-LM.
#include <cmath>

#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"
#include "routing/routing.hpp"

namespace moewire {
namespace {

// How many of the same expert come before each entry. Shape of `experts` and the result: [row].
at::Tensor place_in_queue(at::Tensor const& experts, std::int64_t count) {
    auto const seen = at::one_hot(experts, count).cumsum(0);
    return seen.gather(1, experts.unsqueeze(1)).squeeze(1) - 1;
}

class Capacity : public Policy {
  public:
    explicit Capacity(PolicyRequest const& r)
        : factor_(r.settings.number("factor")), by_score_(r.settings.word("drop") == "score") {}

    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {
        auto const native = route_natively(settings, logits);
        auto const tokens = logits.size(0), experts = logits.size(1);
        if (tokens == 0) return native;
        auto const limit = static_cast<std::int64_t>(
            std::ceil(factor_ * static_cast<double>(settings.top_k * tokens) / static_cast<double>(experts)));
        auto const flat = native.experts.reshape({-1});
        auto place = at::empty_like(flat);
        if (by_score_) {
            auto const score = router_shares(settings, logits).gather(-1, native.experts).reshape({-1});
            auto const order = at::argsort(score, /*stable=*/true, /*dim=*/0, /*descending=*/true);
            place.index_copy_(0, order, place_in_queue(flat.index_select(0, order), experts));
        } else {
            place = place_in_queue(flat, experts);
        }
        auto const dropped = place.ge(limit).view_as(native.experts);
        return {native.experts.masked_fill(dropped, no_pick), native.weights.masked_fill(dropped, 0)};
    }

  private:
    double factor_;
    bool by_score_;
};

bool const registered = register_in<RoutingPolicy>(
    "capacity", "Each expert takes a limited share of a batch; what is beyond is dropped.",
    {.make = [](PolicyRequest const& r) { return std::make_unique<Capacity>(r); },
     .settings = {number_setting("factor", 1.25, 0.01, 1000, "Limit over the mean load"),
                  word_setting("drop", {"score", "position"}, "What goes first: least score, last token")},
     .scope =
         [](Settings const& s) {
             return s.word("drop") == "score" ? PolicyScope::whole_batch : PolicyScope::earlier_tokens;
         }});

}  // namespace
}  // namespace moewire
