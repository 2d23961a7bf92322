#pragma once

#include <cstdint>
#include <map>
#include <memory>

namespace causeway::logs {
class LogStore;
}
namespace causeway::net {
class Loop;
}
namespace causeway::rpc {
class Responder;
class Server;
struct Request;
}  // namespace causeway::rpc

namespace causeway::rep {

// Our own extension: GET /v1/logs/:process_guid?lines=N&instance=I&follow=true. Answers JSON, a
// record a line; followed, a server-sent event
// ("log") a record, the last lines first. 404 when nothing was ever written under that guid, 400
// for numbers that are none, 503 above kFollowersMax. Owner: main(); outlives the server's last
// request. Thread: its loop's.
class LogsApi {
 public:
  LogsApi(net::Loop& loop, rpc::Server& server, logs::LogStore& store);
  LogsApi(const LogsApi&) = delete;
  LogsApi& operator=(const LogsApi&) = delete;
  ~LogsApi();

 private:
  struct Follower;
  void serve(const rpc::Request& request, rpc::Responder responder);
  void end(uint64_t id);

  net::Loop& loop_;
  logs::LogStore& store_;
  std::map<uint64_t, std::unique_ptr<Follower>> followers_;
  uint64_t last_id_ = 0;
};

}  // namespace causeway::rep
