#include "bench/stages.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "system/agreement.hpp"

namespace moewire {

Stages::Stages(Context const& context, std::filesystem::path folder, std::string identity, Start start)
    : context_(context), file_(folder / "stages.json"), identity_(std::move(identity)) {
    run_on_all(context_.world, [&] {
        if (!context_.world.is_root()) return;
        bool const exists = std::filesystem::exists(file_);
        if (start == Start::fresh && exists)
            throw usage_error(
                fmt::format("{} holds a study already (it would be mixed with another); give "
                            "--resume, or choose another --output",
                            folder.string()));
        if (!exists) return write();
        auto const json = read_json(file_, "study");
        auto const before = json.value("study", std::string());
        if (before != identity_)
            throw usage_error(
                fmt::format("{} holds the study {}, not {} (they cannot be one); choose another "
                            "--output",
                            folder.string(), in_quotes(before), in_quotes(identity_)));
        for (auto const& name : json.at("done")) done_.insert(name.get<std::string>());
    });
}

bool Stages::run(std::string const& name, std::function<void()> const& work) {
    if (context_.world.max(std::int64_t{done_.contains(name)}) > 0) {
        log_note(name + ": done before");
        return false;
    }
    log_note(name);
    work();
    run_on_all(context_.world, [&] {
        if (!context_.world.is_root()) return;
        done_.insert(name);
        write();
    });
    return true;
}

void Stages::write() const {
    write_file(file_, to_text(Json{{"study", identity_}, {"done", done_}}));
}

}  // namespace moewire
