/* A hub between TAP devices that holds every frame back for a fixed time.
 *
 *   hub COUNT DELAY_US     makes hcgtap1 ... hcgtapCOUNT, prints "ready", runs until it is killed (the devices go with it)
 *
 * A frame goes to the device that the last byte of its destination names (02:00:00:00:00:0I), or to all others.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { DEVICES = 32, FRAMES = 16384, LARGEST = 2048 };

/* A ring: all wait equally long, so they leave in the order in which they came. */
static struct frame { long long due; int from; ssize_t length; unsigned char bytes[LARGEST]; } frames[FRAMES];
static unsigned long first, last;
static struct pollfd devices[DEVICES];

static long long nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int tap(int number) {
    struct ifreq request = {0};
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    snprintf(request.ifr_name, sizeof request.ifr_name, "hcgtap%d", number);
    if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) perror("hub: a TAP device"), exit(1);
    return device;
}

static void deliver(const struct frame *f, int count) {
    int to = f->bytes[0] & 1 ? -1 : f->bytes[5] - 1;
    for (int i = 0; i < count; i++)
        if (i != f->from && (to < 0 || to == i))
            if (write(devices[i].fd, f->bytes, (size_t)f->length) < 0) continue; /* lost, as on a network */
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: hub COUNT DELAY_US\n"), 2;
    int count = atoi(argv[1]);
    long long delay = (long long)(1000 * atof(argv[2]));
    if (count < 2 || count > DEVICES) return fprintf(stderr, "hub: 2 to %d devices\n", DEVICES), 2;
    /* On time, although others compute: as urgent as permitted. */
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10})) perror("hub: real-time priority");
    for (int i = 0; i < count; i++) devices[i] = (struct pollfd){.fd = tap(i + 1), .events = POLLIN};
    puts("ready");
    fflush(stdout);
    for (;;) {
        long long now = nanoseconds();
        for (; first < last && frames[first % FRAMES].due <= now; first++) deliver(&frames[first % FRAMES], count);
        long long wait = frames[first % FRAMES].due - now;
        struct timespec until = {wait / 1000000000LL, wait % 1000000000LL};
        if (ppoll(devices, (nfds_t)count, first < last ? &until : NULL, NULL) <= 0) continue;
        for (int i = 0; i < count; i++) {
            if (!(devices[i].revents & POLLIN)) continue;
            while (last - first < FRAMES) {
                struct frame *f = &frames[last % FRAMES];
                f->length = read(devices[i].fd, f->bytes, LARGEST);
                if (f->length <= 0) break;
                f->from = i;
                f->due = nanoseconds() + delay;
                last++;
            }
        }
    }
}
