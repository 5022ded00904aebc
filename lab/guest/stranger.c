// Times calls that have nothing to do with grants, but pass a function or tracepoint that grantscope hooks. `cargo xtask bench overhead`
// runs it. It prints a truth file (docs/truth.md).
//
//   stranger COUNT [KIND]
//
// `munmap` unmaps a page of anonymous memory.
// `export` allocates a buffer of the system's DMA heap, which ends in dma_buf_export.
// `lock_wait` reads a terminal that another thread reads already: n_tty_read (drivers/tty/n_tty.c, Linux v6.12) holds a mutex while it
// waits for input.
// `msleep` mounts a hierarchy of cgroups that was unmounted just before: cgroup1_get_tree (kernel/cgroup/cgroup-v1.c, Linux v6.12)
// sleeps for 10 ms and tries again until the old one is gone.
//
// The last two are timed on the clock of the thread's own CPU time: what they wait for is not theirs.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 10000, PAGE = 4096, PAUSE_US = 2000 };

static const char HIERARCHY[] = "/tmp/stranger";

struct call {
	uint64_t start_ns, duration_ns;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct call unmap_a_page(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		fail("mmap");
	*(volatile char *)page = 1;
	uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
	munmap(page, PAGE);
	return (struct call){ start_ns, now_ns(CLOCK_MONOTONIC) - start_ns };
}

static struct call export_a_buffer(void)
{
	static int heap = -1;
	if (heap < 0 && (heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC)) < 0)
		fail("/dev/dma_heap/system");
	struct dma_heap_allocation_data buffer = { .len = PAGE, .fd_flags = O_RDWR | O_CLOEXEC };
	uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
	int failed = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &buffer);
	struct call call = { start_ns, now_ns(CLOCK_MONOTONIC) - start_ns };
	if (failed)
		fail("an allocation of the DMA heap");
	close((int)buffer.fd);
	return call;
}

static void mount_hierarchy(void)
{
	if (mount("none", HIERARCHY, "cgroup", 0, "none,name=stranger"))
		fail("a mount of cgroups");
}

static struct call mount_again(void)
{
	if (mkdir(HIERARCHY, 0700) == 0)
		mount_hierarchy();
	if (umount(HIERARCHY))
		fail("umount");
	uint64_t start_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	mount_hierarchy();
	return (struct call){ start_ns, now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns };
}

static struct {
	int ours, theirs;
	sem_t holder_may_read, waiter_may_read, waiter_has_read;
	struct call waited;
} terminal;

static void read_a_line(void)
{
	char line[8];
	if (read(terminal.theirs, line, sizeof(line)) != 2)
		fail("a line of the terminal");
}

static void *hold(void *unused)
{
	for (;;) {
		sem_wait(&terminal.holder_may_read);
		read_a_line();
	}
	return unused;
}

static void *wait_for_holder(void *unused)
{
	for (;;) {
		sem_wait(&terminal.waiter_may_read);
		uint64_t start_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
		read_a_line();
		terminal.waited = (struct call){ start_ns, now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns };
		sem_post(&terminal.waiter_has_read);
	}
	return unused;
}

static void open_terminal(void)
{
	struct termios settings;
	pthread_t thread;
	terminal.ours = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal.ours < 0 || grantpt(terminal.ours) || unlockpt(terminal.ours))
		fail("a terminal");
	terminal.theirs = open(ptsname(terminal.ours), O_RDWR | O_NOCTTY);
	if (terminal.theirs < 0 || tcgetattr(terminal.theirs, &settings))
		fail("a terminal's other end");
	// Lines, which nobody has to read again on this side.
	settings.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(terminal.theirs, TCSANOW, &settings);
	sem_init(&terminal.holder_may_read, 0, 0);
	sem_init(&terminal.waiter_may_read, 0, 0);
	sem_init(&terminal.waiter_has_read, 0, 0);
	if (pthread_create(&thread, NULL, hold, NULL) || pthread_create(&thread, NULL, wait_for_holder, NULL))
		fail("a thread");
}

static struct call wait_for_a_lock(void)
{
	if (!terminal.ours)
		open_terminal();
	sem_post(&terminal.holder_may_read);
	usleep(PAUSE_US);
	sem_post(&terminal.waiter_may_read);
	usleep(PAUSE_US);
	if (write(terminal.ours, "1\n2\n", 4) != 4)
		fail("input of the terminal");
	sem_wait(&terminal.waiter_has_read);
	return terminal.waited;
}

static const struct {
	const char *name;
	struct call (*once)(void);
} KINDS[] = {
	{ "munmap", unmap_a_page },
	{ "export", export_a_buffer },
	{ "lock_wait", wait_for_a_lock },
	{ "msleep", mount_again },
};

enum { KIND_COUNT = sizeof(KINDS) / sizeof(*KINDS) };

static void time_calls(size_t kind, size_t count)
{
	static size_t printed;
	for (size_t i = 0; i < count; i++) {
		// Each begins behind a timer tick, when the kernel has cleared up after the one before.
		usleep(PAUSE_US);
		struct call call = KINDS[kind].once();
		printf("%s\n[\"%s\",null,null,\"ok\",\"run\",%d,%llu,%llu]", printed++ ? "," : "", KINDS[kind].name,
		       (int)getpid(), (unsigned long long)call.start_ns, (unsigned long long)call.duration_ns);
	}
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	if (count < 1 || count > MOST || argc > 3) {
		fprintf(stderr, "stranger COUNT [KIND], from 1 to %d\n", MOST);
		return 2;
	}
	printf("{\"format\":\"grantscope-truth\",\"version\":1,\"ending\":{\"how\":\"complete\"},\n\"columns\": "
	       "[\"op\",\"buffer\",\"pages\",\"outcome\",\"phase\",\"tid\",\"start_ns\",\"duration_ns\"],\n\"calls\": [");
	for (size_t kind = 0; kind < KIND_COUNT; kind++)
		if (argc == 2 || !strcmp(argv[2], KINDS[kind].name))
			time_calls(kind, count);
	printf("]\n}\n");
	return 0;
}
