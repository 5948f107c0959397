/*
 * receiver MEMBERS SIGNAL SHARED READY REPLY: a tree that notes when a signal arrives.
 *
 * The command itself and MEMBERS-1 children, each in a session of its own, so that only
 * a walk of the tree finds them. Each handler first reads the clock. The handler that
 * completes the tree writes one byte into the fifo REPLY, which wakes the sender.
 */
#define _GNU_SOURCE
#include "shared.h"
#include <signal.h>
#include <string.h>

static struct shared *page;
static int reply;
static int member;

static void on_signal(int signal)
{
    (void)signal;
    uint64_t arrived = now_ns();
    page->stamp_ns[member] = arrived;
    if (atomic_fetch_add(&page->delivered, 1) + 1 == page->expected)
        if (write(reply, "", 1) != 1)
            _exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    int members = atoi(argv[1]);
    if (members < 1 || members > MEMBERS_MAX)
        return 2;
    page = map_shared(argv[3]);
    page->expected = members;
    int ready = open(argv[4], O_WRONLY | O_CLOEXEC);
    reply = open(argv[5], O_WRONLY | O_CLOEXEC);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    int settled[2];
    if (ready < 0 || reply < 0 || sigaction(atoi(argv[2]), &action, NULL) < 0 ||
        pipe2(settled, O_CLOEXEC) < 0)
        return 1;
    for (int child = 1; child < members; child++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            member = child;
            setsid();
            close(settled[0]);
            close(settled[1]);
            for (;;)
                pause();
        }
    }
    char byte;
    close(settled[1]);
    if (read(settled[0], &byte, 1) != 0) /* end of file: each child has its session */
        return 1;
    if (write(ready, "ready\n", 6) != 6)
        return 1;
    for (;;)
        pause();
}
