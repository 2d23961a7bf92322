#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "bench/load/backend/backend.h"
#include "bench/load/commands.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/files.h"
#include "net/loop.h"
#include "net/signals.h"
#include "tls/key_pair.h"

namespace causeway::load {
namespace {

struct BackendArguments final : Arguments {
  BackendOptions options;
  std::string listen = "127.0.0.1:0", bytes = "128", delay = "0s";
  std::string certificate_file, key_file, client_ca_file;
  bool is_tls = false, is_tcp_echo = false, is_tcp_sink = false, is_tcp_source = false;
};

// Splits "A:B"; "A" alone is both.
std::pair<std::string, std::string> split_span(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return {text, text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<void> speak_tls(BackendArguments& arguments) {
  using Options = tls::ServerContext::Options;
  if (arguments.certificate_file.empty() != arguments.key_file.empty())
    return Error{.fault = Fault::invalid, .detail = "--cert and --key belong together"};
  if (!arguments.is_tls && arguments.certificate_file.empty()) return {};
  Options wanted;
  wanted.alpn = {"h2", "http/1.1"};
  if (arguments.certificate_file.empty()) {
    wanted.key_pair = tls::make_self_signed({"localhost", "127.0.0.1", "::1"});
  } else {
    auto certificate = read_whole_file(arguments.certificate_file);
    if (!certificate) return certificate.error();
    auto key = read_whole_file(arguments.key_file);
    if (!key) return key.error();
    wanted.key_pair = {std::move(certificate).value(), std::move(key).value()};
  }
  if (!arguments.client_ca_file.empty()) {
    auto ca = read_whole_file(arguments.client_ca_file);
    if (!ca) return ca.error();
    wanted.client_ca_pem = std::move(ca).value();
    wanted.client_certificate = Options::ClientCertificate::required;
  }
  auto context = tls::ServerContext::make(wanted);
  if (!context) return Error{.fault = Fault::invalid, .detail = "TLS: " + context.error().detail};
  arguments.options.tls = std::move(context).value();
  return {};
}

Result<void> finish(BackendArguments& arguments) {
  BackendOptions& options = arguments.options;
  const auto address = parse_listen_address(arguments.listen);
  if (!address) return address.error();
  options.listen = *address;
  const auto [bytes_min, bytes_max] = split_span(arguments.bytes);
  const auto least = parse_bytes(bytes_min), most = parse_bytes(bytes_max);
  if (!least || !most || *least > *most)
    return Error{.fault = Fault::invalid,
                 .detail = "--bytes: expected N or MIN:MAX, not \"" + arguments.bytes + "\""};
  options.bytes_min = *least;
  options.bytes_max = *most;
  const auto [delay_min, delay_max] = split_span(arguments.delay);
  const auto soonest = parse_duration(delay_min), latest = parse_duration(delay_max);
  if (!soonest || !latest || *soonest > *latest)
    return Error{.fault = Fault::invalid,
                 .detail = "--delay: expected TIME or MIN:MAX, not \"" + arguments.delay + "\""};
  options.delay_min = *soonest;
  options.delay_max = *latest;
  if (auto spoken = speak_tls(arguments); !spoken) return spoken;
  if (arguments.is_tcp_echo) options.protocol = BackendOptions::Protocol::tcp_echo;
  if (arguments.is_tcp_sink) options.protocol = BackendOptions::Protocol::tcp_sink;
  if (arguments.is_tcp_source) options.protocol = BackendOptions::Protocol::tcp_source;
  return {};
}

int run_backend_command(BackendArguments& arguments) {
  if (const auto finished = finish(arguments); !finished) return complain(finished.error(), 2);
  const auto backend = Backend::start(arguments.options);
  if (!backend) return complain(backend.error(), 1);
  wait_for_signal("listening on " + (*backend)->address().to_string());
  std::fprintf(stderr, "%s connections, %s requests\n",
               grouped(static_cast<double>((*backend)->connections())).c_str(),
               grouped(static_cast<double>((*backend)->requests())).c_str());
  return 0;
}

}  // namespace

void add_backend_command(CLI::App& app, Context& context) {
  BackendArguments& typed = context.keep<BackendArguments>();
  CLI::App* backend = app.add_subcommand("backend", "a server cheap enough not to be the limit");
  backend->footer(
      "Paths: /bytes/N /chunked/N /trailers/N /delay/TIME /drip/N/TIME (slowly) /reset/N (RST "
      "after N bytes of a longer\n"
      "body) /cut/N (FIN instead) /half (FIN after a whole reply, reads on) /hang (no reply) "
      "/status/N /echo; any other\n"
      "path: the standard reply. Upgrades to WebSocket are echoed. HTTP/2 is spoken to clients "
      "that "
      "begin with it, or agree on\n"
      "it by ALPN.\n"
      "Prints \"listening on ADDRESS\" when ready, ends on SIGTERM or SIGINT.");
  backend->add_option("--listen", typed.listen, "address:port, port 0 takes a free one")
      ->capture_default_str();
  backend->add_option("-t,--threads", typed.options.threads, "threads that share the port")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  backend->add_option("--bytes", typed.bytes, "body of the standard reply, N or MIN:MAX (random)")
      ->capture_default_str();
  backend->add_option("--delay", typed.delay, "before the standard reply, TIME or MIN:MAX (random)")
      ->capture_default_str();
  backend->add_option("--seed", typed.options.seed, "of what is random")->capture_default_str();
  backend->add_flag("--tls", typed.is_tls,
                    "TLS, with a certificate signed by itself unless --cert names one");
  backend->add_option("--cert", typed.certificate_file, "PEM file of the certificate chain");
  backend->add_option("--key", typed.key_file, "its PEM key");
  backend->add_option("--client-ca", typed.client_ca_file,
                      "PEM file: clients must show a certificate signed by it");
  CLI::Option* echo =
      backend->add_flag("--tcp-echo", typed.is_tcp_echo, "no HTTP: send back what comes");
  CLI::Option* sink = backend->add_flag("--tcp-sink", typed.is_tcp_sink, "no HTTP: only read");
  backend->add_flag("--tcp-source", typed.is_tcp_source, "no HTTP: send as fast as it goes")
      ->excludes(echo)
      ->excludes(sink);
  sink->excludes(echo);
  backend->callback([&typed, &context] { context.exit_status = run_backend_command(typed); });
}

}  // namespace causeway::load
