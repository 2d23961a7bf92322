#include "diego/rep_client.h"

#include <utility>

#include "diego/service_url.h"
#include "rpc/client.h"

namespace causeway::diego {

struct RepClient::State {
  State(net::Loop& loop, Options the_options)
      : options(std::move(the_options)),
        client(loop, {.connections_per_host_max = options.calls_per_cell_max,
                      .identity = options.identity,
                      .requires_tls = options.requires_tls,
                      .may_send = options.may_send}) {}

  const Options options;
  rpc::Client client;
};

namespace {

rpc::Call rep_call(std::string method, std::string url, std::string body, Duration timeout) {
  rpc::Call call{.method = std::move(method),
                 .url = std::move(url),
                 .body = std::move(body),
                 .timeout = timeout};
  if (!call.body.empty()) call.headers.emplace_back("Content-Type", "application/json");
  return call;
}

template <class Message>
void send_for_message(rpc::Client& client, rpc::Call call,
                      Result<Message> (*parse)(std::string_view),
                      std::function<void(Result<Message>)> on) {
  std::string url = call.url;
  client.send(std::move(call),
              [url = std::move(url), parse, on = std::move(on)](Result<rpc::Reply> reply) {
                if (!reply) return on(std::move(reply).error());
                if (reply->status != 200) return on(unexpected_status(url, *reply));
                auto message = parse(reply->body);
                if (!message) {
                  message.error().side = Side::backend;
                  message.error().detail = url + ": " + message.error().detail;
                }
                on(std::move(message));
              });
}

void send_for_done(rpc::Client& client, rpc::Call call, RepClient::OnDone on) {
  std::string url = call.url;
  client.send(std::move(call),
              [url = std::move(url), on = std::move(on)](Result<rpc::Reply> reply) {
                if (!reply) return on(std::move(reply).error());
                if (reply->status != 202 && reply->status != 200)
                  return on(unexpected_status(url, *reply));
                on({});
              });
}

std::string instance_url(const std::string& rep_url, std::string_view version,
                         const std::string& process_guid, const std::string& instance_guid) {
  return rep_url + std::string(version) + "/lrps/" + path_segment(process_guid) + "/instances/" +
         path_segment(instance_guid);
}

}  // namespace

RepClient::RepClient(net::Loop& loop, Options options)
    : state_(std::make_unique<State>(loop, std::move(options))) {}

RepClient::~RepClient() = default;

void RepClient::state(const std::string& rep_url, std::function<void(Result<cf::CellState>)> on) {
  send_for_message<cf::CellState>(
      state_->client, rep_call("GET", rep_url + "/state", "", state_->options.state_timeout),
      cf::parse_cell_state, std::move(on));
}

void RepClient::brief(const std::string& rep_url, std::function<void(Result<cf::CellBrief>)> on) {
  send_for_message<cf::CellBrief>(
      state_->client, rep_call("GET", rep_url + "/state", "", state_->options.state_timeout),
      cf::parse_cell_brief, std::move(on));
}

void RepClient::perform(const std::string& rep_url, const cf::Work& work,
                        std::function<void(Result<cf::Work>)> on) {
  auto call = rep_call("POST", rep_url + "/work", cf::to_json(work), state_->options.timeout);
  if (!work.trace_id.empty()) call.headers.emplace_back("X-Vcap-Request-Id", work.trace_id);
  send_for_message<cf::Work>(state_->client, std::move(call), cf::parse_work, std::move(on));
}

void RepClient::stop_lrp(const std::string& rep_url, const std::string& process_guid,
                         const std::string& instance_guid, OnDone on) {
  const std::string url = instance_url(rep_url, "/v1", process_guid, instance_guid) + "/stop";
  send_for_done(state_->client, rep_call("POST", url, "", state_->options.timeout), std::move(on));
}

void RepClient::update_lrp(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on) {
  const std::string url = instance_url(rep_url, "/v2", update.process_guid, update.instance_guid);
  send_for_done(state_->client, rep_call("PUT", url, cf::to_json(update), state_->options.timeout),
                std::move(on));
}

void RepClient::cancel_task(const std::string& rep_url, const std::string& task_guid, OnDone on) {
  const std::string url = rep_url + "/v1/tasks/" + path_segment(task_guid) + "/cancel";
  send_for_done(state_->client, rep_call("POST", url, "", state_->options.timeout), std::move(on));
}

}  // namespace causeway::diego
