// What the files of the objects directory say together. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "staticpods/objects/object_file.h"

namespace cubelet::staticpods {

using ObjectTable = std::map<ObjectKey, ObjectPtr>;

struct MergedObjects {
  ObjectTable objects;
  std::map<std::string, std::vector<api::Problem>> conflicts;  // by file
};

// An object that several files define, or one of them twice, is that of the first, by name of the file; for the others
// it is a conflict.
//
// Claims are bound here, since no controller does it: of the claims that name a volume the first has it, unless the
// volume's claimRef names another one. A claim that is bound is in phase Bound and the volume's claimRef names it.
MergedObjects mergeObjects(const std::map<std::string, ObjectFile>& files);

// Objects that are in one of the two only, or differ.
std::vector<ObjectKey> changedObjects(const ObjectTable& before, const ObjectTable& after);

}  // namespace cubelet::staticpods
