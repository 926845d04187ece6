// An emulated host has processors of its own, but shares those of this machine: a rank that waits must leave them to
// the others at once. MPI waits by polling and yields between polls; the kernel's yield may keep it running for a whole
// time slice (4 ms), so here it sleeps for 20 us. Loaded by netlab.sh (LD_PRELOAD) into every rank.
#define _GNU_SOURCE
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

__attribute__((constructor)) static void wake_in_time(void) {
    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);  // ns; the usual 50 us would be more than the sleep itself
}

int sched_yield(void) {
    struct timespec const nap = {0, 20000};
    nanosleep(&nap, 0);
    return 0;
}
