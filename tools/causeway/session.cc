#include "tools/causeway/session.h"

#include "json/json.h"
#include "net/loop.h"
#include "tools/causeway/context.h"
#include "tools/platform/state_file.h"

namespace causeway::cli {
namespace {}  // namespace

struct Session::State {
  State(const std::string& url, Duration timeout)
      : bbs(loop, {.url = url, .timeout = timeout, .attempts = 1}) {}
  net::Loop loop;
  rpc::Client client{loop};
  diego::BbsClient bbs;
};

Session::Session(std::string bbs_url, Duration timeout)
    : bbs_url_(std::move(bbs_url)), state_(std::make_unique<State>(bbs_url_, timeout)) {}

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
  return follow(std::vector<rpc::Call>{std::move(call)}, std::move(on_event));
}

Result<void> Session::follow(std::vector<rpc::Call> calls,
                             std::function<bool(std::string_view, std::string_view)> on_event) {
  Result<void> result;
  std::vector<std::unique_ptr<rpc::Client::EventStream>> streams;
  for (rpc::Call& call : calls) {
    rpc::Client::StreamEvents events;
    events.on_event = [&](std::string_view, std::string_view event, std::string_view data) {
      if (!on_event(event, data)) state_->loop.stop();
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
  if (!context.bbs_url.empty()) return context.bbs_url;
  const std::string path = context.state_dir + "/config/bbs.json";
  const Result<std::string> text = platform::read_whole_file(path);
  if (!text) {
    return Error{.fault = Fault::not_found,
                 .detail = "no platform in " + context.state_dir + " and no --bbs URL given"};
  }
  const Result<json::Document> document = json::Document::parse(*text);
  const auto address = document ? document->root()["listen_address"].string() : std::nullopt;
  if (!address) return Error{.fault = Fault::invalid, .detail = path + " names no listen_address"};
  return "http://" + std::string(*address);
}

}  // namespace causeway::cli
