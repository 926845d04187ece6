#include "system/agreement.hpp"

#include <exception>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"

namespace moewire {
namespace {

std::optional<Error> error_of(std::function<void()> const& step) {
    try {
        step();
        return std::nullopt;
    } catch (Error const& error) {
        return error;
    } catch (std::bad_alloc const&) {
        return failure("memory", "out of memory; use a smaller model, fewer tokens or more ranks");
    } catch (std::exception const& error) {
        return failure("internal", error.what());
    }
}

std::string pack(Error const& error) {
    return Json{
        {"kind", static_cast<int>(error.kind())}, {"source", error.source()}, {"message", error.what()}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Error unpack(std::string const& text, std::string const& origin) {
    auto const json = Json::parse(text);
    return {static_cast<ErrorKind>(json["kind"].get<int>()), json["source"].get<std::string>(),
            origin + json["message"].get<std::string>()};
}

}  // namespace

void run_on_all(Communicator const& communicator, std::function<void()> const& step) {
    auto error = error_of(step);
    if (communicator.size() == 1) {
        if (error) {
            error->set_audience(Audience::all_ranks);
            throw *error;
        }
        return;
    }
    auto const size = std::int64_t{communicator.size()};
    auto const rank = static_cast<std::int64_t>(communicator.rank());
    auto const failed = communicator.sum(std::int64_t{error ? 1 : 0});
    if (failed == 0) return;
    auto const first = communicator.min(error ? rank : size);
    auto const packed = communicator.broadcast(error ? pack(*error) : "", make_id<RankId>(first));
    auto shared = unpack(packed, failed == size ? "" : fmt::format("rank {} of {}: ", first, size));
    shared.set_audience(Audience::all_ranks);
    throw shared;
}

void expect_equal_on_all(Communicator const& communicator, std::string const& value,
                         std::string const& what) {
    auto const roots = communicator.broadcast(value);
    run_on_all(communicator, [&] {
        if (value == roots) return;
        throw failure("internal",
                      fmt::format("{} differs from rank 0's ('{}' against '{}'); are all ranks running the "
                                  "same program on the same files?",
                                  what, value, roots));
    });
}

}  // namespace moewire
