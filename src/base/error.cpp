#include "base/error.hpp"

#include "base/contract.hpp"

namespace moewire {

Error::Error(ErrorKind kind, std::string_view source, std::string const& message, std::source_location where)
    : std::runtime_error(message), kind_(kind), source_(source), where_(where) {}

int Error::exit_code() const {
    switch (kind_) {
        case ErrorKind::usage:
            return 2;
        case ErrorKind::unavailable:
            return 3;
        case ErrorKind::failure:
            return 4;
        case ErrorKind::gate:
            return 5;
    }
    return 4;
}

Error usage_error(std::string const& message, std::source_location where) {
    return {ErrorKind::usage, "usage", message, where};
}

Error input_error(std::string_view source, std::string const& message, std::source_location where) {
    return {ErrorKind::usage, source, message, where};
}

Error unavailable(std::string_view source, std::string const& message, std::source_location where) {
    return {ErrorKind::unavailable, source, message, where};
}

Error failure(std::string_view source, std::string const& message, std::source_location where) {
    return {ErrorKind::failure, source, message, where};
}

void contract_broken(char const* condition, std::source_location where) {
    throw failure("contract", std::string("broken contract: ") + condition + "; please report this", where);
}

}  // namespace moewire
