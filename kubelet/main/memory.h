// How much of the machine's memory the agent keeps for itself.
#pragma once

namespace cubelet {

// For the start of main(): settings of the allocator that must come before the first thread.
void configureMemory();

// Gives unused heap back to the kernel and, the first time, unmaps the pages of code and constants that were needed to
// start: the kernel still has them in its page cache, and the few that are needed again come back with a page fault
// each, without a disk read. Takes a few milliseconds at most: for when nothing happens.
void releaseUnusedMemory();

}  // namespace cubelet
