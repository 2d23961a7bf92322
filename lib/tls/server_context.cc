#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "tls/certificate.h"
#include "tls/cipher_suites.h"
#include "tls/context_state.h"
#include "tls/name_pattern.h"
#include "tls/new_context.h"
#include "tls/pem.h"
#include "tls/server_policy.h"
#include "tls/x509_facts.h"

namespace causeway::tls {
namespace {

// A session that is older is not resumed: a client's certificate is looked at anew then.
constexpr uint32_t session_lifetime_s = 24 * 3600;

int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* policy, CRYPTO_EX_DATA*, int, long, void*) {
        std::unique_ptr<ServerPolicy>(static_cast<ServerPolicy*>(policy));
      });
  return index;
}

int policy_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

const uint8_t* text_bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

int choose_protocol(SSL* ssl, const uint8_t** out, uint8_t* out_bytes, const uint8_t* offered,
                    unsigned offered_bytes, void*) {
  const ServerPolicy& policy = ServerPolicy::of(ssl);
  uint8_t* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_bytes, text_bytes(policy.alpn),
                            static_cast<unsigned>(policy.alpn.size()), offered, offered_bytes);
  if (outcome != OPENSSL_NPN_NEGOTIATED)
    return policy.refuses_other_protocols ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// A list of 16-bit numbers with its length before it, in `prefix_bytes` bytes.
bool lists(const SSL_CLIENT_HELLO* hello, uint16_t extension, size_t prefix_bytes, uint16_t wanted,
           bool when_absent) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  if (SSL_early_callback_ctx_extension_get(hello, extension, &bytes, &size) != 1)
    return when_absent;
  CBS input, list;
  CBS_init(&input, bytes, size);
  if (prefix_bytes == 1 ? CBS_get_u8_length_prefixed(&input, &list) != 1
                        : CBS_get_u16_length_prefixed(&input, &list) != 1)
    return false;
  uint16_t each = 0;
  while (CBS_get_u16(&list, &each) == 1) {
    if (each == wanted) return true;
  }
  return false;
}

bool offers_ecdsa_suite(const SSL_CLIENT_HELLO* hello) {
  CBS suites;
  CBS_init(&suites, hello->cipher_suites, hello->cipher_suites_len);
  uint16_t number = 0;
  while (CBS_get_u16(&suites, &number) == 1) {
    const SSL_CIPHER* cipher = SSL_get_cipher_by_value(number);
    if (cipher == nullptr || SSL_CIPHER_get_auth_nid(cipher) != NID_auth_ecdsa) continue;
    for (const SSL_CIPHER* ours : SSL_get_ciphers(hello->ssl)) {
      if (ours == cipher) return true;
    }
  }
  return false;
}

bool can_use_ecdsa(const SSL_CLIENT_HELLO* hello, const ServerPolicy& policy, uint16_t algorithm) {
  if (!lists(hello, TLSEXT_TYPE_signature_algorithms, 2, algorithm, true)) return false;
  const bool is_tls_1_3 =
      policy.has_tls_1_3 && lists(hello, TLSEXT_TYPE_supported_versions, 1, TLS1_3_VERSION, false);
  return is_tls_1_3 || offers_ecdsa_suite(hello);
}

