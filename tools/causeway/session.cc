#include "tools/causeway/session.h"

#include <filesystem>

#include "diego/service_url.h"
#include "json/json.h"
#include "log/logger.h"
#include "net/loop.h"
#include "rpc/identity.h"
#include "tools/causeway/context.h"
#include "tools/platform/state_file.h"

namespace causeway::cli {
namespace {

rpc::Identity::Files files_of(const TlsOptions& options) {
  return {options.ca_file, options.certificate_file, options.key_file};
}

rpc::Identity::Options identity_options(const TlsOptions& options) {
  using Verify = tls::ClientContext::Options::Verify;
  return {.verify = options.skips_verification ? Verify::none : Verify::peer,
          .check_interval = Duration::zero()};
}

rpc::Client::Options http_options(rpc::Identity* identity) {
  rpc::Client::Options options;
  options.identity = identity;
  return options;
}

Error mistake(std::string reason) {
  return {.fault = Fault::invalid, .side = Side::client, .detail = std::move(reason)};
}

// What https needs of the options, in cfdot's words.
Result<void> check_tls(const TlsOptions& options) {
  if (options.ca_file.empty() && !options.skips_verification)
    return mistake("--caCertFile must be specified if using HTTPS and --skipCertVerify is not set");
  if (options.certificate_file.empty() || options.key_file.empty())
    return mistake(
        "--clientCertFile and --clientKeyFile must both be specified for TLS connections.");
  if (auto fits = rpc::Identity::check(files_of(options)); !fits) return fits.error();
  return {};
}

Result<std::string> checked_url(const Context& context, const std::string& url) {
  if (url.find("://") == std::string::npos) {
    // As the other options that name a service: "10.0.0.1:8889".
    return diego::service_url(url);
  }
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return mistake("The URL '" + url +
                   "' does not have an 'http' or 'https' scheme. Please specify one with the "
                   "'--bbsURL' flag or the 'BBS_URL' environment variable.");
  }
  if (diego::is_https(url)) {
    if (auto fits = check_tls(context.tls); !fits) return fits.error();
  }
  return diego::service_url(url);
}

// What is given, or the operator's certificate beside those of the platform in the state folder.
TlsOptions tls_for(const Context& context) {
  const bool is_given = !files_of(context.tls).is_empty() || context.tls.skips_verification;
  if (is_given || !context.bbs_url.empty()) return context.tls;
  const auto text = platform::read_whole_file(context.state_dir + "/config/bbs.json");
  const auto document = text ? json::Document::parse(*text) : Result<json::Document>(text.error());
  const auto authority = document ? document->root()["ca_file"].string() : std::nullopt;
  if (!authority) return context.tls;
  const std::string folder = std::filesystem::path(*authority).parent_path().string();
  return {.ca_file = std::string(*authority),
          .certificate_file = folder + "/operator.pem",
          .key_file = folder + "/operator.key"};
}

// The BBS of the platform in the state folder.
Result<std::string> local_bbs(const Context& context) {
  const std::string path = context.state_dir + "/config/bbs.json";
  const Result<std::string> text = platform::read_whole_file(path);
  if (!text) {
    return Error{.fault = Fault::not_found,
                 .detail = "no platform in " + context.state_dir + " and no --bbs URL given"};
  }
  const Result<json::Document> document = json::Document::parse(*text);
  const auto address = document ? document->root()["listen_address"].string() : std::nullopt;
  if (!address) return Error{.fault = Fault::invalid, .detail = path + " names no listen_address"};
  const bool is_secured = document->root()["require_ssl"].boolean().value_or(false);
  if (is_secured) {
    if (auto fits = check_tls(tls_for(context)); !fits) return fits.error();
  }
  return (is_secured ? "https://" : "http://") + std::string(*address);
}

}  // namespace

struct Session::State {
  State(const TlsOptions& tls, const std::string& url, Duration timeout)
      : identity(open(tls)),
        client(loop, http_options(identity.get())),
        bbs(loop, {.url = url, .timeout = timeout, .attempts = 1, .identity = identity.get()}) {}

  // Null when nothing is configured; https is refused then.
  std::unique_ptr<rpc::Identity> open(const TlsOptions& tls) {
    const rpc::Identity::Files files = files_of(tls);
    if (files.is_empty() && !tls.skips_verification) return nullptr;
    auto opened = rpc::Identity::open(loop, logger, files, identity_options(tls));
    return opened ? std::move(*opened) : nullptr;
  }

  log::Sink sink{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger{sink, "causeway"};
  net::Loop loop;
  std::unique_ptr<rpc::Identity> identity;
  rpc::Client client;
  diego::BbsClient bbs;
};

Session::Session(const Context& context, std::string bbs_url, Duration timeout)
    : bbs_url_(std::move(bbs_url)),
      state_(std::make_unique<State>(tls_for(context), bbs_url_, timeout)) {}

Session::~Session() = default;

Result<rpc::Reply> Session::send(rpc::Call call) {
  Result<rpc::Reply> answer = Error{};
  state_->client.send(std::move(call), [&](Result<rpc::Reply> reply) {
    answer = std::move(reply);
    state_->loop.stop();
  });
  state_->loop.run();
  return answer;
}

diego::BbsClient& Session::bbs() { return state_->bbs; }
net::Loop& Session::loop() { return state_->loop; }
rpc::Identity* Session::identity() { return state_->identity.get(); }
void Session::run() { state_->loop.run(); }
void Session::stop() { state_->loop.stop(); }

Error Session::take_refusal(diego::BbsError refusal) {
  refusal_ = std::move(refusal);
  Error error = refusal_.cause;
  if (refusal_.is_answer) return error;
  error.detail = "the BBS at " + bbs_url_ + " does not answer" +
                 (error.detail.empty() ? "" : ": " + error.detail);
  return error;
}

Result<void> Session::follow(rpc::Call call,
                             std::function<bool(std::string_view, std::string_view)> on_event) {
  return follow(
      std::vector<rpc::Call>{std::move(call)},
      [&](size_t, std::string_view event, std::string_view data) { return on_event(event, data); });
}

Result<void> Session::follow(
    std::vector<rpc::Call> calls,
    std::function<bool(size_t, std::string_view, std::string_view)> on_event) {
  Result<void> result;
  std::vector<std::unique_ptr<rpc::Client::EventStream>> streams;
  for (rpc::Call& call : calls) {
    rpc::Client::StreamEvents events;
    events.on_event = [&, stream = streams.size()](std::string_view, std::string_view event,
                                                   std::string_view data) {
      if (!on_event(stream, event, data)) state_->loop.stop();
    };
    events.on_close = [&](Error error) {
      result = std::move(error);
      state_->loop.stop();
    };
    streams.push_back(state_->client.subscribe(std::move(call), std::move(events)));
  }
  state_->loop.run();
  for (auto& stream : streams) state_->loop.bury(std::move(stream));
  return result;
}

Result<std::string> find_bbs(const Context& context) {
  if (context.bbs_url.empty()) return local_bbs(context);
  return checked_url(context, context.bbs_url);
}

}  // namespace causeway::cli
