#include "tools/platform/control.h"

#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

#include "json/json.h"
#include "log/logger.h"
#include "net/child.h"
#include "net/loop.h"
#include "net/signals.h"
#include "rpc/client.h"
#include "tools/platform/plan.h"
#include "tools/platform/state_file.h"
#include "tools/platform/supervisor.h"

namespace causeway::platform {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kStartPatience{30};
constexpr seconds kStopPatience{90};
constexpr seconds kLeftoverPatience{15};

std::string services_path(const std::string& state_dir) { return state_dir + "/platform.json"; }
std::string supervisor_path(const std::string& state_dir) { return state_dir + "/supervisor.json"; }

Result<void> write_supervisor(const std::string& state_dir) {
  const ProcessId self = identify(getpid());
  json::Writer writer;
  writer.object().member("pid", self.pid).member("start_ticks", self.start_ticks).end();
  return write_whole_file(supervisor_path(state_dir), writer.take() + "\n");
}

// The supervisor's pid if that very process is alive, else 0.
int live_supervisor(const std::string& state_dir) {
  const Result<std::string> text = read_whole_file(supervisor_path(state_dir));
  if (!text) return 0;
  const Result<json::Document> document = json::Document::parse(*text);
  if (!document) return 0;
  const json::Node root = document->root();
  const ProcessId remembered{.pid = static_cast<int>(root["pid"].integer().value_or(0)),
                             .start_ticks = root["start_ticks"].unsigned_integer().value_or(0)};
  return remembered.pid > 0 && identify(remembered.pid) == remembered ? remembered.pid : 0;
}

bool port_is_free(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const bool is_free =
      bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      listen(descriptor, 1) == 0;
  close(descriptor);
  return is_free;
}

bool port_accepts(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool accepts =
      connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(descriptor);
  return accepts;
}

bool answers_ok(const std::string& url) {
  net::Loop loop;
  rpc::Client client(loop);
  bool ok = false;
  client.send({.method = "GET", .url = url, .headers = {}, .body = {}, .timeout = seconds(1)},
              [&](Result<rpc::Reply> reply) {
                ok = reply && reply->status == 200;
                loop.stop();
              });
  loop.run();
  return ok;
}

bool is_ready(const ServiceState& service) {
  if (service.pid == 0) return false;
  return service.probe_url.empty() ? port_accepts(service.probe_port)
                                   : answers_ok(service.probe_url);
}

bool dies_within(int pid, seconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (kill(pid, 0) == 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

// Ends processes that a killed supervisor left running, if they still are what the state file
// names: the last first, as a supervisor does it, so that a rep can still tell the BBS.
void end_leftovers(const std::string& state_dir) {
  const Result<PlatformState> state = read_state(state_dir);
  if (!state || state->supervisor_pid != 0) return;
  for (auto service = state->services.rbegin(); service != state->services.rend(); ++service) {
    if (service->pid == 0) continue;
    std::fprintf(stderr, "ending %s (pid %d), left behind by a supervisor that was killed\n",
                 service->name.c_str(), service->pid);
    kill(service->pid, SIGTERM);
    if (dies_within(service->pid, kLeftoverPatience)) continue;
    kill(service->pid, SIGKILL);
    dies_within(service->pid, kLeftoverPatience);
  }
}

Result<void> lay_out(const Plan& plan) {
  for (const std::string& folder : plan.folders) {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
      return Error{.fault = Fault::io, .os = failure.value(), .detail = "create " + folder};
  }
  for (const PlannedFile& file : plan.files) {
    if (Result<void> written = write_whole_file(file.path, file.text, 0600); !written)
      return written;
  }
  return {};
}

int complain(const Error& error) {
  std::fprintf(stderr, "causeway: %s\n", to_string(error).c_str());
  return 1;
}

}  // namespace

Result<PlatformState> read_state(const std::string& state_dir) {
  PlatformState state;
  state.supervisor_pid = live_supervisor(state_dir);
  const Result<std::string> text = read_whole_file(services_path(state_dir));
  if (!text)
    return text.error().fault == Fault::not_found ? Result<PlatformState>(state)
                                                  : Result<PlatformState>(text.error());
  const Result<json::Document> document = json::Document::parse(*text);
  if (!document)
    return Error{.fault = Fault::invalid,
                 .detail = services_path(state_dir) + ": " + document.error().detail};
  const json::Node services = document->root()["services"];
  for (size_t i = 0; i < services.size(); ++i) {
    const json::Node one = services.at(i);
    ServiceState service;
    service.name = one["name"].string().value_or("");
    const ProcessId remembered{.pid = static_cast<int>(one["pid"].integer().value_or(0)),
                               .start_ticks = one["start_ticks"].unsigned_integer().value_or(0)};
    service.pid = remembered.pid > 0 && identify(remembered.pid) == remembered ? remembered.pid : 0;
    service.starts = static_cast<uint32_t>(one["starts"].unsigned_integer().value_or(0));
    service.last_end = one["last_end"].string().value_or("");
    service.log = one["log"].string().value_or("");
    service.probe_url = one["probe_url"].string().value_or("");
    service.probe_port = static_cast<uint16_t>(one["probe_port"].unsigned_integer().value_or(0));
    service.resident_bytes = service.pid == 0 ? 0 : resident_bytes(service.pid);
    state.services.push_back(std::move(service));
  }
  return state;
}

std::vector<std::string> taken_ports(const Options& options) {
  const Ports& ports = options.ports;
  const std::pair<const char*, uint16_t> wanted[] = {
      {"router", ports.router},
      {"router status", ports.router_status},
      {"router routes", ports.router_routes},
      {"router metrics", ports.router_metrics},
      {"bbs", ports.bbs},
      {"bbs health", ports.bbs_health},
      {"auctioneer", ports.auctioneer},
      {"auctioneer health", ports.auctioneer_health},
      {"rep", ports.rep},
      {"rep admin", ports.rep_admin},
      {"route-emitter health", ports.route_emitter_health},
      {"nats", ports.nats},
      {"redis", ports.redis}};
  std::vector<std::string> taken;
  if (options.certificates && !port_is_free(ports.router_tls))
    taken.push_back(std::to_string(ports.router_tls) + " (router https)");
  for (const auto& [name, port] : wanted) {
    if (!port_is_free(port)) taken.push_back(std::to_string(port) + " (" + name + ")");
  }
  return taken;
}

Result<Certificates> read_certificates(const std::string& folder, const std::string& cell_id) {
  Certificates certificates;
  certificates.folder = folder;
  std::vector<std::string> needed{folder + "/ca.pem"};
  for (const std::string& role : certificate_roles(cell_id))
    needed.insert(needed.end(), {folder + "/" + role + ".pem", folder + "/" + role + ".key"});
  for (const std::string& path : needed) {
    Result<std::string> text = read_whole_file(path);
    if (!text) return text.error();
    if (path == folder + "/ca.pem") certificates.authority = std::move(*text);
    if (path == folder + "/router.pem") certificates.router_certificate = std::move(*text);
    if (path == folder + "/router.key") certificates.router_key = std::move(*text);
  }
  return certificates;
}

int run(const Options& options) {
  std::error_code failure;
  std::filesystem::create_directories(options.state_dir, failure);
  if (live_supervisor(options.state_dir) != 0) {
    return complain(
        {.fault = Fault::exists, .detail = "a platform already runs in " + options.state_dir});
  }
  end_leftovers(options.state_dir);
  if (const std::vector<std::string> taken = taken_ports(options); !taken.empty()) {
    std::string list;
    for (const std::string& port : taken) list += (list.empty() ? "" : ", ") + port;
    return complain({.fault = Fault::exists,
                     .detail = "taken by other processes: port " + list +
                               "; end them, or choose others with --router-port and --ports-from"});
  }
  const Plan plan = make_plan(options);
  if (Result<void> laid = lay_out(plan); !laid) return complain(laid.error());
  if (Result<void> written = write_supervisor(options.state_dir); !written)
    return complain(written.error());
  log::Sink sink({});
  const log::Logger logger(sink, "supervisor");
  net::Loop loop;
  Supervisor supervisor(loop, logger, plan.services, services_path(options.state_dir), {});
  const auto stop = [&] { supervisor.stop([&] { loop.stop(); }); };
  const net::SignalWatch on_term(loop, SIGTERM, stop);
  const net::SignalWatch on_int(loop, SIGINT, stop);
  supervisor.start();
  loop.run();
  std::filesystem::remove(supervisor_path(options.state_dir), failure);
  return 0;
}

Result<void> start(const Options& options, const std::vector<std::string>& run_command,
                   const std::function<void(std::string)>& progress) {
  net::Loop loop;
  const std::string log_path = options.state_dir + "/supervisor.log";
  std::error_code failure;
  std::filesystem::create_directories(options.state_dir, failure);
  if (failure)
    return Error{
        .fault = Fault::io, .os = failure.value(), .detail = "create " + options.state_dir};
  net::Child::Command command;
  command.argv = run_command;
  command.stdout_path = command.stderr_path = log_path;
  command.new_session = true;
  bool ended = false;
  auto child = net::Child::spawn(
      loop, command,
      {.on_stdout = {}, .on_stderr = {}, .on_exit = [&](net::ChildExit) { ended = true; }});
  if (!child) return child.error();
  std::vector<std::string> ready;
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    loop.run_once(false);
    if (ended)
      return Error{.fault = Fault::closed,
                   .detail = "the supervisor ended; its last words are in " + log_path};
    const Result<PlatformState> state = read_state(options.state_dir);
    const bool mine = state && state->supervisor_pid == (*child)->pid();
    for (const ServiceState& service : mine ? state->services : std::vector<ServiceState>{}) {
      if (std::find(ready.begin(), ready.end(), service.name) != ready.end() || !is_ready(service))
        continue;
      ready.push_back(service.name);
      progress(service.name + " is up (pid " + std::to_string(service.pid) + ")");
    }
    if (mine && !ready.empty() && ready.size() == state->services.size()) return {};
    std::this_thread::sleep_for(milliseconds(20));
  }
  std::string missing;
  const Result<PlatformState> state = read_state(options.state_dir);
  for (const ServiceState& service : state ? state->services : std::vector<ServiceState>{}) {
    if (std::find(ready.begin(), ready.end(), service.name) == ready.end()) {
      missing += (missing.empty() ? "" : "; ") + service.name + " (log: " + service.log + ")";
    }
  }
  return Error{.fault = Fault::timeout, .detail = "not up after 30 s: " + missing};
}

Result<void> stop(const std::string& state_dir) {
  const int pid = live_supervisor(state_dir);
  if (pid == 0) {
    end_leftovers(state_dir);
    return {};
  }
  if (kill(pid, SIGTERM) != 0)
    return Error{.fault = fault_of_errno(errno), .os = errno, .detail = "signal the supervisor"};
  const auto deadline = std::chrono::steady_clock::now() + kStopPatience;
  while (live_supervisor(state_dir) == pid) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{
          .fault = Fault::timeout,
          .detail = "the supervisor (pid " + std::to_string(pid) + ") is still stopping services"};
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
  return {};
}

}  // namespace causeway::platform