int check_client(int is_good, X509_STORE_CTX* verification) {
  if (is_good != 1 || X509_STORE_CTX_get_error_depth(verification) != 0) return is_good;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const ClientPolicy& policy = ServerPolicy::of(ssl).client_policy(server_name_of(ssl));
  if (policy.allows(X509_STORE_CTX_get0_chain(verification))) return 1;
  X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

ssl_select_cert_result_t select_certificate(const SSL_CLIENT_HELLO* hello) {
  SSL* const ssl = hello->ssl;
  const ServerPolicy& policy = ServerPolicy::of(ssl);
  const std::string name = server_name_of(ssl);
  const ServerPolicy::Choice& choice = policy.choice(name);
  const bool takes_ecdsa =
      choice.ecdsa != nullptr &&
      (choice.other == nullptr || can_use_ecdsa(hello, policy, choice.ecdsa_algorithm));
  SSL_CTX* const context = takes_ecdsa ? choice.ecdsa : choice.other;
  if (context != SSL_get_SSL_CTX(ssl) && SSL_set_SSL_CTX(ssl, context) == nullptr)
    return ssl_select_cert_error;
  const ClientPolicy& clients = policy.client_policy(name);
  if (&clients == &policy.clients) return ssl_select_cert_success;
  SSL_set_verify(ssl, clients.verify_mode, clients.rules.empty() ? nullptr : check_client);
  bssl::UniquePtr<STACK_OF(X509_NAME)> names(SSL_dup_CA_list(clients.authority_names.get()));
  if (names == nullptr || SSL_set1_verify_cert_store(ssl, clients.authorities.get()) != 1 ||
      SSL_set_session_id_context(ssl, clients.id.data(), clients.id.size()) != 1)
    return ssl_select_cert_error;
  SSL_set_client_CA_list(ssl, names.release());
  return ssl_select_cert_success;
}

int seal_or_open_ticket(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* mac,
                        int is_sealing) {
  const auto& keys = ServerPolicy::of(ssl).ticket_keys;
  const TicketKey* key = nullptr;
  if (is_sealing == 1) {
    key = &keys.front();
    std::memcpy(name, key->name.data(), key->name.size());
    RAND_bytes(iv, EVP_CIPHER_iv_length(EVP_aes_256_cbc()));
  } else {
    const auto found = std::find_if(keys.begin(), keys.end(), [name](const TicketKey& each) {
      return std::memcmp(name, each.name.data(), each.name.size()) == 0;
    });
    if (found == keys.end()) return 0;
    key = &*found;
  }
  if (HMAC_Init_ex(mac, key->mac.data(), key->mac.size(), EVP_sha256(), nullptr) != 1 ||
      EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, is_sealing) !=
          1)
    return -1;
  return is_sealing == 1 || key == &keys.front() ? 1 : 2;  // 2: renewed under the present key
}

// The algorithm of TLS 1.3 for a key of that curve; 0: no ECDSA key.
uint16_t ecdsa_algorithm_of(SSL_CTX* context) {
  const EVP_PKEY* key = SSL_CTX_get0_privatekey(context);
  if (key == nullptr || EVP_PKEY_id(key) != EVP_PKEY_EC) return 0;
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
    case NID_secp384r1:
      return SSL_SIGN_ECDSA_SECP384R1_SHA384;
    case NID_secp521r1:
      return SSL_SIGN_ECDSA_SECP521R1_SHA512;
    default:
      return SSL_SIGN_ECDSA_SECP256R1_SHA256;
  }
}

void offer(ServerPolicy::Choice& choice, SSL_CTX* context) {
  const uint16_t algorithm = ecdsa_algorithm_of(context);
  if (algorithm == 0) {
    if (choice.other == nullptr) choice.other = context;
  } else if (choice.ecdsa == nullptr) {
    choice.ecdsa = context;
    choice.ecdsa_algorithm = algorithm;
  }
}

// Under all its names; says whether the first certificate has one of them as well.
bool offer_by_names(ServerPolicy& policy, SSL_CTX* context,
                    const std::vector<std::string>& first_names) {
  bool shares = false;
  for (const std::string& name : facts_of(SSL_CTX_get0_certificate(context)).names) {
    if (name.starts_with("*.")) {
      offer(policy.by_wildcard[name.substr(1)], context);
    } else {
      offer(policy.by_name[name], context);
    }
    shares = shares || std::find(first_names.begin(), first_names.end(), name) != first_names.end();
  }
  return shares;
}

