#pragma once

namespace causeway::json {
class Writer;
}

namespace causeway::runtime {

// Writes the `linux.seccomp` object of containers that are not privileged: everything is allowed
// but what administers the machine, makes namespaces or is known for kernel bugs (deny list).
void write_seccomp(json::Writer& out);

}  // namespace causeway::runtime
