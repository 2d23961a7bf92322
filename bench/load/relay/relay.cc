#include "bench/load/relay/relay.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::load {
namespace {

constexpr size_t buffer_bytes = 64u << 10;

// A descriptor of the relay's own.
class OwnedSocket {
 public:
  OwnedSocket() = default;
  explicit OwnedSocket(int descriptor) : descriptor_(descriptor) {}
  OwnedSocket(OwnedSocket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OwnedSocket& operator=(OwnedSocket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OwnedSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int number() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

// One end of a relayed connection. Owner: its Couple.
struct RelayEnd {
  OwnedSocket socket;
  std::string unsent;  // what the other end has said and this socket did not take yet
  uint32_t watched = 0;
  bool has_ended = false;  // it has sent its FIN
  bool was_shut = false;   // it was sent the other's
};

struct RelayCouple {
  std::array<RelayEnd, 2> ends;  // client, backend
};

Error socket_error(const std::string& what) {
  const int os = errno;
  return {.fault = fault_of_errno(os), .os = os, .detail = what + ": " + std::strerror(os)};
}

}  // namespace

struct Relay::State {
  net::Address address, to;
  OwnedSocket epoll, listener, wake;
  std::vector<std::unique_ptr<RelayCouple>> couples;       // by the client's descriptor
  std::vector<std::pair<RelayCouple*, size_t>> by_socket;  // by descriptor
  std::array<char, buffer_bytes> buffer{};
  bool is_stopping = false;

  void watch(RelayEnd& end, uint32_t events);
  void rewatch(RelayCouple& couple);
  void accept_all();
  // Both answer false when the couple is done.
  bool forward(RelayCouple& couple, size_t from);
  bool flush(RelayCouple& couple, size_t to_end);
  void on_event(int descriptor, uint32_t events);
  void drop(RelayCouple& couple);
};

void Relay::State::watch(RelayEnd& end, uint32_t events) {
  if (end.watched == events) return;
  epoll_event event{};
  event.events = events;
  event.data.fd = end.socket.number();
  const int how = end.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  ::epoll_ctl(epoll.number(), how, end.socket.number(), &event);
  end.watched = events;
}

void Relay::State::rewatch(RelayCouple& couple) {
  for (size_t side = 0; side < 2; ++side) {
    RelayEnd& end = couple.ends[side];
    const bool reads = !end.has_ended && couple.ends[1 - side].unsent.empty();
    const uint32_t events =
        (reads ? uint32_t{EPOLLIN} : 0) | (end.unsent.empty() ? 0 : uint32_t{EPOLLOUT});
    watch(end, events == 0 ? uint32_t{EPOLLERR} : events);
  }
}

void Relay::State::accept_all() {
  while (true) {
    OwnedSocket client(
        ::accept4(listener.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.number() < 0) return;
    OwnedSocket backend(
        ::socket(to.socket_address()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (backend.number() < 0) return;
    const int on = 1;
    ::setsockopt(client.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(backend.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(backend.number(), to.socket_address(), to.length()) != 0 && errno != EINPROGRESS)
      continue;
    auto couple = std::make_unique<RelayCouple>();
    couple->ends[0].socket = std::move(client);
    couple->ends[1].socket = std::move(backend);
    for (size_t side = 0; side < 2; ++side) {
      const auto number = static_cast<size_t>(couple->ends[side].socket.number());
      if (by_socket.size() <= number) by_socket.resize(number + 1);
      if (couples.size() <= number) couples.resize(number + 1);
      by_socket[number] = {couple.get(), side};
      watch(couple->ends[side], EPOLLIN);
    }
    const auto key = static_cast<size_t>(couple->ends[0].socket.number());
    couples[key] = std::move(couple);
  }
}

bool Relay::State::flush(RelayCouple& couple, size_t to_end) {
  RelayEnd& end = couple.ends[to_end];
  if (!end.unsent.empty()) {
    const ssize_t count =
        ::send(end.socket.number(), end.unsent.data(), end.unsent.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    if (count > 0) end.unsent.erase(0, static_cast<size_t>(count));
  }
  RelayEnd& other = couple.ends[1 - to_end];
  if (end.unsent.empty() && other.has_ended && !end.was_shut) {
    end.was_shut = true;
    ::shutdown(end.socket.number(), SHUT_WR);
  }
  return !(end.was_shut && other.was_shut);
}

bool Relay::State::forward(RelayCouple& couple, size_t from) {
  RelayEnd& source = couple.ends[from];
  RelayEnd& sink = couple.ends[1 - from];
  const ssize_t count = ::recv(source.socket.number(), buffer.data(), buffer.size(), 0);
  if (count < 0) return errno == EAGAIN;
  if (count == 0) {
    source.has_ended = true;
    return flush(couple, 1 - from);
  }
  const std::string_view bytes(buffer.data(), static_cast<size_t>(count));
  const ssize_t sent = ::send(sink.socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  // Not connected yet: EAGAIN as well.
  if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
  const size_t taken = sent > 0 ? static_cast<size_t>(sent) : 0;
  if (taken < bytes.size()) sink.unsent.assign(bytes.substr(taken));
  return true;
}

void Relay::State::drop(RelayCouple& couple) {
  for (const RelayEnd& end : couple.ends) by_socket[static_cast<size_t>(end.socket.number())] = {};
  couples[static_cast<size_t>(couple.ends[0].socket.number())].reset();
}

void Relay::State::on_event(int descriptor, uint32_t events) {
  if (descriptor == listener.number()) return accept_all();
  if (descriptor == wake.number()) {
    is_stopping = true;
    return;
  }
  const auto [couple, side] = by_socket[static_cast<size_t>(descriptor)];
  if (couple == nullptr) return;  // dropped in this turn
  bool goes_on = true;
  if ((events & EPOLLOUT) != 0) goes_on = flush(*couple, side);
  if (goes_on && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    // A hang-up that nobody reads would come again and again.
    goes_on = (events & EPOLLIN) != 0 ? forward(*couple, side) : false;
  }
  if (!goes_on) return drop(*couple);
  rewatch(*couple);
}

Relay::Relay(std::unique_ptr<State> state) : state_(std::move(state)) {}
Relay::~Relay() = default;

const net::Address& Relay::address() const { return state_->address; }

Result<std::unique_ptr<Relay>> Relay::open(const net::Address& listen, const net::Address& to) {
  auto state = std::make_unique<State>();
  state->to = to;
  state->listener = OwnedSocket(
      ::socket(listen.socket_address()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(state->listener.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(state->listener.number(), listen.socket_address(), listen.length()) != 0 ||
      ::listen(state->listener.number(), 1024) != 0)
    return socket_error("cannot listen on " + listen.to_string());
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockname(state->listener.number(), reinterpret_cast<sockaddr*>(&name), &length) != 0)
    return socket_error("cannot read the address");
  state->address = net::Address::from(reinterpret_cast<sockaddr*>(&name));
  state->epoll = OwnedSocket(::epoll_create1(EPOLL_CLOEXEC));
  state->wake = OwnedSocket(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (state->epoll.number() < 0 || state->wake.number() < 0) return socket_error("no epoll");
  for (const int descriptor : {state->listener.number(), state->wake.number()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    ::epoll_ctl(state->epoll.number(), EPOLL_CTL_ADD, descriptor, &event);
  }
  return std::unique_ptr<Relay>(new Relay(std::move(state)));
}

void Relay::run() {
  std::array<epoll_event, 256> events{};
  while (!state_->is_stopping) {
    const int count =
        ::epoll_wait(state_->epoll.number(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i)
      state_->on_event(events[static_cast<size_t>(i)].data.fd,
                       events[static_cast<size_t>(i)].events);
  }
}

void Relay::stop() noexcept {
  const uint64_t one = 1;
  const ssize_t written = ::write(state_->wake.number(), &one, sizeof one);
  static_cast<void>(written);  // full means that it is to wake already
}

}  // namespace causeway::load