Result<bssl::UniquePtr<SSL_CTX>> context_of(const ServerContext::Options& options,
                                            const ServerContext::Certificate& certificate,
                                            ServerPolicy& policy) {
  auto made = new_context(options.least, options.most);
  if (!made) return made;
  SSL_CTX* const context = made->get();
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (!options.cipher_suites.empty() &&
      SSL_CTX_set_strict_cipher_list(context, cipher_list(options.cipher_suites).c_str()) != 1)
    return rejected("the cipher suites cannot be used");
  if (auto used =
          use_key_pair(context, certificate.key_pair.certificate_pem, certificate.key_pair.key_pem);
      !used)
    return used.error();
  if (const std::string& ocsp = certificate.ocsp_response; !ocsp.empty())
    CHECK(SSL_CTX_set_ocsp_response(context, text_bytes(ocsp), ocsp.size()) == 1);
  const ClientPolicy& clients = policy.clients;
  if (clients.verify_mode != SSL_VERIFY_NONE) {
    SSL_CTX_set_verify(context, clients.verify_mode,
                       clients.rules.empty() ? nullptr : check_client);
    SSL_CTX_set_cert_store(context, bssl::UpRef(clients.authorities.get()).release());
    if (clients.authority_names != nullptr)
      SSL_CTX_set_client_CA_list(context, SSL_dup_CA_list(clients.authority_names.get()));
  }
  // Tickets carry the sessions: nothing is kept here for them.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, session_lifetime_s);
  SSL_CTX_set_session_psk_dhe_timeout(context, session_lifetime_s);
  CHECK(SSL_CTX_set_session_id_context(context, clients.id.data(), clients.id.size()) == 1);
  CHECK(SSL_CTX_set_tlsext_ticket_key_cb(context, seal_or_open_ticket) == 1);
  if (!policy.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  CHECK(SSL_CTX_set_ex_data(context, policy_index(), &policy) == 1);
  return made;
}

Result<void> set_up(const ServerContext::Options& options, ServerPolicy& policy) {
  auto alpn = protocols_on_the_wire(options.alpn);
  if (!alpn) return std::move(alpn).error();
  policy.alpn = std::move(alpn).value();
  policy.refuses_other_protocols = options.refuses_other_protocols;
  policy.has_tls_1_3 = options.most == Version::tls_1_3;
  policy.ticket_keys = options.ticket_keys;
  if (policy.ticket_keys.empty()) policy.ticket_keys.push_back(make_ticket_key());
  auto clients = ClientPolicy::make({}, options.client_certificate, options.client_ca_pem,
                                    options.trusts_system, options.subject_rules);
  if (!clients) return std::move(clients).error();
  policy.clients = std::move(clients).value();
  for (const auto& [name, ca_pem] : options.domains) {
    auto made = ClientPolicy::make(name, ServerContext::Options::ClientCertificate::required,
                                   ca_pem, false, {});
    if (!made) {
      Error error = std::move(made).error();
      error.detail = name + ": " + error.detail;
      return error;
    }
    policy.domains.push_back(std::move(made).value());
  }
  return {};
}

}  // namespace

ServerContext::ServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ServerContext::~ServerContext() = default;

Result<std::unique_ptr<ServerContext>> ServerContext::make(const Options& options) {
  auto policy = std::make_unique<ServerPolicy>();
  if (auto ready = set_up(options, *policy); !ready) return ready.error();
  auto first = context_of(options, {options.key_pair, options.ocsp_response}, *policy);
  if (!first) return std::move(first).error();
  SSL_CTX* const context = first->get();
  offer(policy->first, context);
  const auto names = facts_of(SSL_CTX_get0_certificate(context)).names;
  offer_by_names(*policy, context, names);
  for (const Certificate& each : options.more_certificates) {
    auto made = context_of(options, each, *policy);
    if (!made) return std::move(made).error();
    if (offer_by_names(*policy, made->get(), names)) offer(policy->first, made->get());
    policy->more.push_back(std::move(made).value());
  }
  SSL_CTX_set_select_certificate_cb(context, select_certificate);
  CHECK(SSL_CTX_set_ex_data(context, owner_index(), policy.release()) == 1);
  auto state = std::make_unique<State>();
  state->context = std::move(first).value();
  return std::unique_ptr<ServerContext>(new ServerContext(std::move(state)));
}

const ServerPolicy& ServerPolicy::of(const SSL* ssl) {
  const void* policy = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), policy_index());
  CHECK(policy != nullptr);
  return *static_cast<const ServerPolicy*>(policy);
}

const ServerPolicy::Choice& ServerPolicy::choice(std::string_view name) const {
  if (const auto found = by_name.find(name); found != by_name.end()) return found->second;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return first;
  const auto found = by_wildcard.find(name.substr(dot));
  return found == by_wildcard.end() ? first : found->second;
}

const ClientPolicy& ServerPolicy::client_policy(std::string_view name) const {
  const ClientPolicy* best = &clients;
  size_t most = 0;
  for (const ClientPolicy& each : domains) {
    const size_t covered = bytes_covered(each.domain, name);
    if (covered > most) {
      best = &each;
      most = covered;
    }
  }
  return *best;
}

std::string server_name_of(const SSL* ssl) {
  const char* const sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::string name(sent == nullptr ? "" : sent);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

}  // namespace causeway::tls
