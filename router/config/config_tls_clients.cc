// Client certificates: who signs them, what they must say, and where other rules hold.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "router/config/reading.h"
#include "tls/certificate.h"

namespace causeway::router {

namespace {

using config::Section;
using tls::SubjectPart;

tls::Subject read_subject(Section section) {
  tls::Subject subject;
  section.read("country", subject[SubjectPart::country]);
  section.read("organization", subject[SubjectPart::organization]);
  section.read("organizational_unit", subject[SubjectPart::organizational_unit]);
  section.read("locality", subject[SubjectPart::locality]);
  section.read("province", subject[SubjectPart::province]);
  section.read("street_address", subject[SubjectPart::street_address]);
  section.read("postal_code", subject[SubjectPart::postal_code]);
  for (const auto& [key, part] : {std::pair("common_name", SubjectPart::common_name),
                                  std::pair("serial_number", SubjectPart::serial_number)}) {
    std::string value;
    section.read(key, value);
    if (!value.empty()) subject[part].push_back(std::move(value));
  }
  subject.settle();
  return subject;
}

bool is_among(const tls::Subject& issuer, const std::vector<tls::CertificateFacts>& authorities) {
  return std::any_of(authorities.begin(), authorities.end(), [&issuer](const auto& each) {
    return each.is_authority && each.parts == issuer;
  });
}

void read_subject_rules(Section root, TlsSettings& tls,
                        const std::vector<tls::CertificateFacts>& authorities) {
  bool is_on = false;
  root.read("enable_verify_client_certificate_metadata", is_on);
  for (Section section : root.list("verify_client_certificate_metadata")) {
    tls::SubjectRule rule;
    rule.issuer = read_subject(section.section("issuer_in_chain"));
    for (const Section& valid : section.list("valid_cert_subjects")) {
      rule.valid.push_back(read_subject(valid));
    }
    if (!is_on || !tls.is_enabled) continue;
    if (!is_among(rule.issuer, authorities)) {
      section.problem("issuer_in_chain", "no CA of client_ca_certs has this subject");
    }
    tls.subject_rules.push_back(std::move(rule));
  }
}

void read_domain(Section section, RouterConfig& config) {
  TlsSettings::Domain domain;
  section.require("name", domain.name);
  for (char& c : domain.name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (domain.name.find('*', domain.name.starts_with("*.") ? 1 : 0) != std::string::npos) {
    section.problem("name", "a \"*\" may only stand for the first label");
  }
  if (std::any_of(config.tls.domains.begin(), config.tls.domains.end(),
                  [&domain](const auto& each) { return each.name == domain.name; })) {
    section.problem("name", "is there twice");
  }
  read_pem_source(section, "ca_certs", domain.client_ca);
  MtlsDomain rules;
  rules.name = domain.name;
  std::string policy = "sanitize_set";
  std::string format = "raw";
  section.read_choice("forwarded_client_cert", policy,
                      {"always_forward", "forward", "sanitize_set"});
  section.read_choice("xfcc_format", format, {"raw", "envoy"});
  if (policy == "always_forward") rules.forwarded_client_cert = ClientCertPolicy::always_forward;
  if (policy == "forward") rules.forwarded_client_cert = ClientCertPolicy::forward;
  if (format == "envoy") rules.format = ClientCertFormat::envoy;
  if (!domain.client_ca.is_set()) {
    section.problem("ca_certs", "is required");
  } else if (const auto pem = domain.client_ca.read(); !pem) {
    section.problem("ca_certs_file", pem.error().detail);
  } else if (const auto certificates = tls::read_certificates(*pem); !certificates) {
    section.problem("ca_certs", certificates.error().detail);
  }
  config.tls.domains.push_back(std::move(domain));
  config.settings.mtls_domains.push_back(std::move(rules));
}

}  // namespace

void read_tls_clients(Reading& reading) {
  using Wanted = tls::ServerContext::Options::ClientCertificate;
  Section root = reading.root;
  TlsSettings& tls = reading.loaded.config.tls;
  std::string validation;
  if (!tls.is_enabled) {
    Reading::check_text(root, "client_cert_validation");
  } else {
    if (!root.has("client_cert_validation")) {
      root.problem("client_cert_validation", "is required by enable_ssl");
    }
    root.read_choice("client_cert_validation", validation, {"none", "request", "require"});
  }
  if (validation == "request") tls.client_certificate = Wanted::requested;
  if (validation == "require") tls.client_certificate = Wanted::required;

  read_pem_source(root, "client_ca_certs", tls.client_ca);
  bool only_client_ca = false;
  root.read("only_trust_client_ca_certs", only_client_ca);
  tls.trusts_system = !only_client_ca;
  const bool is_looked_at = tls.client_certificate != Wanted::ignored;
  if (is_looked_at && only_client_ca && !tls.client_ca.is_set()) {
    root.problem("client_ca_certs", "is required by only_trust_client_ca_certs");
  }
  std::vector<tls::CertificateFacts> authorities;
  if (tls.is_enabled && tls.client_ca.is_set()) {
    const auto pem = tls.client_ca.read();
    if (!pem) {
      root.problem("client_ca_certs_file", pem.error().detail);
    } else if (auto certificates = tls::read_certificates(*pem)) {
      authorities = std::move(certificates).value();
    } else if (is_looked_at) {
      root.problem("client_ca_certs", certificates.error().detail);
    }
  }
  read_subject_rules(root, tls, authorities);
  for (const Section& domain : root.list("domains")) read_domain(domain, reading.loaded.config);
  if (!tls.domains.empty()) {
    reading.warn("domains",
                 "clients must show a certificate, but which of them reaches which route "
                 "(route_policy_scope, route_policy_sources) is not decided here");
  }
  if (!tls.domains.empty() && !tls.is_enabled) {
    root.problem("domains", "needs enable_ssl: their clients show certificates");
  }
}

}  // namespace causeway::router
