#include "tls/context.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "tls/context_state.h"
#include "tls/new_context.h"
#include "tls/pem.h"
#include "tls/tls_stream.h"

namespace causeway::tls {
namespace {

const uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

}  // namespace

ClientContext::ClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientContext::~ClientContext() = default;

Result<std::unique_ptr<ClientContext>> ClientContext::make(const Options& options) {
  auto made = new_context(options.least, options.most);
  if (!made) return std::move(made).error();
  auto state = std::make_unique<State>();
  state->context = std::move(made).value();
  SSL_CTX* context = state->context.get();
  if (options.verify == Options::Verify::peer) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (!options.ca_pem.empty()) {
      if (auto trusted = trust_certificates(context, options.ca_pem); !trusted)
        return trusted.error();
    } else if (auto trusted = trust_system(SSL_CTX_get_cert_store(context)); !trusted) {
      return trusted.error();
    }
  }
  if (options.key_pair) {
    if (auto used =
            use_key_pair(context, options.key_pair->certificate_pem, options.key_pair->key_pem);
        !used)
      return used.error();
  }
  const auto alpn = protocols_on_the_wire(options.alpn);
  if (!alpn) return alpn.error();
  if (!alpn->empty())
    CHECK(SSL_CTX_set_alpn_protos(context, bytes_of(*alpn), static_cast<unsigned>(alpn->size())) ==
          0);  // 0 is success
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, TlsStream::on_new_session);
  return std::unique_ptr<ClientContext>(new ClientContext(std::move(state)));
}

SessionCache::SessionCache() : state_(std::make_unique<State>()) {}
SessionCache::~SessionCache() = default;

size_t SessionCache::size() const {
  size_t sum = 0;
  for (const auto& [name, sessions] : state_->sessions) sum += sessions.size();
  return sum;
}

void SessionCache::clear() { state_->sessions.clear(); }

void SessionCache::State::put(const std::string& name, SSL_CTX* context,
                              bssl::UniquePtr<SSL_SESSION> session) {
  if (sessions.size() >= names_max && !sessions.contains(name)) return;
  auto& known = sessions[name];
  if (known.size() >= each_max) known.erase(known.begin());
  known.push_back({bssl::UpRef(context), std::move(session)});
}

bssl::UniquePtr<SSL_SESSION> SessionCache::State::take(const std::string& name,
                                                       const SSL_CTX* context) {
  const auto found = sessions.find(name);
  if (found == sessions.end()) return nullptr;
  auto& known = found->second;
  const auto newest = std::find_if(known.rbegin(), known.rend(), [context](const Offered& each) {
    return each.context.get() == context;
  });
  if (newest == known.rend()) return nullptr;
  if (SSL_SESSION_should_be_single_use(newest->session.get()) == 0)
    return bssl::UpRef(newest->session);
  bssl::UniquePtr<SSL_SESSION> taken = std::move(newest->session);
  known.erase(std::next(newest).base());
  return taken;
}

}  // namespace causeway::tls
