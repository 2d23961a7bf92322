#include "control/bbs/events/hub.h"

#include <utility>

#include "tls/digest.h"

namespace causeway::bbs {

void Hub::subscribe(std::unique_ptr<rpc::Responder::EventStream> stream, std::string filter) {
  subscribers_.push_back({std::move(stream), std::move(filter)});
  const auto place = std::prev(subscribers_.end());
  place->stream->on_gone([this, place] { subscribers_.erase(place); });
}

void Hub::publish(std::string_view name, std::string_view message,
                  const std::function<bool(const std::string&)>& concerns) {
  if (subscribers_.empty()) return;
  const rpc::EventText text = rpc::event_text(name, tls::base64(message));
  for (auto at = subscribers_.begin(); at != subscribers_.end();) {
    const bool kept =
        !concerns(at->filter) || at->stream->send(std::to_string(at->next_id++), text);
    if (!kept) ++cut_off_;
    at = kept ? std::next(at) : subscribers_.erase(at);
  }
}

}  // namespace causeway::bbs
