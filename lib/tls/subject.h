#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace causeway::tls {

// The parts of a certificate's subject that rules can name, as Go's pkix.Name has them.
enum class SubjectPart : uint8_t {
  country,
  organization,
  organizational_unit,
  common_name,
  serial_number,
  locality,
  province,
  street_address,
  postal_code,
};
inline constexpr size_t kSubjectParts = 9;

// A distinguished name, part by part; each part's values in ascending order, so that equal names
// are equal values. Parts that SubjectPart does not name are left out. A value.
struct Subject {
  std::array<std::vector<std::string>, kSubjectParts> parts;

  std::vector<std::string>& operator[](SubjectPart part) {
    return parts[static_cast<size_t>(part)];
  }
  // Puts the values in order; after parts were added.
  void settle();
  bool operator==(const Subject&) const = default;
};

// Of the certificates under the CA `issuer` only those with one of the subjects `valid` are good.
struct SubjectRule {
  Subject issuer;
  std::vector<Subject> valid;
};

}  // namespace causeway::tls
