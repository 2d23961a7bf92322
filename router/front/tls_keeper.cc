#include "router/front/tls_keeper.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "tls/certificate.h"

namespace causeway::router {
namespace {

// A ticket is good for a day: with three keys it can be opened for that long.
constexpr Duration ticket_key_lifetime = std::chrono::hours(12);
constexpr size_t ticket_keys_kept = 3;
constexpr Duration expiry_interval = std::chrono::hours(24);

int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

metrics::Counter& reloads(metrics::Registry& registry, const char* result) {
  return registry.counter("tls_reloads", "Times that certificates were read again, by outcome.",
                          {{"result", result}});
}

}  // namespace

TlsKeeper::TlsKeeper(net::Loop& loop, const log::Logger& logger, metrics::Registry& registry,
                     TlsSettings settings, Publish publish)
    : logger_(logger),
      registry_(registry),
      reloads_(reloads(registry, "done")),
      failures_(reloads(registry, "failed")),
      settings_(std::move(settings)),
      publish_(std::move(publish)),
      tickets_{tls::make_ticket_key()},
      file_timer_(loop),
      ticket_timer_(loop),
      expiry_timer_(loop) {}

TlsKeeper::~TlsKeeper() = default;

Result<void> TlsKeeper::open() {
  stamps_ = stamps(settings_);
  if (auto made = make(settings_); !made) return made;
  warn_of_expiry();
  expiry_timer_.every(expiry_interval, [this] { warn_of_expiry(); });
  ticket_timer_.every(ticket_key_lifetime, [this] { change_ticket_keys(); });
  if (settings_.reload_interval > Duration::zero() && !stamps_.empty())
    file_timer_.every(settings_.reload_interval, [this] { look_at_files(); });
  return {};
}

Result<void> TlsKeeper::make(const TlsSettings& settings) {
  const auto options = read_options(settings, tickets_);
  if (!options) return options.error();
  auto context = tls::ServerContext::make(*options);
  if (!context) return std::move(context).error();
  note_expiry(*options);
  publish_(std::move(context).value());
  return {};
}

Result<void> TlsKeeper::count(Result<void> outcome) {
  if (outcome) {
    reloads_.add();
    logger_.info("tls-reloaded", {{"certificates", settings_.pairs.size()}});
    warn_of_expiry();
  } else {
    failures_.add();
    logger_.error("tls-reload-failed", outcome.error());
  }
  return outcome;
}

Result<void> TlsKeeper::reload() {
  stamps_ = stamps(settings_);
  return count(make(settings_));
}

Result<void> TlsKeeper::reload(TlsSettings settings) {
  // What changes while it is read is read again.
  std::vector<Stamp> seen = stamps(settings);
  auto outcome = make(settings);
  if (outcome) {
    settings_ = std::move(settings);
    stamps_ = std::move(seen);
    file_timer_.disarm();
    if (settings_.reload_interval > Duration::zero() && !stamps_.empty())
      file_timer_.every(settings_.reload_interval, [this] { look_at_files(); });
  }
  return count(std::move(outcome));
}

void TlsKeeper::change_ticket_keys() {
  tickets_.insert(tickets_.begin(), tls::make_ticket_key());
  if (tickets_.size() > ticket_keys_kept) tickets_.pop_back();
  if (auto made = make(settings_); !made) (void)count(std::move(made));
}

// A chain is as good as the first of its certificates to go.
void TlsKeeper::note_expiry(const tls::ServerContext::Options& options) {
  watched_.clear();
  const auto watch = [this](const std::string& pem) {
    const auto chain = tls::read_certificates(pem);
    if (!chain) return;
    const auto first = std::min_element(
        chain->begin(), chain->end(),
        [](const auto& a, const auto& b) { return a.not_after_unix < b.not_after_unix; });
    watched_.push_back({"tls_pem[" + std::to_string(watched_.size()) + "]", chain->front().subject,
                        first->not_after_unix});
  };
  watch(options.key_pair.certificate_pem);
  for (const auto& each : options.more_certificates) watch(each.key_pair.certificate_pem);
  for (size_t i = 0; i < watched_.size(); ++i) {
    if (i == expiry_.size()) {
      expiry_.push_back(&registry_.gauge("tls_certificate_expires_at",
                                         "When a certificate's chain expires, in Unix seconds.",
                                         {{"certificate", watched_[i].name}}));
    }
    expiry_[i]->set(static_cast<double>(watched_[i].not_after_unix));
  }
  for (size_t i = watched_.size(); i < expiry_.size(); ++i) expiry_[i]->set(0);
}

void TlsKeeper::warn_of_expiry() {
  const int64_t now = unix_now();
  const auto notice =
      std::chrono::duration_cast<std::chrono::seconds>(settings_.expiry_warning).count();
  for (const Watched& each : watched_) {
    const int64_t left = each.not_after_unix - now;
    if (left > notice) continue;
    logger_.warn(left > 0 ? "certificate-expires-soon" : "certificate-has-expired",
                 {{"certificate", each.name},
                  {"subject", each.subject},
                  {"expires_at_unix", each.not_after_unix},
                  {"days_left", left / 86'400}});
  }
}

std::vector<TlsKeeper::Stamp> TlsKeeper::stamps(const TlsSettings& settings) {
  std::vector<Stamp> found;
  for (const std::string& file : files_of(settings)) {
    struct stat status {};
    Stamp stamp;
    if (::stat(file.c_str(), &status) == 0) {
      stamp.modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
      stamp.inode = status.st_ino;
      stamp.bytes = status.st_size;
    }
    found.push_back(stamp);
  }
  return found;
}

void TlsKeeper::look_at_files() {
  if (stamps(settings_) != stamps_) (void)reload();
}

}  // namespace causeway::router
