// What went wrong, whose fault is it, and what should the user do?
//
// Every message follows one grammar: problem (why it is a problem); what to do.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace moewire {

enum class ErrorKind {
    usage,        // bad option or bad input: exit code 2
    unavailable,  // cannot run here (waived): exit code 3
    failure,      // failed while running: exit code 4
    gate,         // a gate was not met: exit code 5
};

enum class Audience {
    this_rank,  // only this rank knows: the program must abort the others
    all_ranks,  // every rank threw the same error: rank 0 speaks, all leave in order
};

// The one exception type of the program.
class Error : public std::runtime_error {
  public:
    // `source` names the part that failed: "usage", "mpi", "hdf5", "checkpoint", ...
    Error(ErrorKind kind, std::string_view source, std::string const& message,
          std::source_location where = std::source_location::current());

    ErrorKind kind() const { return kind_; }
    std::string const& source() const { return source_; }
    std::source_location const& where() const { return where_; }
    Audience audience() const { return audience_; }
    void set_audience(Audience audience) { audience_ = audience; }

    // The program's exit code for this error: 2, 3, 4 or 5.
    int exit_code() const;

  private:
    ErrorKind kind_;
    std::string source_;
    std::source_location where_;
    Audience audience_ = Audience::this_rank;
};

// Short forms for the three common kinds; they return the error, the caller throws it.
Error usage_error(std::string const& message, std::source_location where = std::source_location::current());
Error input_error(std::string_view source, std::string const& message,
                  std::source_location where = std::source_location::current());
Error unavailable(std::string_view source, std::string const& message,
                  std::source_location where = std::source_location::current());
Error failure(std::string_view source, std::string const& message,
              std::source_location where = std::source_location::current());

}  // namespace moewire
