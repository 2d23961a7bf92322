#include "cell/rep/logs_api.h"

#include <charconv>
#include <memory>
#include <vector>

#include "cell/logs/log_store.h"
#include "net/loop.h"
#include "rpc/server.h"

namespace causeway::rep {
namespace {

constexpr size_t kLinesDefault = 100;
constexpr size_t kFollowersMax = 1000;

struct Wanted {
  std::string process_guid;
  int32_t index = -1;
  size_t lines = kLinesDefault;
  bool is_followed = false;
};

template <class Number>
bool read_number(const std::string& text, Number& number) {
  if (text.empty()) return true;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc{} && stop == end;
}

Result<Wanted> wanted_of(const rpc::Request& request) {
  Wanted wanted;
  wanted.process_guid = request.path_params.at("process_guid");
  if (!read_number(request.query_param("lines"), wanted.lines))
    return Error{.fault = Fault::invalid, .detail = "lines is not a number"};
  if (!read_number(request.query_param("instance"), wanted.index))
    return Error{.fault = Fault::invalid, .detail = "instance is not a number"};
  wanted.is_followed = request.query_param("follow") == "true";
  return wanted;
}

}  // namespace

// One subscriber and its place among the store's followers.
struct LogsApi::Follower {
  std::unique_ptr<rpc::Responder::EventStream> stream;
  uint64_t place = 0;
  uint64_t next_event = 0;
  bool is_over = false;

  bool tell(const logs::LogRecord& record) {
    is_over =
        is_over || !stream->send(std::to_string(next_event++), "log", logs::record_json(record));
    return !is_over;
  }
};

LogsApi::LogsApi(net::Loop& loop, rpc::Server& server, logs::LogStore& store)
    : loop_(loop), store_(store) {
  server.route("GET", "/v1/logs/:process_guid",
               [this](const rpc::Request& request, rpc::Responder responder) {
                 serve(request, std::move(responder));
               });
}

LogsApi::~LogsApi() {
  for (const auto& [id, follower] : followers_) store_.unfollow(follower->place);
}

void LogsApi::serve(const rpc::Request& request, rpc::Responder responder) {
  const Result<Wanted> wanted = wanted_of(request);
  if (!wanted) return responder.reply(400, "text/plain", wanted.error().detail + "\n");
  const Result<std::vector<logs::LogRecord>> records =
      store_.read(wanted->process_guid, wanted->index, wanted->lines);
  if (!records) {
    const int status = records.error().fault == Fault::not_found ? 404 : 500;
    return responder.reply(status, "text/plain", to_string(records.error()) + "\n");
  }
  if (!wanted->is_followed) {
    std::string body;
    for (const logs::LogRecord& record : *records) body += logs::record_json(record) + "\n";
    return responder.reply(200, "application/x-ndjson", std::move(body));
  }
  if (followers_.size() >= kFollowersMax)
    return responder.reply(503, "text/plain", "too many followers\n");
  const uint64_t id = ++last_id_;
  Follower& follower = *followers_.emplace(id, std::make_unique<Follower>()).first->second;
  follower.stream = responder.stream();
  follower.stream->on_gone([this, id] { end(id); });
  for (const logs::LogRecord& record : *records) follower.tell(record);
  follower.place = store_.follow(wanted->process_guid, wanted->index,
                                 [this, id, &follower](const logs::LogRecord& record) {
                                   // The store is telling everybody just now: its list must not
                                   // change under it.
                                   if (!follower.is_over && !follower.tell(record))
                                     loop_.defer([this, id] { end(id); });
                                 });
}

void LogsApi::end(uint64_t id) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  store_.unfollow(found->second->place);
  loop_.bury(std::move(found->second));
  followers_.erase(found);
}

}  // namespace causeway::rep
