#include "model/row_exchange.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/contract.hpp"

namespace moewire {
namespace {

at::Tensor moved(Exchange& exchange, ExchangePlan const& plan, at::Tensor const& rows) {
    bool const on_device = exchange.memory() == MemoryKind::device;
    MOEWIRE_EXPECT(!on_device || rows.is_cuda());
    auto const home = on_device ? rows.contiguous() : rows.cpu().contiguous();
    auto const away = at::empty({plan.total_receive_rows(), rows.size(1)}, home.options());
    exchange.run(plan, {static_cast<std::byte const*>(home.const_data_ptr()), home.nbytes()},
                 {static_cast<std::byte*>(away.data_ptr()), away.nbytes()});
    return away.to(rows.device());
}

struct Route : torch::CustomClassHolder {
    Route(Exchange& e, ExchangePlan p) : exchange(e), plan(std::move(p)) {}
    Exchange& exchange;
    ExchangePlan plan;
};

class DifferentiableExchange : public torch::autograd::Function<DifferentiableExchange> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, at::Tensor const& rows,
                              c10::intrusive_ptr<Route> const& route) {
        context->saved_data["route"] = c10::IValue::make_capsule(route);
        return moved(route->exchange, route->plan, rows);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        auto const route =
            c10::static_intrusive_pointer_cast<Route>(context->saved_data["route"].toCapsule());
        return {moved(route->exchange, route->plan.reversed(), gradients[0]), at::Tensor()};
    }
};

}  // namespace

void exchange_rows_into(Exchange& exchange, ExchangePlan const& plan, at::Tensor const& rows,
                        at::Tensor const& received) {
    MOEWIRE_EXPECT(rows.is_cuda() == (exchange.memory() == MemoryKind::device));
    MOEWIRE_EXPECT(rows.is_contiguous() && received.is_contiguous());
    exchange.run(plan, {static_cast<std::byte const*>(rows.const_data_ptr()), rows.nbytes()},
                 {static_cast<std::byte*>(received.data_ptr()), received.nbytes()});
}

at::Tensor exchange_rows(Exchange& exchange, ExchangePlan const& plan, at::Tensor const& rows) {
    if (!rows.requires_grad()) return moved(exchange, plan, rows);
    return DifferentiableExchange::apply(rows, c10::make_intrusive<Route>(exchange, plan));
}

}  // namespace moewire
