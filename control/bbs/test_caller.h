#pragma once

// What the SYSTEM tests of the bbs binary share: its program, and a client that waits for it.

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "cf/models/models.h"
#include "rpc/client.h"
#include "test/support/server_process.h"
#include "test/support/waiting_loop.h"

namespace causeway::bbs {

inline std::string bbs_program() { return std::string(std::getenv("CAUSEWAY_BIN_DIR")) + "/bbs"; }

inline models::DesireLRPRequest desire_request(const std::string& guid, int32_t instances) {
  models::DesireLRPRequest request;
  auto& lrp = *request.mutable_desired_lrp();
  lrp.set_process_guid(guid);
  lrp.set_domain("d");
  lrp.set_root_fs("preloaded:stack");
  lrp.set_instances(instances);
  lrp.mutable_action()->mutable_run_action()->set_path("/bin/app");
  lrp.mutable_action()->mutable_run_action()->set_user("vcap");
  (*lrp.mutable_metric_tags())["source_id"].set_static_(guid);
  return request;
}

// A client on a loop that runs while the test waits.
// Owner: the test, which is one. Thread: its. Ends: with it.
class BbsCaller : public causeway::test::WaitingLoop {
 protected:
  // The response; nothing: no answer came, or not one of this kind.
  template <class Response, class Request>
  std::optional<Response> post(const std::string& url, const Request& request,
                               Duration timeout = std::chrono::seconds(30)) {
    std::optional<Result<rpc::Reply>> answer;
    client_.send({.url = url, .body = cf::encode(request), .timeout = timeout},
                 [&](Result<rpc::Reply> reply) { answer = std::move(reply); });
    Response response;
    if (!until([&] { return answer.has_value(); }) || !*answer ||
        !cf::decode((*answer)->body, response))
      return std::nullopt;
    return response;
  }
  // The reply to a GET; nothing: none came.
  std::optional<rpc::Reply> fetch(const std::string& url) {
    std::optional<Result<rpc::Reply>> answer;
    client_.send({.method = "GET", .url = url},
                 [&](Result<rpc::Reply> reply) { answer = std::move(reply); });
    if (!until([&] { return answer.has_value(); }) || !*answer) return std::nullopt;
    return std::move(**answer);
  }
  // Locket's status (0: none came) for the presence of a cell whose rep is at `rep_url`.
  int present(const std::string& bbs_url, const std::string& cell, const std::string& rep_url,
              int64_t ttl_seconds) {
    models::LockRequest request;
    request.mutable_resource()->set_key(cell);
    request.mutable_resource()->set_owner("rep");
    request.mutable_resource()->set_value(R"({"cell_id":")" + cell + R"(","rep_url":")" + rep_url +
                                          "\"}");
    request.mutable_resource()->set_type_code(models::Resource::PRESENCE);
    request.set_ttl_in_seconds(ttl_seconds);
    int status = 0;
    client_.send({.url = bbs_url + "/models.Locket/Lock", .body = cf::encode(request)},
                 [&](const Result<rpc::Reply>& reply) { status = reply ? reply->status : -1; });
    return until([&] { return status != 0; }) ? status : 0;
  }
  // Whether a leader that slept finds, woken up, that it has lost its lock, and ends with 1.
  bool gives_up_when_woken(causeway::test::ServerProcess& leader) {
    leader.kill(SIGCONT);
    std::optional<int> code;
    return until([&] { return (code = leader.exit_code()).has_value(); }) && code == 1 &&
           leader.log().find("lost-lock") != std::string::npos;
  }

  rpc::Client client_{loop_};
};

}  // namespace causeway::bbs
