// Client certificates: whom they must convince and what they must say.
#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "tls/digest.h"
#include "tls/new_context.h"
#include "tls/pem.h"
#include "tls/server_policy.h"
#include "tls/x509_facts.h"

namespace causeway::tls {
namespace {

void append_part(std::string& text, std::string_view part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

void append_subject(std::string& text, const Subject& subject) {
  for (const auto& values : subject.parts) {
    append_part(text, std::to_string(values.size()));
    for (const std::string& value : values) append_part(text, value);
  }
}

std::array<uint8_t, 32> policy_id(const ClientPolicy& policy, const std::string& ca_pem,
                                  bool trusts_system) {
  std::string text = "client policy ";
  append_part(text, policy.domain);
  append_part(text, std::to_string(policy.verify_mode));
  append_part(text, policy.verify_mode == SSL_VERIFY_NONE ? "" : ca_pem);
  append_part(text, trusts_system ? "system" : "");
  for (const SubjectRule& rule : policy.rules) {
    append_part(text, std::to_string(rule.valid.size()));
    append_subject(text, rule.issuer);
    for (const Subject& valid : rule.valid) append_subject(text, valid);
  }
  const auto digest = sha256(text);
  std::array<uint8_t, 32> id{};
  static_assert(sizeof digest == sizeof id);
  std::memcpy(id.data(), digest.data(), id.size());
  return id;
}

Result<bssl::UniquePtr<STACK_OF(X509_NAME)>> subjects_of(const std::string& ca_pem) {
  const auto certificates = parse_certificates(ca_pem);
  if (!certificates) return certificates.error();
  bssl::UniquePtr<STACK_OF(X509_NAME)> names(sk_X509_NAME_new_null());
  CHECK(names != nullptr);
  for (const auto& certificate : *certificates) {
    bssl::UniquePtr<X509_NAME> name(X509_NAME_dup(X509_get_subject_name(certificate.get())));
    CHECK(name != nullptr && bssl::PushToStack(names.get(), std::move(name)));
  }
  return names;
}

}  // namespace

Result<ClientPolicy> ClientPolicy::make(std::string domain,
                                        ServerContext::Options::ClientCertificate wanted,
                                        const std::string& ca_pem, bool trusts_system,
                                        std::vector<SubjectRule> rules) {
  using Wanted = ServerContext::Options::ClientCertificate;
  ClientPolicy policy;
  policy.domain = std::move(domain);
  policy.rules = std::move(rules);
  if (wanted != Wanted::ignored) {
    policy.verify_mode =
        SSL_VERIFY_PEER | (wanted == Wanted::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    policy.authorities.reset(X509_STORE_new());
    CHECK(policy.authorities != nullptr);  // out of memory only
    if (trusts_system) {
      if (auto trusted = trust_system(policy.authorities.get()); !trusted) return trusted.error();
    }
    if (!trusts_system || !ca_pem.empty()) {
      if (auto trusted = trust_certificates(policy.authorities.get(), ca_pem); !trusted)
        return trusted.error();
    }
    // With the system's authorities the list would be long: none says that any will do.
    if (!trusts_system) {
      auto names = subjects_of(ca_pem);
      if (!names) return std::move(names).error();
      policy.authority_names = std::move(names).value();
    }
  }
  policy.id = policy_id(policy, ca_pem, trusts_system);
  return policy;
}

bool ClientPolicy::allows(STACK_OF(X509) * chain) const {
  if (rules.empty()) return true;
  const Subject leaf = subject_of(X509_get_subject_name(sk_X509_value(chain, 0)));
  for (const SubjectRule& rule : rules) {
    for (X509* each : chain) {
      if (X509_check_ca(each) == 0 || subject_of(X509_get_subject_name(each)) != rule.issuer)
        continue;
      if (std::find(rule.valid.begin(), rule.valid.end(), leaf) == rule.valid.end()) return false;
    }
  }
  return true;
}

}  // namespace causeway::tls
