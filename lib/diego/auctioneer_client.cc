#include "diego/auctioneer_client.h"

#include <utility>

#include "diego/service_url.h"

namespace causeway::diego {

void AuctioneerClient::post(std::string_view path, std::string body, OnDone on) {
  rpc::Call call{.url = std::string(path),
                 .headers = {{"Content-Type", "application/json"}},
                 .body = std::move(body)};
  caller_.send(std::move(call), RetryingCaller::Twice::harmless,
               [path, on = std::move(on)](Result<rpc::Reply> reply) {
                 if (!reply) return on(std::move(reply).error());
                 if (reply->status != 202) return on(unexpected_status(path, *reply));
                 on({});
               });
}

void AuctioneerClient::request_lrps(const std::vector<cf::LrpStartRequest>& requests, OnDone on) {
  post("/v1/lrps", cf::to_json(requests), std::move(on));
}

void AuctioneerClient::request_tasks(const std::vector<cf::TaskStartRequest>& requests, OnDone on) {
  post("/v1/tasks", cf::to_json(requests), std::move(on));
}

}  // namespace causeway::diego
