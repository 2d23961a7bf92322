#include "bench/load/commands.h"

#include <csignal>
#include <cstdio>

#include "bench/load/measure/quantity.h"
#include "bench/load/report/files.h"
#include "net/loop.h"
#include "net/signals.h"

namespace causeway::load {

int complain(const Error& error, int status) {
  std::fprintf(stderr, "causeway-bench: %s\n",
               (error.detail.empty() ? to_string(error) : error.detail).c_str());
  return status;
}

Result<void> set_duration(Duration& duration, const std::string& text, const char* name) {
  const auto parsed = parse_duration(text);
  if (!parsed)
    return Error{.fault = Fault::invalid,
                 .detail = std::string(name) + ": " + parsed.error().detail};
  duration = *parsed;
  return {};
}

Result<void> check_report_files(std::span<const std::string> paths) {
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    if (auto possible = check_report_path(path); !possible) return possible;
  }
  return {};
}

int give_out(const std::string& table, std::span<const ReportFile> files) {
  std::fputs(table.c_str(), stdout);
  int status = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    status = complain({.fault = Fault::io, .detail = "cannot write to standard output"}, 1);
  for (const ReportFile& file : files) {
    if (file.path.empty()) continue;
    if (const auto written = write_report(file.path, file.text); !written)
      status = complain(written.error(), 1);
  }
  return status;
}

Result<net::Address> parse_listen_address(const std::string& text) {
  const auto place = net::parse_host_port(text, net::PortZero::allowed);
  if (!place)
    return Error{.fault = Fault::invalid, .detail = "expected address:port, not \"" + text + "\""};
  auto address = net::Address::parse(place->host, place->port);
  if (!address)
    return Error{.fault = Fault::invalid,
                 .detail = "expected a numeric address, not \"" + text + "\""};
  return address;
}

void wait_for_signal(const std::string& ready) {
  net::Loop loop;
  const net::SignalWatch on_int(loop, SIGINT, [&] { loop.stop(); });
  const net::SignalWatch on_term(loop, SIGTERM, [&] { loop.stop(); });
  std::printf("%s\n", ready.c_str());
  std::fflush(stdout);
  loop.run();
}

}  // namespace causeway::load
