// How much of the machine's memory the agent keeps for itself.
#pragma once

namespace cubelet {

// For the start of main(): settings of the allocator that must come before the first thread.
void configureMemory();

// Gives unused heap back to the kernel and unmaps the pages of code and constants that a start or a burst needed: the
// kernel still has them in its page cache, and those that are needed again come back with a page fault for 16 of them,
// without a disk read. Takes a few milliseconds at most: for when nothing happens.
void releaseUnusedMemory();

}  // namespace cubelet
