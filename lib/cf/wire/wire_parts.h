#pragma once

// Internal to lib/cf/wire: parts that the rep's and the auctioneer's messages share.

#include "cf/wire/json_fields.h"
#include "cf/wire/rep_messages.h"
#include "json/json.h"

namespace causeway::cf {

void write_demand(json::Writer& writer, const Demand& demand);
void read_demand(const JsonFields& fields, Demand& demand);
void write_task(json::Writer& writer, const TaskWork& task);
TaskWork read_task(const JsonFields& fields);
void write_strings(json::Writer& writer, std::string_view key,
                   const std::vector<std::string>& strings);

}  // namespace causeway::cf
