#pragma once

// Internal to lib/net.

struct uv_handle_s;

namespace causeway::net {

// Closes the handle of a process that nobody owns any more, at the end of its loop. False for every
// other handle.
bool close_detached_child(uv_handle_s* handle);

}  // namespace causeway::net
