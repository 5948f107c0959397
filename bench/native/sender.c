/*
 * sender TURNS BLOCK SIGNAL GAP_US GAP_MEMBER_US {PID SHARED REPLY}...: signal each PID,
 * from outside its namespace.
 *
 * TURNS times, a BLOCK of signals to one PID after the other: sleep, read the clock, kill(),
 * sleep until the last handler of the tree has answered. Prints for each the place of the PID
 * in the list, the signal's number in the block, the ns to the command's handler and those to
 * the last handler of the tree. It blocks instead of spinning: each step pays the wake-up that
 * it pays in real life.
 */
#include "shared.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 5000
#define FIRST 6 /* argument of the first tree */
#define EACH 3  /* arguments for a tree */

struct tree {
    pid_t pid; /* of its init */
    struct shared *page;
    int reply;
};

static int fail(const char *what, int place)
{
    fprintf(stderr, "sender: tree %d: %s\n", place, what);
    return 1;
}

/* Send one signal, wait for the answer, and print the line; 0 when all went well. */
static int send_one(struct tree *tree, int signal, int place, int number)
{
    struct shared *page = tree->page;
    char byte;
    if (page->sent++ && atomic_load(&page->delivered) != page->expected)
        return fail("somebody got the one before more than once", place);
    atomic_store(&page->delivered, 0);
    uint64_t sent = now_ns();
    if (kill(tree->pid, signal) < 0)
        return fail(strerror(errno), place);
    struct pollfd answer = {.fd = tree->reply, .events = POLLIN};
    if (poll(&answer, 1, ANSWER_MS) != 1 || read(tree->reply, &byte, 1) != 1)
        return fail("no answer from the tree", place);
    uint64_t last = page->stamp_ns[0];
    for (int member = 1; member < page->expected; member++)
        if (page->stamp_ns[member] > last)
            last = page->stamp_ns[member];
    printf("%d %d %llu %llu\n", place, number, (unsigned long long)(page->stamp_ns[0] - sent),
           (unsigned long long)(last - sent));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < FIRST + EACH || (argc - FIRST) % EACH != 0)
        return 2;
    int turns = atoi(argv[1]);
    int block = atoi(argv[2]);
    int signal = atoi(argv[3]);
    int gap_us = atoi(argv[4]);
    int gap_member_us = atoi(argv[5]);
    int size = (argc - FIRST) / EACH;
    struct tree *trees = calloc((size_t)size, sizeof *trees);
    if (!trees)
        return fail(strerror(errno), 0);
    for (int place = 0; place < size; place++) {
        char **about = argv + FIRST + place * EACH;
        trees[place].pid = atoi(about[0]);
        trees[place].page = map_shared(about[1]);
        trees[place].reply = open(about[2], O_RDWR | O_CLOEXEC);
        if (trees[place].reply < 0)
            return fail(strerror(errno), place);
    }
    for (int turn = 0; turn < turns; turn++)
        for (int place = 0; place < size; place++)
            for (int number = 0; number < block; number++) {
                struct tree *tree = &trees[place];
                usleep((useconds_t)(gap_us + gap_member_us * tree->page->expected));
                if (send_one(tree, signal, place, number))
                    return 1;
            }
    return 0;
}
