#include "control/bbs/errands/http_outbox.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "log/logger.h"
#include "net/loop.h"

namespace causeway::bbs {

namespace {

using namespace std::chrono_literals;

constexpr Duration kRetryMin = 100ms;
constexpr Duration kRetryMax = 5s;

const std::string& guid_of(const cf::LrpStartRequest& request) { return request.process_guid; }
const std::string& guid_of(const cf::TaskStartRequest& request) { return request.task_guid; }

// The newer request knows better; indexes add up.
void fold(cf::LrpStartRequest& known, cf::LrpStartRequest&& newer) {
  std::vector<int32_t> indices = std::move(known.indices);
  indices.insert(indices.end(), newer.indices.begin(), newer.indices.end());
  std::sort(indices.begin(), indices.end());
  indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
  const bool is_same_call = known.trace_id == newer.trace_id;
  known = std::move(newer);
  known.indices = std::move(indices);
  if (!is_same_call) known.trace_id.clear();
}
void fold(cf::TaskStartRequest& known, cf::TaskStartRequest&& newer) { known = std::move(newer); }

rpc::Client::Options http_options(rpc::Identity* identity, bool requires_tls) {
  rpc::Client::Options options;
  options.identity = identity;
  options.requires_tls = requires_tls;
  return options;
}

Error status_error(int status, const std::string& url) {
  return {.fault = Fault::protocol,
          .side = Side::backend,
          .detail = url + " answered " + std::to_string(status)};
}

const std::string& trace_of(const cf::LrpStartRequest& request) { return request.trace_id; }
std::string trace_of(const cf::TaskStartRequest& request) { return request.trace_id; }

// The request id that all of them come of; of several, none.
template <class Request>
std::string common_trace(const std::vector<Request>& requests) {
  std::string trace = trace_of(requests.front());
  for (const Request& request : requests) {
    if (trace_of(request) != trace) return {};
  }
  return trace;
}

}  // namespace

template <class Request>
AuctionQueue<Request>::AuctionQueue(net::Loop& loop, rpc::Client& client, const log::Logger& logger,
                                    Auctioneer auctioneer)
    : loop_(loop),
      client_(client),
      logger_(logger),
      auctioneer_(std::move(auctioneer)),
      retry_(loop),
      wait_(kRetryMin) {}

template <class Request>
void AuctionQueue<Request>::add(Request request) {
  const auto known = requests_.find(guid_of(request));
  if (known != requests_.end()) {
    fold(known->second, std::move(request));
  } else if (requests_.size() < kEntriesMax) {
    std::string guid = guid_of(request);
    requests_.emplace(std::move(guid), std::move(request));
  } else {
    if (dropped_++ % kEntriesMax == 0)
      logger_.error("auction-requests-dropped",
                    {{"url", auctioneer_.url}, {"waiting", kEntriesMax}});
  }
  send();
}

template <class Request>
void AuctionQueue<Request>::send() {
  if (under_way_ || requests_.empty()) return;
  under_way_ = true;
  // After this callback: what it adds as well goes along.
  retry_.once(Duration::zero(), [this] {
    sent_ = std::exchange(requests_, {});
    std::vector<Request> list;
    for (const auto& [guid, request] : sent_) list.push_back(request);
    rpc::Call call{.url = auctioneer_.url,
                   .headers = {{"Content-Type", "application/json"}},
                   .body = cf::to_json(list)};
    if (const std::string trace = common_trace(list); !trace.empty())
      call.headers.emplace_back("X-Vcap-Request-Id", trace);
    client_.send(std::move(call), [this](const Result<rpc::Reply>& reply) { finished(reply); });
  });
}

template <class Request>
void AuctionQueue<Request>::finished(const Result<rpc::Reply>& reply) {
  if (reply && (reply->status == 202 || reply->status == 400)) {
    if (reply->status == 400)
      logger_.error("auction-request-refused", status_error(reply->status, auctioneer_.url));
    sent_.clear();
    under_way_ = false;
    failing_since_.reset();
    wait_ = kRetryMin;
    return send();
  }
  keep_for_later(reply ? status_error(reply->status, auctioneer_.url) : reply.error());
}

template <class Request>
void AuctionQueue<Request>::keep_for_later(const Error& error) {
  if (!failing_since_) {
    failing_since_ = loop_.now();
    logger_.error("auction-request-failed", error, {{"url", auctioneer_.url}});
  }
  if (loop_.now() - *failing_since_ > auctioneer_.given_up_after) {
    dropped_ += sent_.size();
    logger_.error("auction-requests-dropped", error,
                  {{"url", auctioneer_.url}, {"requests", sent_.size()}});
    sent_.clear();
  }
  Requests newer = std::exchange(requests_, std::exchange(sent_, {}));
  for (auto& [guid, request] : newer)
    add(std::move(request));  // not sent now: one is still under way
  retry_.once(wait_, [this] {
    under_way_ = false;
    send();
  });
  wait_ = std::min(2 * wait_, kRetryMax);
}

template class AuctionQueue<cf::LrpStartRequest>;
template class AuctionQueue<cf::TaskStartRequest>;

HttpOutbox::HttpOutbox(net::Loop& loop, const log::Logger& logger, Options options)
    : options_(std::move(options)),
      client_(loop, http_options(options_.auctioneer, false)),
      reps_(loop, http_options(options_.reps, options_.reps_require_tls)),
      callbacks_(loop, http_options(options_.callbacks, false)),
      lrps_(loop, client_, logger,
            {options_.auctioneer_url + "/v1/lrps", options_.auctions_given_up_after}),
      tasks_(loop, client_, logger,
             {options_.auctioneer_url + "/v1/tasks", options_.auctions_given_up_after}) {}

void HttpOutbox::tell(rpc::Call call, OnDone on_done) {
  call.timeout = options_.timeout;
  reps_.send(std::move(call),
             [on_done = std::move(on_done), url = call.url](const Result<rpc::Reply>& reply) {
               if (!reply) return on_done(reply.error());
               if (reply->status / 100 != 2) return on_done(status_error(reply->status, url));
               on_done({});
             });
}

void HttpOutbox::stop(const std::string& rep_url, const std::string& process_guid,
                      const std::string& instance_guid, const std::string& trace_id,
                      OnDone on_done) {
  rpc::Call call{.url = rep_url + "/v1/lrps/" + process_guid + "/instances/" + instance_guid +
                        "/stop"};
  if (!trace_id.empty()) call.headers.emplace_back("X-Vcap-Request-Id", trace_id);
  tell(std::move(call), std::move(on_done));
}

void HttpOutbox::update(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on_done) {
  rpc::Call call{
      .method = "PUT",
      .url = rep_url + "/v2/lrps/" + update.process_guid + "/instances/" + update.instance_guid,
      .headers = {{"Content-Type", "application/json"}},
      .body = cf::to_json(update)};
  if (!update.trace_id.empty()) call.headers.emplace_back("X-Vcap-Request-Id", update.trace_id);
  tell(std::move(call), std::move(on_done));
}

void HttpOutbox::cancel_task(const std::string& rep_url, const std::string& task_guid,
                             const std::string& trace_id, OnDone on_done) {
  rpc::Call call{.url = rep_url + "/v1/tasks/" + task_guid + "/cancel"};
  if (!trace_id.empty()) call.headers.emplace_back("X-Vcap-Request-Id", trace_id);
  tell(std::move(call), std::move(on_done));
}

void HttpOutbox::call_back(const std::string& url, std::string body,
                           std::function<void(Result<int>)> on_status) {
  rpc::Call call{
      .url = url, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
  call.timeout = options_.timeout;
  callbacks_.send(std::move(call),
                  [on_status = std::move(on_status)](const Result<rpc::Reply>& reply) {
                    if (!reply) return on_status(reply.error());
                    on_status(reply->status);
                  });
}

}  // namespace causeway::bbs
