/*
 * orphans COUNT IN_FLIGHT HOW PARTS FIFO: make COUNT orphans, wait till all are reaped.
 *
 * The kernel hands each to PID 1 when its parent, an intermediate process, exits. HOW:
 * "fork" is the double fork of daemons, one intermediate an orphan; "vfork", four times
 * as fast, has one intermediate for 8 orphans, which it leaves to PID 1 as zombies.
 * At most IN_FLIGHT orphans are not yet reaped; IN_FLIGHT = COUNT means as fast as
 * possible, and a slow reaper shows as a wait at the end.
 *
 * Whether an orphan has been reaped is asked of the kernel: kill(pid, 0) finds a zombie
 * but not a reaped process. A pid that was used again belongs to a later orphan or
 * intermediate, whose end is awaited as well. For each of PARTS equal parts a line "MADE
 * NS" goes to FIFO, after everything so far has been reaped; the first line is "0 NS".
 * Then it sleeps, until it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RETRY_US 100
#define BROOD 8

static volatile pid_t *made; /* a ring of the last IN_FLIGHT orphans; shared memory */

static void await_reaped(pid_t pid)
{
    while (pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH))
        usleep(RETRY_US);
}

static pid_t make_one(int fast)
{
    pid_t pid;
    while ((pid = fast ? vfork() : fork()) < 0)
        usleep(RETRY_US); /* out of pids: the reaper will free some */
    if (pid == 0)
        _exit(0);
    return pid;
}

static void make_brood(long first, int brood, int fast)
{
    pid_t pid;
    while ((pid = fast ? vfork() : fork()) < 0)
        usleep(RETRY_US);
    if (pid == 0) {
        for (long slot = first; slot < first + brood; slot++)
            made[slot] = make_one(fast);
        _exit(0);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void report(int fifo, long number)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (dprintf(fifo, "%ld %lld%09ld\n", number, (long long)now.tv_sec, now.tv_nsec) < 0)
        _exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    long count = atol(argv[1]);
    long in_flight = atol(argv[2]);
    int fast = strcmp(argv[3], "vfork") == 0;
    int brood = fast ? BROOD : 1; /* divides COUNT, IN_FLIGHT and COUNT/PARTS */
    long part = count / atol(argv[4]);
    int fifo = open(argv[5], O_WRONLY | O_CLOEXEC);
    made = mmap(NULL, (size_t)in_flight * sizeof *made, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fifo < 0 || made == MAP_FAILED)
        return 1;
    report(fifo, 0);
    for (long number = 0; number < count; number += brood) {
        long first = number % in_flight;
        for (long slot = first; slot < first + brood; slot++)
            await_reaped(made[slot]);
        make_brood(first, brood, fast);
        if ((number + brood) % part != 0)
            continue;
        for (long slot = 0; slot < in_flight; slot++) {
            await_reaped(made[slot]);
            made[slot] = 0;
        }
        report(fifo, number + brood);
    }
    for (;;)
        pause(); /* PID 1 is looked at before the namespace is killed */
}
