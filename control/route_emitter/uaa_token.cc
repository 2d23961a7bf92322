#include "control/route_emitter/uaa_token.h"

#include <algorithm>
#include <utility>

#include "diego/service_url.h"
#include "json/json.h"
#include "net/loop.h"
#include "tls/digest.h"

namespace causeway::route_emitter {

namespace {

// A token this close to its end may be over when it arrives.
constexpr Duration kExpiryMargin = std::chrono::seconds(30);
constexpr int64_t kLifeMaxSeconds = 24 * 3600;

struct Granted {
  std::string token;
  Duration life{};
};

Result<Granted> read_grant(const std::string& url, const Result<rpc::Reply>& reply) {
  if (!reply) return reply.error();
  if (reply->status != 200) return diego::unexpected_status(url, *reply);
  auto document = json::Document::parse(reply->body);
  if (!document) return std::move(document).error();
  const auto token = document->root()["access_token"].string();
  if (!token || token->empty()) {
    return Error{
        .fault = Fault::protocol, .side = Side::backend, .detail = url + ": no access_token"};
  }
  const int64_t life = document->root()["expires_in"].integer().value_or(0);
  return Granted{std::string(*token),
                 std::chrono::seconds(std::clamp<int64_t>(life, 0, kLifeMaxSeconds))};
}

}  // namespace

UaaToken::UaaToken(net::Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(loop, rpc::Client::Options{.identity = options_.identity}) {}

void UaaToken::get(OnToken on_token) {
  if (!token_.empty() && loop_.now() < good_until_) return on_token(token_);
  waiting_.push_back(std::move(on_token));
  if (waiting_.size() > 1) return;
  const std::string who = options_.client_name + ":" + options_.client_secret;
  client_.send({.url = options_.url + "/oauth/token",
                .headers = {{"Authorization", "Basic " + tls::base64(who)},
                            {"Accept", "application/json"},
                            {"Content-Type", "application/x-www-form-urlencoded"}},
                .body = "grant_type=client_credentials",
                .timeout = options_.timeout},
               [this](Result<rpc::Reply> reply) { take(std::move(reply)); });
}

void UaaToken::take(Result<rpc::Reply> reply) {
  auto granted = read_grant(options_.url, reply);
  Result<std::string> answer = std::string();
  if (granted) {
    token_ = granted->token;
    good_until_ = loop_.now() + std::max(granted->life - kExpiryMargin, Duration::zero());
    answer = std::move(granted->token);
  } else {
    token_.clear();
    answer = std::move(granted).error();
  }
  for (const OnToken& on_token : std::exchange(waiting_, {})) on_token(answer);
}

}  // namespace causeway::route_emitter
