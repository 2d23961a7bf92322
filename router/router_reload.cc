// The parts of RouterProcess that concern SIGHUP: doc/operations.md tells what changes and what
// does not.

#include <memory>
#include <utility>

#include "router/config/reload.h"
#include "router/router_process.h"

namespace causeway::router {

void RouterProcess::on_hang_up() {
  if (access_log_ != nullptr) access_log_->reopen();
  if (phase_ >= Phase::draining || launch_.config_path.empty()) return;
  if (const Result<void> done = reload(); !done) {
    reload_failures_.add();
    return logger_.error("config-reload-failed", done.error());
  }
  reloads_.add();
}

Result<void> RouterProcess::reload() {
  Result<LoadedConfig> loaded = read_config(launch_.config_path);
  if (!loaded) return std::move(loaded).error();
  if (auto adopted = adopt(reloaded(config_, loaded->config)); !adopted) return adopted;
  size_t taken = 0;
  for (const std::string& key : changed_keys(values_, loaded->values)) {
    if (is_reloadable(key)) {
      ++taken;
      continue;
    }
    logger_.warn(
        "config-key-needs-restart",
        {{"key", key}, {"effect", "it keeps its former value until an upgrade or restart"}});
  }
  // Keys that were not taken on are told again next time: the process still differs from its file.
  for (auto& [key, value] : loaded->values) {
    if (is_reloadable(key)) values_[key] = std::move(value);
  }
  std::erase_if(values_, [&loaded](const auto& each) {
    return is_reloadable(each.first) && !loaded->values.contains(each.first);
  });
  logger_.info("config-reloaded", {{"changed_keys", taken}});
  return {};
}

// First what can fail, then everything.
Result<void> RouterProcess::adopt(RouterConfig next) {
  auto settings = settings_of(next);
  if (!settings) return std::move(settings).error();
  std::unique_ptr<tls::ServerContext> status_tls;
  if (!next.status_tls.certificate_pem.empty()) {
    auto made = tls::ServerContext::make(status_tls_of(next));
    if (!made) return std::move(made).error();
    status_tls = std::move(made).value();
  }
  if (tls_keeper_ != nullptr) {
    // Files that the configuration names are read again, too.
    if (auto renewed = tls_keeper_->reload(next.tls); !renewed) return renewed;
  }
  if (status_tls != nullptr && !admin_.use(std::move(status_tls))) {
    logger_.warn(
        "config-key-needs-restart",
        {{"key", "status.tls"}, {"effect", "its listener opens at an upgrade or restart"}});
  }
  config_ = std::move(next);
  sink_.level(config_.log_level);
  for (const auto& worker : workers_) worker->use(*settings);
  book_.use(config_.routes);
  feed_->suspend_pruning_without_nats(config_.suspend_pruning_if_nats_unavailable);
  feed_->book_has_changed();
  return {};
}

}  // namespace causeway::router
