#include "bench/platform_load/platform_run.h"
#include "bench/platform_load/subscribers.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr Duration answer_patience = 120s;

}  // namespace

Result<void> run_streams(Ground& ground, const PlatformOptions& options) {
  ground.begin_phase("streams");
  const Instant began = std::chrono::steady_clock::now();
  Subscribers subscribers(ground.loop(), ground.servers().bbs_url, options.streams,
                          ground.identity());
  const auto answered = [&] { return subscribers.opened() + subscribers.closed(); };
  if (!ground.until(answer_patience, [&] { return answered() >= options.streams; }))
    ground.record().remarks.push_back("only " + std::to_string(answered()) +
                                      " event streams were answered");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  ground.figure("event streams asked for", static_cast<double>(options.streams), Unit::count);
  ground.figure("open", static_cast<double>(subscribers.opened()), Unit::count);
  ground.figure("refused", static_cast<double>(subscribers.closed()), Unit::count);
  ground.figure("all answered after", took.count(), Unit::seconds);
  // While they are open: what they cost.
  ground.end_phase();
  if (subscribers.closed() > 0) ground.tell("  refused: " + subscribers.why_closed());
  const bool is_clear =
      subscribers.why_closed().find("too many event streams") != std::string::npos;
  if (subscribers.closed() > 0 && !is_clear)
    ground.record().remarks.push_back("streams end without a clear reason: " +
                                      subscribers.why_closed());
  return {};
}

}  // namespace causeway::platform
