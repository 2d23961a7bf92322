#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "rpc/server.h"

namespace google::protobuf {
class MessageLite;
}
namespace models {
class ActualLRPKey;
class ActualLRPsRequest;
class DesiredLRPByProcessGuidRequest;
class ActualLRPLifecycleResponse;
}  // namespace models
namespace causeway::metrics {
class Counter;
class Registry;
}  // namespace causeway::metrics

namespace causeway::log {
class Logger;
}
namespace causeway::store {
struct ProcessRows;
}

namespace causeway::bbs {

class Cells;
class Converger;
class Domains;
class EventStreams;
class Ledger;
class Locket;
class LrpReader;
class OpenCalls;
class TaskReader;
struct ProcessState;
struct Refusal;

// The HTTP face: decodes, validates, has the services do it, encodes. Every answer is a 200 whose
// message says how it went, as Diego's does. Owner: main(). Thread: its loop's. Ends: before the
// services, after the server.
class Api {
 public:
  struct Services {
    Ledger& ledger;
    LrpReader& reader;
    TaskReader& task_reader;
    Cells& cells;
    Domains& domains;
    Locket& locket;
    Converger& converger;
    EventStreams& streams;
    const Clock& clock;
    const log::Logger& logger;
    metrics::Registry& registry;
    int32_t task_retries_max = 3;
    bool measures_paths = false;
  };

  explicit Api(Services services);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  ~Api();

  void add_routes(rpc::Server& server);
  // Sees every call that is done.
  void observe(const std::string& path, int status, Duration took);
  size_t requests_in_flight() const;

 private:
  // One call being served.
  struct Caller {
    uint64_t id = 0;
    std::string trace_id;   // X-Vcap-Request-Id
    std::string_view body;  // as it came, while the request is being looked at
  };

  // Appends fields of an answer.
  using AppendRows = std::function<void(const store::ProcessRows& rows, const std::string& domain,
                                        std::string& answer)>;
  template <class Response>
  using Respond = std::function<void(Response&)>;
  template <class Request, class Response>
  using Serve = std::function<void(Request&, const Caller&, Respond<Response>)>;

  // Registers a POST whose body is a Request and whose answer is a Response with a field `error`.
  // The request lives until it is answered, and may be changed.
  template <class Request, class Response>
  void call(rpc::Server& server, const char* path, Serve<Request, Response> serve);
  // The same without a request.
  template <class Response>
  void call_plain(rpc::Server& server, const char* path,
                  std::function<void(const Caller&, Respond<Response>)> serve);
  // Fills a response from what the reader finds, then sends it.
  template <class Response, class Query>
  void collect(const Caller& caller, Query query,
               std::function<void(const ProcessState&, Response&)> add, Respond<Response> respond);

  // Sends what the reader finds while it reads, no faster than the client takes it; short answers
  // in one piece.
  template <class Response, class Query>
  void send_list(const Caller& caller, Query query,
                 std::function<void(const ProcessState&, Response&)> add);
  // The same from bytes as they are stored, without decoding them.
  template <class Response, class Query>
  void send_stored(const Caller& caller, Query query, AppendRows append);
  void flush_list(uint64_t id, const std::function<void(bool)>& go_on);
  void end_list(uint64_t id, const Result<void>& done, std::string refusal);

  void show_domain(const std::string& domain);
  Caller open(const rpc::Request& request, rpc::Responder responder);
  void answer(uint64_t id, const google::protobuf::MessageLite& response, bool failed);
  void answer_bytes(uint64_t id, std::string response, bool failed);
  void add_stored(const store::ProcessRows& rows, const std::string& domain,
                  const models::ActualLRPsRequest& request, std::string& answer);
  void add_whole(const store::ProcessRows& rows, const std::string& domain, int number,
                 std::string& answer);
  void get_whole(const models::DesiredLRPByProcessGuidRequest& request, const Caller& caller);
  void list_cell(const models::ActualLRPsRequest& request, const Caller& caller);

  void add_desired_routes(rpc::Server& server);
  void add_actual_routes(rpc::Server& server);
  void add_evacuation_routes(rpc::Server& server);
  void retire_when_known(const models::ActualLRPKey& key, const Caller& caller,
                         const Respond<models::ActualLRPLifecycleResponse>& respond);
  void add_group_routes(rpc::Server& server);
  void add_task_routes(rpc::Server& server);
  void add_cell_routes(rpc::Server& server);
  void add_event_routes(rpc::Server& server);
  void add_locket_routes(rpc::Server& server);

  Services services_;
  struct Metrics;
  std::unique_ptr<Metrics> metrics_;
  const std::unique_ptr<OpenCalls> open_;
  std::set<std::string> shown_domains_;
};

}  // namespace causeway::bbs
