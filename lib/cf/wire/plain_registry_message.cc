#include "cf/wire/plain_registry_message.h"

#include <charconv>
#include <cstdint>

#include "json/json.h"

namespace causeway::cf {
namespace {

// Where the texts of a message go.
struct TextField {
  std::string_view key;
  std::string RegistryMessage::*target;
};
constexpr TextField text_fields[] = {
    {"host", &RegistryMessage::host},
    {"app", &RegistryMessage::app},
    {"private_instance_id", &RegistryMessage::private_instance_id},
    {"private_instance_index", &RegistryMessage::private_instance_index},
    {"server_cert_domain_san", &RegistryMessage::server_cert_domain_san},
    {"protocol", &RegistryMessage::protocol},
    {"route_service_url", &RegistryMessage::route_service_url},
    {"isolation_segment", &RegistryMessage::isolation_segment},
    {"availability_zone", &RegistryMessage::availability_zone},
};
constexpr std::string_view number_fields[] = {"port", "tls_port", "stale_threshold_in_seconds",
                                              "endpoint_updated_at_ns"};
constexpr std::string_view uris_field = "uris", tags_field = "tags";

// A value for one read_plain_registry_message().
class PlainReader final : public json::Visitor {
 public:
  explicit PlainReader(RegistryMessage& message) : message_(message) {}

  bool on_begin(json::Kind kind) override {
    switch (place_) {
      case Place::outside:
        place_ = Place::message;
        return kind == json::Kind::object;
      case Place::message:
        place_ = key_ == uris_field ? Place::uris : Place::tags;
        return kind == json::Kind::array ? key_ == uris_field : key_ == tags_field;
      default:
        return false;
    }
  }
  bool on_end() override {
    place_ = place_ == Place::message ? Place::outside : Place::message;
    return true;
  }

  bool on_key(std::string_view key) override {
    if (place_ == Place::tags) {
      tag_.assign(key);
      return true;
    }
    unsigned number = 0;
    text_ = nullptr;
    for (const TextField& field : text_fields) {
      if (field.key == key) {
        text_ = &(message_.*field.target);
        return note(number, field.key);
      }
      ++number;
    }
    for (const std::string_view field : number_fields) {
      if (field == key) return note(number, field);
      ++number;
    }
    if (key == uris_field) return note(number, uris_field);
    return key == tags_field && note(number + 1, tags_field);
  }
  bool on_string(std::string_view text) override {
    switch (place_) {
      case Place::uris:
        message_.uris.emplace_back(text);
        return true;
      case Place::tags:
        return message_.tags.emplace(std::move(tag_), text).second;
      case Place::message:
        if (text_ == nullptr) return false;
        text_->assign(text);
        return true;
      case Place::outside:
        break;
    }
    return false;
  }
  bool on_number(std::string_view text) override {
    if (place_ != Place::message) return false;
    if (key_ == "port") return read(text, message_.port);
    if (key_ == "tls_port") return read(text, message_.tls_port);
    if (key_ == "stale_threshold_in_seconds")
      return read(text, message_.stale_threshold_in_seconds);
    return key_ == "endpoint_updated_at_ns" && read(text, message_.endpoint_updated_at_ns);
  }
  bool on_other() override { return false; }

 private:
  enum class Place : uint8_t { outside, message, uris, tags };

  // A key that comes twice is not plain.
  bool note(unsigned number, std::string_view field) {
    key_ = field;
    const uint32_t bit = uint32_t{1} << number;
    if ((seen_ & bit) != 0) return false;
    seen_ |= bit;
    return true;
  }
  template <class Number>
  static bool read(std::string_view text, Number& target) {
    const char* const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, target);
    return failed == std::errc{} && rest == end;
  }

  RegistryMessage& message_;
  Place place_ = Place::outside;
  std::string_view key_;         // of the message's members
  std::string* text_ = nullptr;  // what a string under key_ is for
  std::string tag_;
  uint32_t seen_ = 0;
};

}  // namespace

bool read_plain_registry_message(std::string_view json, RegistryMessage& message) {
  PlainReader reader(message);
  return json::visit(json, reader);
}

}  // namespace causeway::cf
