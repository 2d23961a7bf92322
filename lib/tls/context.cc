#include "tls/context.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "tls/context_state.h"
#include "tls/pem.h"
#include "tls/tls_stream.h"

namespace causeway::tls {
namespace {

constexpr size_t alpn_name_bytes_max = 255;

uint16_t number_of(Version version) {
  return version == Version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

bssl::UniquePtr<SSL_CTX> new_context(Version least, Version most) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  CHECK(context != nullptr);  // out of memory only
  CHECK(SSL_CTX_set_min_proto_version(context.get(), number_of(least)) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context.get(), number_of(most)) == 1);
  return context;
}

Result<std::string> on_the_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > alpn_name_bytes_max)
      return Error{.fault = Fault::invalid, .detail = "a protocol's name has 1 to 255 bytes"};
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

const uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

int choose_protocol(SSL*, const uint8_t** out, uint8_t* out_bytes, const uint8_t* offered,
                    unsigned offered_bytes, void* argument) {
  const auto& ours = static_cast<const ServerContext::State*>(argument)->alpn;
  uint8_t* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_bytes, bytes_of(ours), static_cast<unsigned>(ours.size()),
                            offered, offered_bytes);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Error order_of_versions() {
  return {.fault = Fault::invalid, .detail = "the least TLS version is above the most"};
}

}  // namespace

ClientContext::ClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientContext::~ClientContext() = default;
ServerContext::ServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ServerContext::~ServerContext() = default;

Result<std::unique_ptr<ClientContext>> ClientContext::make(const Options& options) {
  if (options.least > options.most) return order_of_versions();
  auto state = std::make_unique<State>();
  state->context = new_context(options.least, options.most);
  SSL_CTX* context = state->context.get();
  if (options.verify == Options::Verify::peer) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (!options.ca_pem.empty()) {
      if (auto trusted = trust_certificates(context, options.ca_pem); !trusted)
        return trusted.error();
    } else if (SSL_CTX_load_verify_locations(context, "/etc/ssl/certs/ca-certificates.crt",
                                             "/etc/ssl/certs") != 1) {
      return rejected("the system's CA certificates cannot be read");
    }
  }
  if (options.key_pair) {
    if (auto used =
            use_key_pair(context, options.key_pair->certificate_pem, options.key_pair->key_pem);
        !used)
      return used.error();
  }
  const auto alpn = on_the_wire(options.alpn);
  if (!alpn) return alpn.error();
  if (!alpn->empty())
    CHECK(SSL_CTX_set_alpn_protos(context, bytes_of(*alpn), static_cast<unsigned>(alpn->size())) ==
          0);  // 0 is success
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, TlsStream::on_new_session);
  return std::unique_ptr<ClientContext>(new ClientContext(std::move(state)));
}

Result<std::unique_ptr<ServerContext>> ServerContext::make(const Options& options) {
  if (options.least > options.most) return order_of_versions();
  auto state = std::make_unique<State>();
  state->context = new_context(options.least, options.most);
  SSL_CTX* context = state->context.get();
  if (auto used = use_key_pair(context, options.key_pair.certificate_pem, options.key_pair.key_pem);
      !used)
    return used.error();
  using Wanted = Options::ClientCertificate;
  if (options.client_certificate != Wanted::ignored) {
    SSL_CTX_set_verify(
        context,
        SSL_VERIFY_PEER |
            (options.client_certificate == Wanted::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
    if (auto trusted = trust_certificates(context, options.client_ca_pem); !trusted)
      return trusted.error();
  }
  auto alpn = on_the_wire(options.alpn);
  if (!alpn) return alpn.error();
  state->alpn = std::move(alpn).value();
  // Tickets carry the sessions: nothing is kept here for them.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  static constexpr std::string_view id_context = "causeway";
  CHECK(SSL_CTX_set_session_id_context(context, reinterpret_cast<const uint8_t*>(id_context.data()),
                                       id_context.size()) == 1);
  if (!state->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, state.get());
  return std::unique_ptr<ServerContext>(new ServerContext(std::move(state)));
}

SessionCache::SessionCache() : state_(std::make_unique<State>()) {}
SessionCache::~SessionCache() = default;

size_t SessionCache::size() const {
  size_t sum = 0;
  for (const auto& [name, sessions] : state_->sessions) sum += sessions.size();
  return sum;
}

void SessionCache::clear() { state_->sessions.clear(); }

void SessionCache::State::put(const std::string& name, bssl::UniquePtr<SSL_SESSION> session) {
  if (sessions.size() >= names_max && !sessions.contains(name)) return;
  auto& known = sessions[name];
  if (known.size() >= each_max) known.erase(known.begin());
  known.push_back(std::move(session));
}

bssl::UniquePtr<SSL_SESSION> SessionCache::State::take(const std::string& name) {
  const auto found = sessions.find(name);
  if (found == sessions.end() || found->second.empty()) return nullptr;
  auto& newest = found->second.back();
  if (SSL_SESSION_should_be_single_use(newest.get()) == 0) return bssl::UpRef(newest);
  bssl::UniquePtr<SSL_SESSION> taken = std::move(newest);
  found->second.pop_back();
  return taken;
}

}  // namespace causeway::tls
