#include "router/upgrade/take_over.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace causeway::router {

namespace {

// For one answer: the old router may just be making a table.
constexpr Duration kAnswerPatience = std::chrono::seconds(10);

std::string saying(std::string_view what, std::string_view number_name, int64_t number) {
  json::Writer writer;
  writer.object().member("say", what).member(number_name, number).end();
  return writer.take();
}

void tell_routes(json::Node list, const TakeOver::OnRoute& on_route) {
  for (size_t i = 0; i < list.size(); ++i) {
    const json::Node entry = list.at(i);
    const auto age = std::chrono::milliseconds(entry["age_ms"].integer().value_or(0));
    on_route(entry["message"].text(), age);
  }
}

}  // namespace

bool InheritedSockets::has(const net::Address& address) const {
  return std::any_of(sockets_.begin(), sockets_.end(),
                     [&](const auto& socket) { return socket.address() == address; });
}

std::optional<net::ListeningSocket> InheritedSockets::take(const net::Address& address) {
  const auto found = std::find_if(sockets_.begin(), sockets_.end(),
                                  [&](const auto& socket) { return socket.address() == address; });
  if (found == sockets_.end()) return std::nullopt;
  net::ListeningSocket socket = std::move(*found);
  sockets_.erase(found);
  return socket;
}

Result<TakeOver> TakeOver::begin(const std::string& path, std::string_view version) {
  auto channel = UpgradeChannel::connect(path);
  if (!channel) {
    Error error = std::move(channel).error();
    if (error.os == ENOENT || error.os == ECONNREFUSED) error.fault = Fault::unavailable;
    return error;
  }
  // Whoever may write to the folder could listen there: its routes and sockets are not to be taken.
  const auto user = channel->peer_user();
  if (!user || (*user != ::geteuid() && *user != 0)) {
    return Error{.fault = Fault::refused,
                 .side = Side::backend,
                 .detail = "another user's process listens at " + path};
  }
  TakeOver take_over(*std::move(channel));
  json::Writer hello;
  hello.object().member("say", "hello").member("protocol", kUpgradeProtocol);
  hello.member("version", version).member("pid", ::getpid()).end();
  auto welcome = take_over.ask(hello.take(), "welcome");
  if (!welcome) return std::move(welcome).error();
  return take_over;
}

Result<json::Document> TakeOver::ask(const std::string& text, std::string_view expected,
                                     std::vector<net::ListeningSocket>* sockets) {
  if (auto sent = channel_.send(text); !sent) return std::move(sent).error();
  auto answer = channel_.receive(kAnswerPatience);
  if (!answer) return std::move(answer).error();
  auto document = json::Document::parse(answer->text);
  if (!document) return std::move(document).error();
  const auto said = document->root()["say"].string();
  if (said == "refused") {
    return Error{.fault = Fault::refused,
                 .side = Side::backend,
                 .detail = std::string(document->root()["reason"].string().value_or(""))};
  }
  if (said != expected) {
    return Error{.fault = Fault::protocol, .side = Side::backend, .detail = "not that answer"};
  }
  if (sockets != nullptr) *sockets = std::move(answer->sockets);
  return document;
}

Result<void> TakeOver::fetch_routes(const OnRoute& on_http, const OnRoute& on_tcp) {
  for (std::optional<int64_t> from = 0; from;) {
    const auto page = ask(saying("routes", "from", *from), "routes");
    if (!page) return page.error();
    tell_routes(page->root()["http"], on_http);
    tell_routes(page->root()["tcp"], on_tcp);
    from = page->root()["next"].integer();
  }
  return {};
}

Result<void> TakeOver::fetch_sockets(InheritedSockets& sockets) {
  for (std::optional<int64_t> from = 0; from;) {
    std::vector<net::ListeningSocket> some;
    const auto page = ask(saying("sockets", "from", *from), "sockets", &some);
    if (!page) return page.error();
    if (some.size() != page->root()["count"].unsigned_integer().value_or(0)) {
      return Error{
          .fault = Fault::protocol, .side = Side::backend, .detail = "sockets are missing"};
    }
    for (net::ListeningSocket& socket : some) sockets.add(std::move(socket));
    from = page->root()["next"].integer();
  }
  return {};
}

Result<void> TakeOver::say_serving() {
  const auto goodbye = ask("{\"say\":\"serving\"}", "goodbye");
  if (!goodbye) return goodbye.error();
  return {};
}

void TakeOver::abandon(std::string_view reason) {
  json::Writer writer;
  writer.object().member("say", "abandon").member("reason", reason).end();
  (void)channel_.send(writer.take());
}

}  // namespace causeway::router
