#include "control/bbs/readers/domains.h"

#include <charconv>

namespace causeway::bbs {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

// A row is the time of expiry in Unix nanoseconds, as decimal digits; 0: never.
bool has_expired(const std::string& row, int64_t now_ns) {
  int64_t expiry = 0;
  std::from_chars(row.data(), row.data() + row.size(), expiry);
  return expiry != 0 && expiry <= now_ns;
}

}  // namespace

void Domains::upsert(const std::string& domain, uint32_t ttl_seconds, int64_t now_ns,
                     store::Store::On<void> on_done) {
  const int64_t expiry = ttl_seconds == 0 ? 0 : now_ns + ttl_seconds * kSecondNs;
  store_.commit(
      {{.key = {store::Table::domain, domain}, .after = std::to_string(expiry), .blind = true}},
      std::move(on_done));
}

void Domains::list_fresh(int64_t now_ns, store::Store::On<Names> on_names) {
  read(now_ns, false, std::move(on_names));
}

void Domains::sweep(int64_t now_ns, store::Store::On<Names> on_names) {
  read(now_ns, true, std::move(on_names));
}

void Domains::read(int64_t now_ns, bool drop_expired, store::Store::On<Names> on_names) {
  store_.read_table(store::Table::domain, [this, now_ns, drop_expired,
                                           on_names = std::move(on_names)](auto rows) {
    if (!rows) return on_names(std::move(rows.error()));
    Names fresh;
    for (const auto& row : *rows) {
      if (!has_expired(row.bytes, now_ns)) {
        fresh.insert(row.id);
      } else if (drop_expired) {
        // Unless it was upserted again meanwhile; a failure is the next pass's.
        store_.commit({{.key = {store::Table::domain, row.id}, .before = row.bytes}},
                      [](const Result<void>&) {});
      }
    }
    on_names(std::move(fresh));
  });
}

}  // namespace causeway::bbs
