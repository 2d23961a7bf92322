#pragma once

#include "desired_lrp.pb.h"
#include "task.pb.h"

// Image layers for clients that do not know them: shared ones become cached dependencies, exclusive
// ones downloads. Pure.
namespace causeway::bbs {

void fold_layers(models::DesiredLRP& lrp);
void fold_layers(models::Task& task);

}  // namespace causeway::bbs
