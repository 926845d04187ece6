// moewire: parse the command line, run one command, turn errors into one message and an exit code.
#include <csignal>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/registry.hpp"
#include "bench/command.hpp"
#include "system/environment.hpp"
#include "system/heartbeat.hpp"
#include "system/memory.hpp"
#include "system/network.hpp"
#include "system/provenance.hpp"
#include "system/session.hpp"

namespace moewire {
namespace {

constexpr char const* footer = R"(Examples:
  mpirun --oversubscribe -n 4 moewire study --quick        everything, in one folder
  mpirun --oversubscribe -n 4 moewire measure --model tiny-phimoe --dataset drama --strategies contiguous,eplb_pack
  moewire eval --model tiny-phimoe --dataset scripture     perplexity
  moewire simulate --imbalance_levels 0.0 0.5 0.8          the seed study's flat network
  moewire list                                             what there is to choose from
Exit codes: 0 done, 2 bad usage or input, 3 cannot run here, 4 failed while running, 5 a gate was not met.)";

std::string version_text() {
    auto const version = program_version();
    return fmt::format("moewire {} ({}, {}, {})", version.version, version.git_state, version.build_type,
                       version.compiler);
}

// Commands without exchanges have no such option.
double timeout_s_of(CLI::App const& command) {
    for (auto const* name : {"--timeout", "--timeout_s"}) {
        auto const* const option = command.get_option_no_throw(name);
        if (option != nullptr && !option->empty()) return option->as<double>();
    }
    return default_timeout_s;
}

// Every rank parses the same line with the same result; rank 0 speaks.
int run(Context const& context, int argc, char** argv) {
    CLI::App app(
        "Mixture-of-experts language models over ranks: real routing, real exchanges, measured beside "
        "predicted.",
        "moewire");
    app.footer(footer);
    app.set_version_flag("--version", version_text());
    std::string interface;  // read before MPI started
    app.add_option("--mpi-if,--mpi_if", interface,
                   "Network interface of MPI's TCP transport and NCCL's sockets, e.g. eth0");
    app.set_config("--config", "", "Read options from a TOML file");
    app.require_subcommand(1);
    std::map<CLI::App const*, std::function<int(Context const&)>> runs;
    for (auto const& entry : Registry<Command>::instance().entries()) {
        auto* const sub = app.add_subcommand(entry.name, entry.description);
        runs.emplace(sub, entry.value.declare(*sub));
    }
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
            return context.world.is_root() ? app.exit(error) : 0;  // --help, --version
        }
        auto const help = app.get_subcommands().empty()
                              ? std::string("moewire --help")
                              : "moewire " + app.get_subcommands().front()->get_name() + " --help";
        auto wrong = usage_error(fmt::format("{}; see `{}`", error.what(), help));
        wrong.set_audience(Audience::all_ranks);
        throw wrong;
    }
    auto const* const chosen = app.get_subcommands().front();
    // An exchange that waits says more, so it speaks first.
    Heartbeat const heartbeat(context.world, 1 + timeout_s_of(*chosen));
    return runs.at(chosen)(context);
}

std::string origin(Communicator const& world) {
    return world.size() == 1 ? "" : fmt::format("rank {} of {}", index_of(world.rank()), world.size());
}

// One message: from rank 0 when all ranks know, else from the rank that failed, which then ends the others.
int report(Error const& error, Communicator const& world, MpiSession const& session) {
    bool const alone = error.audience() == Audience::this_rank && world.size() > 1;
    if (alone || world.is_root()) {
        bool const ours = error.exit_code() == 4;
        log_error(fmt::format(
            "{}{}: {}{}", alone ? origin(world) + ": " : "", error.source(), error.what(),
            ours ? fmt::format(" ({}:{})", error.where().file_name(), error.where().line()) : ""));
    }
    if (alone) session.abort(error.exit_code());
    // srun ends all ranks by SIGTERM when the first one leaves with an error; each shall keep its own code.
    std::signal(SIGTERM, SIG_IGN);
    return error.exit_code();
}

// MPI and NCCL look at their environment when they start, which is before options are parsed.
void choose_interface(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; ++i) {
        std::string_view const word = argv[i];
        if (word != "--mpi-if" && word != "--mpi_if") continue;
        std::string names;
        for (auto const& one : network_interfaces()) {
            if (one.name == argv[i + 1]) return environment::choose_interface(one.name);
            names += (names.empty() ? "" : ", ") + one.name;
        }
        throw usage_error(
            fmt::format("--mpi-if {} is no interface of this host (it has {}); name one that all "
                        "hosts have",
                        argv[i + 1], names));
    }
}

int guarded_main(int argc, char** argv) {
    choose_interface(argc, argv);
    MpiSession const session;
    auto const& world = session.world();
    if (!world.is_root()) set_verbosity(Verbosity::quiet);
    if (world.size() > 1) set_log_origin(fmt::format("{}/{}", index_of(world.rank()), world.size()));
    try {
        return run({world, command_line(argc, argv)}, argc, argv);
    } catch (Error const& error) {
        return report(error, world, session);
    } catch (std::bad_alloc const&) {
        return report(failure("memory", "out of memory; use a smaller model, fewer tokens or more ranks"),
                      world, session);
    } catch (std::exception const& error) {
        std::string const what = error.what();
        if (what.find("CUDA out of memory") != std::string::npos) {  // torch's word, and a trace of calls
            return report(
                failure("memory", what.substr(0, what.find('\n')).substr(0, what.find(". ")) +
                                      " (the GPU's memory does not hold the weights under every strategy "
                                      "and batch); use fewer --strategies, --batches, --layers or tokens, "
                                      "or more ranks"),
                world, session);
        }
        return report(failure("internal", what), world, session);
    }
}

}  // namespace
}  // namespace moewire

int main(int argc, char** argv) {
    moewire::keep_freed_memory();
    std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit then fails the write, which has a message
    try {
        return moewire::guarded_main(argc, argv);
    } catch (moewire::Error const& error) {  // before, or while, MPI started
        moewire::log_error(fmt::format("{}: {}", error.source(), error.what()));
        return error.exit_code();
    }
}
