/*
 * sessions COUNT FIFO: COUNT children, each in a session of its own, all asleep.
 *
 * Everybody has the default action for TERM. A line in FIFO says that the tree stands.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int settled[2];
    int ready = open(argv[2], O_WRONLY | O_CLOEXEC);
    if (ready < 0 || pipe2(settled, O_CLOEXEC) < 0)
        return 1;
    for (int child = 0; child < atoi(argv[1]); child++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
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
