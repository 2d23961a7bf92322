#pragma once

#include <memory>

#include "redis/access.h"
#include "redis/pipeline.h"

namespace causeway::redis {

// One server: a fixed one, or the primary that Sentinels name. They are asked again and again; when
// they name another one the link is given up and made to that. Owner: the Client. Thread: its
// loop's.
class SingleAccess final : public Access {
 public:
  SingleAccess(net::Loop& loop, const log::Logger& logger, const Options& options, OnLink on_link);

  bool is_ready() const override { return server_ != nullptr && server_->is_ready(); }
  size_t under_way() const override { return server_ == nullptr ? 0 : server_->under_way(); }
  void send(Request request) override;
  Result<void> send_at(const Place& place, const std::vector<std::string>& args,
                       const OnReply& on_reply) override;
  Node any_node() override { return node_; }

 private:
  void open_server();
  void open_sentinel();
  void ask_sentinel();
  void take_primary(const Value& reply);

  net::Loop& loop_;
  const log::Logger& logger_;
  const Options options_;
  const OnLink on_link_;
  Node node_;
  size_t next_sentinel_ = 0;
  net::Timer ask_timer_;
  std::unique_ptr<Pipeline> sentinel_;
  std::unique_ptr<Pipeline> server_;
};

}  // namespace causeway::redis
