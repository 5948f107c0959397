/*
 * launch COMMAND [ARG...]: run COMMAND as PID 1 of a fresh PID namespace.
 *
 * The same as `unshare --pid --fork --kill-child --mount-proc -- COMMAND`, with the
 * clock read where the figures need it. Standard output gets two lines:
 *
 *     PID                         of COMMAND, as seen from outside
 *     STARTED ENDED STATUS        monotonic ns before exec and after wait, wait status
 *
 * STARTED is read in the new process after all the set-up and right before execvp, so
 * that neither the namespaces nor the mount of /proc are in any figure. This process
 * stays in the mount namespace: ENDED does not contain the unmounting.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "launch: cannot %s: %s\n", what, strerror(errno));
    _exit(125);
}

static void become_init(char **argv, int go, uint64_t *started)
{
    char byte;
    /* An init that ends with kill(-1) must never run outside a namespace. */
    if (getpid() != 1) {
        errno = EPERM;
        die("run an init that is not PID 1");
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(go, &byte, 1) != 1) /* the parent died before the prctl */
        _exit(125);
    close(go);
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        die("mount /proc");
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
        die("open /dev/null");
    *started = now_ns();
    execvp(argv[0], argv);
    fprintf(stderr, "launch: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(125);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: launch COMMAND [ARG...]\n", stderr);
        return 125;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    uint64_t *started = mmap(NULL, sizeof *started, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (started == MAP_FAILED)
        die("map memory");
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        die("make a PID namespace");
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        die("make mounts private");
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        die("make a pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(go[1]);
        become_init(argv + 1, go[0], started);
    }
    printf("%d\n", (int)pid);
    fflush(stdout);
    if (write(go[1], "", 1) != 1)
        die("start the init");
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("wait");
    uint64_t ended = now_ns();
    printf("%llu %llu %d\n", (unsigned long long)*started, (unsigned long long)ended,
           status);
    return 0;
}
