/* Be in uninterruptible sleep: a parent in vfork(2) whose child does not go on (vfork(2), "the calling thread is suspended"). */
#include <unistd.h>

int main(void)
{
    if (vfork() == 0) {
        for (;;)
            pause();
    }
    return 0;
}
