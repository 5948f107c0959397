/*
 * stamp FIFO [stay]: read the monotonic clock first of all and write it into FIFO.
 *
 * The command whose first instruction ends the "spawn" figure. With "stay" it then
 * sleeps for ever without a timer: the quiet service of the idle figures.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc < 2)
        return 2;
    int fifo = open(argv[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0)
        return 1;
    if (dprintf(fifo, "%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec) < 0)
        return 1;
    close(fifo);
    while (argc > 2)
        pause();
    return 0;
}
