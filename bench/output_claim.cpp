#include "bench/output_claim.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/show.hpp"
#include "system/environment.hpp"
#include "system/machine.hpp"

namespace moewire {
namespace fs = std::filesystem;

void claim_output(fs::path const& output, std::optional<Claim>& claim) {
    bool const is_trace = output.extension() == ".h5";
    auto const folder = !is_trace ? output : output.has_parent_path() ? output.parent_path() : fs::path(".");
    ensure_writable_folder(folder);
    auto const file = is_trace ? fs::path(output).replace_extension(".lock") : folder / "study.lock";
    auto const job = environment::slurm_job();
    auto const owner = fmt::format("process {} on {}{} since {}", ::getpid(), this_machine().host,
                                   job.empty() ? "" : " (Slurm job " + job + ")", utc_now());
    claim.emplace(file, output.string(), owner);
    if (!claim->is_exclusive())
        log_warning(
            fmt::format("the file system of {} knows no locks (a second run into it would not be "
                        "noticed); start none",
                        folder.string()));
}

}  // namespace moewire
