// Precompiled for code that handles Kubernetes or CRI messages. See cmake/CubeletLibrary.cmake.
#pragma once
#include "cmake/cubelet_pch_base.h"
#include "proto/cri/api.pb.h"
#include "proto/k8s/core.pb.h"
#include "proto/k8s/meta.pb.h"
