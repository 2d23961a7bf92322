#pragma once

// The templates of Api, for its own sources (api_*.cc).

#include <memory>
#include <utility>

#include "cf/models/models.h"
#include "control/bbs/api/api.h"
#include "control/bbs/api/open_calls.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/readers/lrp_reader.h"
#include "control/bbs/rules/refusal.h"
#include "control/bbs/rules/validation.h"

namespace causeway::bbs {

template <class Response>
void set_refusal(Response& response, const Refusal& refusal) {
  *response.mutable_error() = to_error(refusal);
}

template <class Response>
void set_error(Response& response, const Error& error) {
  set_refusal(response, refusal_of(error));
}

template <class Response>
bool has_error(const Response& response) {
  if constexpr (requires { response.has_error(); }) {
    return response.has_error();
  } else {
    return false;
  }
}

template <class Request, class Response>
void Api::call(rpc::Server& server, const char* path, Serve<Request, Response> serve) {
  server.route(
      "POST", path,
      [this, serve = std::move(serve)](const rpc::Request& http, rpc::Responder responder) {
        const Caller caller = open(http, std::move(responder));
        const uint64_t id = caller.id;
        Respond<Response> respond = [this, id](Response& response) {
          answer(id, response, has_error(response));
        };
        Request& request = open_->at(id).make<Request>();
        Response refused;
        if (!cf::decode(http.body, request)) {
          set_refusal(refused, refuse(models::Error::InvalidRequest));
          return respond(refused);
        }
        Complaints complaints;
        check(request, complaints);
        if (!complaints.empty()) {
          set_refusal(refused, {models::Error::InvalidRequest, complaints.text()});
          return respond(refused);
        }
        serve(request, caller, std::move(respond));
      });
}

template <class Response>
void Api::call_plain(rpc::Server& server, const char* path,
                     std::function<void(const Caller&, Respond<Response>)> serve) {
  server.route(
      "POST", path,
      [this, serve = std::move(serve)](const rpc::Request& http, rpc::Responder responder) {
        const Caller caller = open(http, std::move(responder));
        serve(caller, [this, id = caller.id](Response& response) {
          answer(id, response, has_error(response));
        });
      });
}

template <class Response, class Query>
void Api::collect(const Caller& caller, Query query,
                  std::function<void(const ProcessState&, Response&)> add,
                  Respond<Response> respond) {
  const uint64_t id = caller.id;
  open_->at(id).draft = std::make_unique<Response>();
  services_.reader.read(
      std::move(query),
      [this, id, add = std::move(add)](const std::string&, const ProcessState& state) {
        add(state, static_cast<Response&>(*open_->at(id).draft));
      },
      [this, id, respond = std::move(respond)](const Result<void>& done) {
        const auto draft = std::move(open_->at(id).draft);
        if (done) return respond(static_cast<Response&>(*draft));
        Response failed;
        set_error(failed, done.error());
        respond(failed);
      });
}

template <class Response, class Query>
void Api::send_list(const Caller& caller, Query query,
                    std::function<void(const ProcessState&, Response&)> add) {
  const uint64_t id = caller.id;
  services_.reader.read(
      std::move(query),
      [this, id, add = std::move(add)](const std::string&, const ProcessState& state) {
        // Encoded messages behind each other are one message with the elements of all.
        Response part;
        add(state, part);
        open_->at(id).bytes += cf::encode(part);
      },
      [this, id](const Result<void>& done) {
        Response refused;
        if (!done) set_error(refused, done.error());
        end_list(id, done, cf::encode(refused));
      },
      [this, id](const std::function<void(bool)>& go_on) { flush_list(id, go_on); });
}

template <class Response, class Query>
void Api::send_stored(const Caller& caller, Query query, AppendRows append) {
  const uint64_t id = caller.id;
  services_.reader.read_rows(
      std::move(query),
      [this, id, append = std::move(append)](const store::ProcessRows& rows,
                                             const std::string& domain) {
        append(rows, domain, open_->at(id).bytes);
      },
      [this, id](const Result<void>& done) {
        Response refused;
        if (!done) set_error(refused, done.error());
        end_list(id, done, cf::encode(refused));
      },
      [this, id](const std::function<void(bool)>& go_on) { flush_list(id, go_on); });
}

}  // namespace causeway::bbs
