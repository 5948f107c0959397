/*
 * sender PID COUNT SIGNAL SHARED REPLY GAP_US: signal PID, from outside its namespace.
 *
 * COUNT times: sleep GAP_US, read the clock, kill(), sleep until the last handler of the
 * tree has answered. Prints for each the ns to the command's handler and to the last
 * handler of the tree. It blocks instead of spinning: all the processes have both cores,
 * and each step pays the wake-up that it pays in real life.
 */
#include "shared.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WARM_UP 10
#define ANSWER_MS 5000

static int fail(const char *what, int number)
{
    fprintf(stderr, "sender: signal %d: %s\n", number, what);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    pid_t target = atoi(argv[1]);
    int count = atoi(argv[2]);
    int signal = atoi(argv[3]);
    struct shared *page = map_shared(argv[4]);
    int reply = open(argv[5], O_RDWR | O_CLOEXEC);
    useconds_t gap_us = (useconds_t)atoi(argv[6]);
    if (reply < 0)
        return fail(strerror(errno), 0);
    for (int number = -WARM_UP; number < count; number++) {
        char byte;
        usleep(gap_us);
        if (number > -WARM_UP && atomic_load(&page->delivered) != page->expected)
            return fail("somebody got the one before more than once", number);
        atomic_store(&page->delivered, 0);
        uint64_t sent = now_ns();
        if (kill(target, signal) < 0)
            return fail(strerror(errno), number);
        struct pollfd answer = {.fd = reply, .events = POLLIN};
        if (poll(&answer, 1, ANSWER_MS) != 1 || read(reply, &byte, 1) != 1)
            return fail("no answer from the tree", number);
        uint64_t last = page->stamp_ns[0];
        for (int member = 1; member < page->expected; member++)
            if (page->stamp_ns[member] > last)
                last = page->stamp_ns[member];
        if (number >= 0)
            printf("%llu %llu\n", (unsigned long long)(page->stamp_ns[0] - sent),
                   (unsigned long long)(last - sent));
    }
    return 0;
}
