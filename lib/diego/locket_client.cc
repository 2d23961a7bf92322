#include "diego/locket_client.h"

#include <algorithm>
#include <utility>

#include "diego/service_url.h"

namespace causeway::diego {

namespace {

Error bad_locket_answer(std::string_view path) {
  return {.fault = Fault::protocol,
          .side = Side::backend,
          .detail = std::string(path) + ": not the expected message"};
}

std::function<void(Result<std::string>)> without_body(LocketClient::OnDone on) {
  return [on = std::move(on)](Result<std::string> body) {
    if (!body) return on(std::move(body).error());
    on({});
  };
}

}  // namespace

void LocketClient::post(std::string_view path, std::string body,
                        std::function<void(Result<std::string>)> on) {
  rpc::Call call{.url = std::string(path),
                 .headers = {{"Content-Type", "application/x-protobuf"}},
                 .body = std::move(body)};
  caller_.send(std::move(call), RetryingCaller::Twice::harmless,
               [path, on = std::move(on)](Result<rpc::Reply> reply) {
                 if (!reply) return on(std::move(reply).error());
                 if (reply->status != 200) return on(unexpected_status(path, *reply));
                 on(std::move(reply->body));
               });
}

void LocketClient::lock(const models::Resource& resource, Duration ttl, OnDone on) {
  models::LockRequest request;
  *request.mutable_resource() = resource;
  request.set_ttl_in_seconds(
      std::max<int64_t>(std::chrono::ceil<std::chrono::seconds>(ttl).count(), 1));
  post("/models.Locket/Lock", request.SerializeAsString(), without_body(std::move(on)));
}

void LocketClient::release(const models::Resource& resource, OnDone on) {
  models::ReleaseRequest request;
  *request.mutable_resource() = resource;
  post("/models.Locket/Release", request.SerializeAsString(), without_body(std::move(on)));
}

void LocketClient::fetch(const std::string& key, std::function<void(Result<models::Resource>)> on) {
  models::FetchRequest request;
  request.set_key(key);
  post("/models.Locket/Fetch", request.SerializeAsString(),
       [on = std::move(on)](Result<std::string> body) {
         if (!body) return on(std::move(body).error());
         models::FetchResponse response;
         if (!response.ParseFromString(*body)) return on(bad_locket_answer("/models.Locket/Fetch"));
         on(std::move(*response.mutable_resource()));
       });
}

void LocketClient::fetch_all(models::Resource::TypeCode type,
                             std::function<void(Result<std::vector<models::Resource>>)> on) {
  models::FetchAllRequest request;
  request.set_type_code(type);
  post(
      "/models.Locket/FetchAll", request.SerializeAsString(),
      [on = std::move(on)](Result<std::string> body) {
        if (!body) return on(std::move(body).error());
        models::FetchAllResponse response;
        if (!response.ParseFromString(*body))
          return on(bad_locket_answer("/models.Locket/FetchAll"));
        on(std::vector<models::Resource>(response.resources().begin(), response.resources().end()));
      });
}

}  // namespace causeway::diego
