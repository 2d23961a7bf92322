#include "bench/platform_load/ground.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr Duration answer_limit = 10s;

double number_after(const std::string& text, const std::string& name) {
  const size_t at = text.find(name);
  return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + name.size(), nullptr);
}

}  // namespace

std::optional<double> metric_in(const std::string& page, const std::string& name) {
  const std::string line = "\n" + name + " ";
  const size_t at = ("\n" + page).find(line);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(page.c_str() + at + line.size() - 1, nullptr);
}

Ground::Ground(bool catches_signals) : tick_(loop_), client_(loop_) {
  tick_.every(1ms, [] {});
  if (!catches_signals) return;
  const auto interrupt = [this] { record_.partial = "interrupted by a signal"; };
  on_int_.emplace(loop_, SIGINT, interrupt);
  on_term_.emplace(loop_, SIGTERM, interrupt);
}

Result<void> Ground::keys(const rpc::Identity::Files& files) {
  if (files.is_empty()) return {};
  auto opened = rpc::Identity::open(loop_, logger_, files);
  if (!opened) return opened.error();
  identity_ = std::move(*opened);
  return {};
}

void Ground::servers(Servers servers) {
  servers_ = std::move(servers);
  record_.bbs = servers_.bbs_url;
  if (servers_.redis) redis_.emplace(loop_, logger_, *servers_.redis);
}

std::optional<redis::Value> Ground::redis(std::vector<std::string> command) {
  std::optional<Result<redis::Value>> answer;
  const bool is_there = until(answer_limit, [this] { return redis_->is_connected(); });
  if (!is_there) return std::nullopt;
  redis_->command(std::move(command),
                  [&](Result<redis::Value> value) { answer = std::move(value); });
  // The callback points here: it has to have come, interrupted or not.
  while (!answer) loop_.run_once();
  if (!*answer) return std::nullopt;
  return std::move(**answer);
}

void Ground::begin_phase(const std::string& name) {
  tell(name);
  phase_ = {};
  phase_.name = name;
  if (redis_) redis({"SLOWLOG", "RESET"});
  meter_.begin();
  phase_began_ = std::chrono::steady_clock::now();
}

void Ground::figure(const std::string& name, double value, Unit unit) {
  phase_.figures.push_back({name, value, unit});
}

void Ground::add_operations(const Calls& calls, Pace pace) {
  for (size_t i = 0; i < operations; ++i) {
    const auto operation = static_cast<Operation>(i);
    const OperationTally& tally = calls.tally(operation);
    if (tally.latency.count() + tally.failures == 0) continue;
    phase_.operations.push_back(OperationResult::of(operation, tally));
    if (pace == Pace::saturated) continue;
    OperationResult& added = phase_.operations.back();
    added.original_rate = added.original_p50_ms = added.original_p99_ms = 0;
  }
}

void Ground::add_redis_figures() {
  if (const auto memory = redis({"INFO", "memory"}))
    figure("memory of Redis", number_after(memory->text, "used_memory:"), Unit::bytes);
  const auto slow = redis({"SLOWLOG", "GET", "1000"});
  if (!slow) return;
  double longest = 0;
  std::string command;
  for (const auto& entry : slow->items) {  // number, time, microseconds, words ...
    if (entry.items.size() < 4) continue;
    const auto took = static_cast<double>(entry.items[2].integer) / 1e6;
    if (took <= longest) continue;
    longest = took;
    command = entry.items[3].items.empty() ? "" : entry.items[3].items[0].text;
  }
  figure("slow commands of Redis", static_cast<double>(slow->items.size()), Unit::count);
  if (longest > 0) figure("longest of them, " + command, longest, Unit::seconds);
}

double Ground::bbs_cpu_seconds() const {
  for (const load::ProcessCost& cost : meter_.end())
    if (cost.name == "bbs") return cost.cpu_seconds;
  return 0;
}

void Ground::end_phase() {
  phase_.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - phase_began_).count();
  phase_.processes = meter_.end();
  if (redis_) add_redis_figures();
  record_.phases.push_back(std::move(phase_));
}

void Ground::bbs_metrics(std::function<void(const std::string&)> on_text) {
  client_.send({.method = "GET", .url = servers_.health_url + "/metrics"},
               [on_text = std::move(on_text)](const Result<rpc::Reply>& reply) {
                 on_text(reply ? reply->body : std::string());
               });
}

std::optional<double> Ground::bbs_metric(const std::string& name) {
  if (servers_.health_url.empty()) return std::nullopt;
  std::optional<std::string> page;
  bbs_metrics([&page](const std::string& text) { page = text; });
  while (!page) loop_.run_once();
  return metric_in(*page, name);
}

}  // namespace causeway::platform
