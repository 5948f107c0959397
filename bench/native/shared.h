/* The page that the sender and the members of a tree share, through a mapped file. */
#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMBERS_MAX 1000

struct shared {
    atomic_int delivered;             /* handlers run since the sender's last kill() */
    int sent;                         /* signals so far */
    int expected;                     /* members of the tree: the last one answers */
    uint64_t stamp_ns[MEMBERS_MAX];   /* when each handler started; 0 is the command */
};

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline struct shared *map_shared(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct shared)) < 0)
        exit(125);
    void *page = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED,
                      file, 0);
    if (page == MAP_FAILED)
        exit(125);
    close(file);
    return page;
}

#endif
