/* slice MICROSECONDS COMMAND...: runs a command whose processes get short turns on the processor (Linux 6.12 or newer).
 *
 * Ranks that poll for messages while others of the same processor have work would each use up a turn of milliseconds.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: slice MICROSECONDS COMMAND...\n"), 2;
    struct attributes mine = {.size = sizeof mine, .runtime = (uint64_t)(1000 * atof(argv[1]))};
    if (syscall(SYS_sched_setattr, 0, &mine, 0)) perror("slice: the system keeps its usual turns");
    prctl(PR_SET_TIMERSLACK, 1UL);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
