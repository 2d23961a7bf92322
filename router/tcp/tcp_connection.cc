#include "router/tcp/tcp_connection.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <utility>

#include "net/loop.h"
#include "net/proxy_header.h"
#include "router/tcp/tcp_port.h"
#include "router/tcp/tcp_worker.h"

namespace causeway::router {
namespace {

const char* word_for(TcpConnection::End how) {
  switch (how) {
    case TcpConnection::End::done:
      return "done";
    case TcpConnection::End::client_failed:
      return "client-failed";
    case TcpConnection::End::backend_failed:
      return "backend-failed";
    case TcpConnection::End::no_backend:
      return "no-backend";
    case TcpConnection::End::bad_header:
      return "bad-proxy-header";
    case TcpConnection::End::idle:
      return "idle";
    case TcpConnection::End::cut:
      return "cut";
  }
  return "";
}

// A line of version 1 has 107 bytes at most, one of version 2 with everything that balancers add a
// few hundred.
constexpr size_t header_bytes_max = 4096;

}  // namespace

TcpConnection::TcpConnection(TcpWorker& worker, TcpPort& port, Socket client,
                             const net::Address& peer, size_t place)
    : worker_(worker),
      port_(port),
      peer_(peer),
      begun_(worker.loop().now()),
      place_(place),
      turn_(port.next_turn()),
      client_(*this),
      backend_(*this),
      to_backend_(worker.pipes(), worker.loop().scratch()),
      to_client_(worker.pipes(), worker.loop().scratch()) {
  client_.end.socket = std::move(client);
}

void TcpConnection::begin() {
  port_.metrics.connections.add();
  port_.metrics.open.add(1);
  if (worker_.settings().proxy_protocol.expects_header_from(peer_)) return await_header();
  dial();
}

void TcpConnection::await_header() {
  phase_ = Phase::arriving;
  client_is_watched_ = true;
  if (!worker_.readiness().watch(client_.end.socket.descriptor(), client_)) {
    return end(End::client_failed);
  }
  worker_.header_deadlines().arm(*this);
}

// The header is read where it lies, so that what follows it stays there for the relay.
void TcpConnection::read_header() {
  using Step = net::ProxyHeaderReader::Step;
  const std::span<char> room = worker_.loop().scratch().first(header_bytes_max);
  const ssize_t count = peek(client_.end.socket, room);
  if (count == -EAGAIN || count == -EINTR) return;
  if (count < 0) return end(End::client_failed);
  if (count == 0) return dial();  // it only listens
  net::ProxyHeaderReader reader;
  const auto size = static_cast<size_t>(count);
  const auto [step, taken] = reader.feed({room.data(), size});
  switch (step) {
    case Step::more:
      header_has_begun_ = true;
      if (size == header_bytes_max || client_.end.hangs_up) end(End::bad_header);
      return;
    case Step::done:
      discard(client_.end.socket, taken);
      if (reader.header().has_addresses) {
        peer_ = reader.header().client;
        told_server_ = reader.header().server;
      }
      return dial();
    case Step::absent:
      return dial();
    case Step::bad:
      return end(End::bad_header);
  }
}

void TcpConnection::dial() {
  phase_ = Phase::dialling;
  const size_t choices = std::min<size_t>(worker_.settings().attempts_max, port_.choices());
  while (attempts_ < choices) {
    endpoint_ = port_.choose(turn_, attempts_, worker_.loop().now());
    ++attempts_;
    auto socket = begin_connecting(endpoint_->address);
    if (socket) {
      backend_.end = {.socket = *std::move(socket)};
      if (worker_.readiness().watch(backend_.end.socket.descriptor(), backend_)) {
        return worker_.dial_deadlines().arm(*this);
      }
    }
    dial_failed();
  }
  end(End::no_backend);
}

void TcpConnection::dial_failed() {
  port_.metrics.dial_failures.add();
  port_.mark_failed(endpoint_->address,
                    worker_.loop().now() + worker_.settings().failed_mark_lifetime);
  backend_.end.socket.close();
}

void TcpConnection::on_deadline() {
  switch (phase_) {
    case Phase::arriving:
      // Where instances speak first, a client without a header may be silent.
      return header_has_begun_ ? end(End::bad_header) : dial();
    case Phase::dialling:
      dial_failed();
      return dial();
    case Phase::relaying:
      return end(End::idle);
    case Phase::over:
      return;
  }
}

void TcpConnection::on_dialled() {
  if (connection_error(backend_.end.socket) != 0 || !introduce()) {
    dial_failed();
    return dial();
  }
  port_.mark_reached(endpoint_->address);
  phase_ = Phase::relaying;
  if (!client_is_watched_ && !worker_.readiness().watch(client_.end.socket.descriptor(), client_)) {
    return end(End::client_failed);
  }
  client_is_watched_ = true;
  // Registering tells what it can do already; here the first bytes of an eager client save a round.
  client_.end.can_read = client_.end.can_write = true;
  relay();
}

bool TcpConnection::introduce() {
  const auto& version = worker_.settings().sent_proxy_header;
  if (!version) return true;
  std::string header;
  net::append_proxy_header(header, *version, peer_,
                           told_server_ ? *told_server_ : local_address(client_.end.socket));
  return send_first(backend_.end.socket, header);
}

void TcpConnection::Half::on_ready(Ready ready) {
  if (connection.phase_ == Phase::over || !end.socket.is_open()) return;
  if (connection.phase_ == Phase::dialling && this == &connection.backend_) {
    // A socket that is not connected yet says nothing else.
    if (!ready.write) return;
    end.can_read = end.can_write = true;
    end.hangs_up = ready.hang_up;
    return connection.on_dialled();
  }
  end.can_read = end.can_read || ready.read;
  end.can_write = end.can_write || ready.write;
  end.hangs_up = end.hangs_up || ready.hang_up;
  if (connection.phase_ == Phase::arriving) return connection.read_header();
  if (connection.phase_ == Phase::relaying) connection.relay();
}

void TcpConnection::relay() {
  if (!client_is_done_ && !pump(to_backend_, client_, backend_, client_is_done_)) return;
  if (!backend_is_done_ && !pump(to_client_, backend_, client_, backend_is_done_)) return;
  count_bytes();
  if (client_is_done_ && backend_is_done_) return end(End::done);
  worker_.idle_deadlines().arm(*this);
}

bool TcpConnection::pump(Flow& flow, Half& source, Half& target, bool& is_done) {
  switch (flow.pump(source.end, target.end)) {
    case Flow::Step::waits:
      return true;
    case Flow::Step::has_more:
      worker_.readiness().tell_again(source.end.socket.descriptor(), source);
      return true;
    case Flow::Step::ended:
      is_done = true;
      return true;
    case Flow::Step::source_failed:
      end(&source == &client_ ? End::client_failed : End::backend_failed);
      return false;
    case Flow::Step::target_failed:
      end(&target == &client_ ? End::client_failed : End::backend_failed);
      return false;
  }
  return true;
}

void TcpConnection::count_bytes() {
  port_.metrics.client_bytes.add(to_backend_.bytes() -
                                 std::exchange(counted_to_backend_, to_backend_.bytes()));
  port_.metrics.backend_bytes.add(to_client_.bytes() -
                                  std::exchange(counted_to_client_, to_client_.bytes()));
}

void TcpConnection::end(End how) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  call_off();
  count_bytes();
  to_backend_.end();
  to_client_.end();
  if (how == End::done) {
    client_.end.socket.close();
    backend_.end.socket.close();
  } else {
    client_.end.socket.reset();
    backend_.end.socket.reset();
  }
  port_.metrics.open.add(-1);
  if (how == End::no_backend) port_.metrics.failed.add();
  if (how == End::bad_header) port_.metrics.proxy_headers_refused.add();
  if (how == End::idle) port_.metrics.idle.add();
  if (worker_.settings().logs_connections) log_end(how);
  worker_.remove(*this);
}

void TcpConnection::log_end(End how) const {
  const bool has_backend = endpoint_ != nullptr && how != End::no_backend;
  const std::string client = peer_.to_string();
  const std::string backend = has_backend ? endpoint_->address.to_string() : "-";
  const std::chrono::duration<double> took = worker_.loop().now() - begun_;
  worker_.logger().info("tcp-connection",
                        {{"port", port_.number()},
                         {"client", client},
                         {"backend", backend},
                         {"application_id", has_backend ? endpoint_->app_id : ""},
                         {"instance_id", has_backend ? endpoint_->instance_id : ""},
                         {"instance_index", has_backend ? endpoint_->instance_index : ""},
                         {"client_bytes", to_backend_.bytes()},
                         {"backend_bytes", to_client_.bytes()},
                         {"attempts", attempts_},
                         {"seconds", took.count()},
                         {"end", word_for(how)}});
}

}  // namespace causeway::router
