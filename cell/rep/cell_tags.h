#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "cell/executor/executor.h"
#include "cf/wire/rep_messages.h"

namespace causeway::rep {

// What the rep writes on its containers, so that it knows them again after a restart.
using Tags = std::map<std::string, std::string>;
enum class Lifecycle : uint8_t { lrp, task };

Tags tags_of(const cf::LrpWork& work);
Tags tags_of(const cf::TaskWork& work);

Lifecycle lifecycle_of(const executor::Container& container);
// The container as work on this cell, for /state.
cf::LrpWork lrp_of(const executor::Container& container);
cf::TaskWork task_of(const executor::Container& container);

models::ActualLRPKey lrp_key_of(const executor::Container& container);

// Metric tags and internal hostnames ride on the tags too: they are reported again with every
// heart-beat. What is put takes the place of what was there.
void put_metric_tags(Tags& tags, const std::map<std::string, std::string>& metric_tags);
std::map<std::string, std::string> metric_tags_of(const executor::Container& container);
void put_internal_hostnames(Tags& tags, const std::vector<std::string>& hostnames);
std::vector<std::string> internal_hostnames_of(const executor::Container& container);

}  // namespace causeway::rep
