#include "cell/executor/runtime_check.h"

#include <utility>

#include "base/check.h"
#include "cell/executor/tally.h"
#include "cell/executor/users.h"
#include "cell/runtime/mounts.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::executor {

RuntimeCheck::RuntimeCheck(net::Loop& loop, const log::Logger& logger, runtime::Runtime& runtime,
                           Sites& sites, Tally& tally, Options options)
    : loop_(loop),
      logger_(logger),
      runtime_(runtime),
      sites_(sites),
      tally_(tally),
      options_(std::move(options)),
      next_(loop),
      deadline_(loop),
      later_(loop) {}

void RuntimeCheck::start() {
  if (options_.root_fs.empty() || is_ending_) return;
  next_.once(options_.interval, [this] { attempt(); });
}

void RuntimeCheck::end(std::function<void()> done) {
  is_ending_ = true;
  on_ended_ = std::move(done);
  next_.disarm();
  if (phase_ == Phase::resting) return later_.call([this] { std::exchange(on_ended_, nullptr)(); });
  is_judged_ = true;  // what becomes of it no longer matters
  if (phase_ == Phase::running) clear();
}

void RuntimeCheck::attempt() {
  CHECK(phase_ == Phase::resting);
  phase_ = Phase::preparing;
  is_judged_ = false;
  outcome_ = {};
  // A name of its own: nothing that an earlier attempt, or an earlier rep, left can be in its way.
  handle_ = "healthcheck-" + std::to_string(loop_.now().time_since_epoch().count());
  deadline_.once(options_.timeout, [this] {
    fail(Error{.fault = Fault::timeout, .detail = "timed out"});
    judge();  // it may take long to end
    if (phase_ == Phase::running) clear();
  });
  sites_.prepare({.handle = handle_, .root_fs = options_.root_fs, .ports = {}, .egress = {}},
                 [this](Result<Site> site) { on_site(std::move(site)); });
}

void RuntimeCheck::on_site(Result<Site> site) {
  if (!site) {
    fail(site.error());
    return on_cleared();
  }
  site_ = std::move(*site);
  phase_ = Phase::creating;
  runtime::ContainerSpec spec;
  spec.handle = handle_;
  spec.root = site_.root;
  spec.hostname = handle_;
  spec.user_namespace = site_.user_namespace;
  spec.network_namespace = site_.network_namespace;
  spec.log_folder = options_.log_folder;
  spec.log_bytes_per_second = 0;
  if (Result<void> made = runtime::make_folder(spec.log_folder, 0750); !made)
    return later_.call([this, made] { on_created(made); });
  runtime_.create(std::move(spec), [this](const Result<void>& created) { on_created(created); });
}

Result<runtime::ProcessSpec> RuntimeCheck::process_spec() const {
  Result<User> user = find_user_of(runtime_, handle_, options_.user);
  if (!user) return user.error();
  runtime::ProcessSpec spec;
  spec.path = options_.path;
  spec.args = options_.args;
  spec.env = options_.env;
  spec.dir = options_.dir.empty() ? user->home : options_.dir;
  spec.uid = user->uid;
  spec.gid = user->gid;
  spec.groups = user->groups;
  spec.is_mute = true;
  return spec;
}

void RuntimeCheck::on_created(const Result<void>& created) {
  phase_ = Phase::running;
  if (!created) fail(created.error());
  if (!created || options_.path.empty() || is_judged_) return clear();
  Result<runtime::ProcessSpec> spec = process_spec();
  if (!spec) {
    fail(spec.error());
    return clear();
  }
  runtime_.start(handle_, "healthcheck", std::move(*spec), [this](Result<int> started) {
    if (started || phase_ != Phase::running) return;
    fail(started.error());
    clear();
  });
}

void RuntimeCheck::on_process_exit(const std::string& handle, const runtime::ProcessExit& exit) {
  if (phase_ != Phase::running || handle != handle_) return;
  if (exit.status != 0) {
    fail(Error{.fault = Fault::unavailable,
               .detail = "exited with status " + std::to_string(exit.status)});
  }
  clear();
}

void RuntimeCheck::on_container_end(const std::string& handle, const std::string& reason) {
  if (phase_ != Phase::running || handle != handle_) return;
  fail(Error{.fault = Fault::closed, .detail = reason});
  clear();
}

void RuntimeCheck::fail(Error error) {
  if (outcome_) outcome_ = std::move(error);
}

void RuntimeCheck::judge() {
  if (std::exchange(is_judged_, true)) return;
  ++tally_.runtime_checks;
  if (!outcome_) {
    ++tally_.runtime_checks_failed;
    logger_.error("runtime-check-failed", outcome_.error(), {{"handle", handle_}});
  } else if (!is_passed_) {
    logger_.info("runtime-check-passed-again");
  }
  is_passed_ = outcome_.has_value();
}

void RuntimeCheck::clear() {
  phase_ = Phase::clearing;
  runtime_.destroy(handle_, [this](Result<void> destroyed) {
    if (!destroyed) left_behind(destroyed.error());
    sites_.release(site_, [this](Result<void> released) {
      if (!released) left_behind(released.error());
      on_cleared();
    });
  });
}

void RuntimeCheck::left_behind(const Error& error) {
  logger_.error("runtime-check-left-behind", error, {{"handle", handle_}});
  fail(error);
}

void RuntimeCheck::on_cleared() {
  phase_ = Phase::resting;
  deadline_.disarm();
  judge();
  if (is_ending_) {
    if (on_ended_) std::exchange(on_ended_, nullptr)();
    return;
  }
  next_.once(options_.interval, [this] { attempt(); });
}

}  // namespace causeway::executor
