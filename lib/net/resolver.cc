#include <netdb.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "net/loop_core.h"
#include "net/tcp.h"

namespace causeway::net {

namespace {

class NameResolver;

// One uv_getaddrinfo. Outlives its resolver when the pool is already at work on it.
struct LookupBlock {
  uv_getaddrinfo_t request;
  NameResolver* owner;
};

class NameResolver final : public Resolver {
 public:
  NameResolver(Loop& loop, const std::string& host, uint16_t port, OnAll on_all)
      : loop_(loop),
        host_(host),
        port_(port),
        on_all_(std::move(on_all)),
        answer_([](void* self) { static_cast<NameResolver*>(self)->answer_at_once(); }, this) {
    LoopCore& core = LoopCore::of(loop);
    if (Result<Address> numeric = Address::parse(host_, port_)) {
      early_ = Result<std::vector<Address>>(std::vector<Address>{*numeric});
      core.owed.push_back(answer_);
      return;
    }
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    block_ = std::make_unique<LookupBlock>().release();
    block_->owner = this;
    const int status =
        uv_getaddrinfo(&core.loop, &block_->request, on_addresses, host_.c_str(), nullptr, &hints);
    if (status == 0) return;
    std::unique_ptr<LookupBlock>(std::exchange(block_, nullptr));
    early_ = Result<std::vector<Address>>(unresolved(status));
    core.owed.push_back(answer_);
  }
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;
  ~NameResolver() override {
    loop_.check_thread();
    if (block_ == nullptr) return;
    block_->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(
        &block_->request));  // fails when the pool has it: then its answer is dropped
  }

 private:
  static void on_addresses(uv_getaddrinfo_t* request, int status, addrinfo* list) {
    const std::unique_ptr<LookupBlock> block(reinterpret_cast<LookupBlock*>(request));
    NameResolver* resolver = block->owner;
    std::vector<Address> found;
    if (resolver != nullptr && status == 0) found = addresses_in(list, resolver->port_);
    uv_freeaddrinfo(list);
    if (resolver == nullptr) return;
    resolver->block_ = nullptr;
    if (found.empty()) return resolver->finish(resolver->unresolved(status));
    resolver->finish(std::move(found));
  }

  // IPv4 first: the platform's own parts listen on it.
  static std::vector<Address> addresses_in(const addrinfo* list, uint16_t port) {
    std::vector<Address> found;
    for (const int family : {AF_INET, AF_INET6}) {
      for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != family) continue;
        const Address address = Address::from(entry->ai_addr).with_port(port);
        if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
      }
    }
    return found;
  }

  Error unresolved(int status) const {
    std::string detail = "resolve " + host_;
    if (status != 0) detail += std::string(": ") + uv_strerror(status);
    return Error{.fault = Fault::unreachable,
                 .side = Side::backend,
                 .retry = Retry::always,
                 .detail = std::move(detail)};
  }

  void answer_at_once() { finish(std::move(*early_)); }

  // The owner may end this object in its callback: nothing is touched afterwards.
  void finish(Result<std::vector<Address>> result) {
    OnAll callback = std::move(on_all_);
    callback(std::move(result));
  }

  Loop& loop_;
  std::string host_;
  uint16_t port_;
  OnAll on_all_;
  std::optional<Result<std::vector<Address>>> early_;
  Owed answer_;
  LookupBlock* block_ = nullptr;
};

}  // namespace

std::unique_ptr<Resolver> Resolver::start(Loop& loop, const std::string& host, uint16_t port,
                                          OnResolved on_resolved) {
  return start_all(loop, host, port,
                   [on_resolved = std::move(on_resolved)](Result<std::vector<Address>> all) {
                     if (!all) return on_resolved(std::move(all).error());
                     on_resolved(all->front());
                   });
}

std::unique_ptr<Resolver> Resolver::start_all(Loop& loop, const std::string& host, uint16_t port,
                                              OnAll on_all) {
  loop.check_thread();
  return std::make_unique<NameResolver>(loop, host, port, std::move(on_all));
}

}  // namespace causeway::net
