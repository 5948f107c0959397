/*
 * crowd SLEEPERS ZOMBIES FIFO: so many children asleep, so many dead and not waited for.
 *
 * Every tenth sleeper leads a session of its own. A line in FIFO says that all are there, and the dead are dead.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int ready = open(argv[3], O_WRONLY | O_CLOEXEC);
    if (ready < 0)
        return 1;
    for (int child = 0; child < atoi(argv[1]); child++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            if (child % 10 == 0)
                setsid();
            for (;;)
                pause();
        }
    }
    for (int child = 0; child < atoi(argv[2]); child++) {
        pid_t pid = fork();
        siginfo_t info;
        if (pid == 0)
            _exit(child % 256);
        if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0)
            return 1;
    }
    if (write(ready, "ready\n", 6) != 6)
        return 1;
    for (;;)
        pause();
}
