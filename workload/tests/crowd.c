// Many concurrent mappers, and every way of releasing: four processes of four threads on shared opens of gntdev, a process that
// is killed with its mapping, one that inherits it, a device closed before its mapping, a mapping unmapped in parts, a dma-buf
// with two descriptors, and large buffers whose release keeps another thread waiting for the device. Writes the truth of all that
// to standard output (docs/truth.md). It shares no code with the workload.
// Where the kernel knows no dma-bufs, or a paravirtualised one does otherwise, so does this.
// Run it as root in a Xen domain: it grants pages to its own domain and maps them.
//
//   crowd [LOOPS]      default: 20 loops of each thread
//
// Build: aarch64-linux-gnu-gcc -static -O2 -Wall -Wextra -pthread -o crowd crowd.c

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

enum { PROCESSES = 4, THREADS = 4, MOST_PAGES = 4, MANY_PAGES = 1000, GRANTED_BYTES = 4096, ROOM = 40000 };

struct call {
	const char *op, *buffer; // string literals: at the same address in every process
	uint32_t pages;
	int error, tid;
	uint64_t start_ns, duration_ns;
};

// One log for all processes.
static struct log {
	atomic_size_t made;
	atomic_uint teardowns[MANY_PAGES + 1];
	struct call calls[ROOM];
} *all;
static uint32_t refs[MANY_PAGES];
static size_t page_size;
static long loops = 20;
static bool knows_dmabufs, paravirtualised;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void note(const char *op, const char *buffer, uint32_t pages, int error, int tid, uint64_t start_ns, uint64_t end_ns)
{
	size_t place = atomic_fetch_add(&all->made, 1);
	if (place < ROOM)
		all->calls[place] = (struct call){ op, buffer, pages, error, tid, start_ns, end_ns - start_ns };
}

// Makes CALL and notes it; every call here is expected to go well.
#define CALL(op, buffer, pages, call)                                                        \
	({                                                                                   \
		uint64_t start_ns = now_ns();                                                \
		__auto_type result_ = (call);                                                \
		uint64_t end_ns = now_ns();                                                  \
		int error_ = (intptr_t)result_ < 0 ? errno : 0;                              \
		note(op, buffer, pages, error_, gettid(), start_ns, end_ns);                 \
		if (error_)                                                                  \
			fail(op);                                                            \
		result_;                                                                     \
	})

static int open_gntdev(void)
{
	int gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		fail("/dev/xen/gntdev");
	return gntdev;
}

struct map {
	uint64_t index;
	void *memory;
	uint32_t pages;
};

// The map ioctl. Gives the map's index.
static uint64_t map_references(int gntdev, uint32_t pages)
{
	struct {
		struct ioctl_gntdev_map_grant_ref head;
		struct ioctl_gntdev_grant_ref more[MOST_PAGES];
	} argument = { .head.count = pages };
	struct ioctl_gntdev_grant_ref *list = argument.head.refs;
	for (uint32_t i = 0; i < pages; i++)
		list[i] = (struct ioctl_gntdev_grant_ref){ .domid = 0, .ref = refs[i] };
	CALL("map", "pages", pages, ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &argument));
	return argument.head.index;
}

static struct map map_pages(int gntdev, uint32_t pages)
{
	struct map map = { .index = map_references(gntdev, pages), .pages = pages };
	map.memory = CALL("mmap", "pages", pages,
			  mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)map.index));
	return map;
}

static void unmap_memory(struct map map, uint32_t first, uint32_t count)
{
	CALL("munmap", "pages", map.pages, munmap((char *)map.memory + first * page_size, count * page_size));
}

static void unmap_grants(int gntdev, struct map map)
{
	struct ioctl_gntdev_unmap_grant_ref argument = { .index = map.index, .count = map.pages };
	CALL("unmap", "pages", map.pages, ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &argument));
}

static void torn_down(uint32_t pages)
{
	atomic_fetch_add(&all->teardowns[pages], 1);
}

// Gives a descriptor, or -1 where the kernel knows no dma-bufs, which is noted like every outcome.
static int export(int gntdev, uint32_t pages)
{
	struct {
		struct ioctl_gntdev_dmabuf_exp_from_refs head;
		uint32_t more[MANY_PAGES];
	} argument = { .head.count = pages };
	memcpy(argument.head.refs, refs, pages * sizeof refs[0]);
	uint64_t start_ns = now_ns();
	int result = ioctl(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &argument), error = result ? errno : 0;
	note("export", "pages", pages, error, gettid(), start_ns, now_ns());
	if (error && error != ENOTTY)
		fail("export");
	return error ? -1 : (int)argument.head.fd;
}

static void release(int dmabuf, uint32_t pages)
{
	CALL("release", "pages", pages, close(dmabuf));
	torn_down(pages);
}

static void close_gntdev(int gntdev)
{
	CALL("close", NULL, 0, close(gntdev));
}

struct worker {
	pthread_t thread;
	int gntdev;
	uint32_t pages;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	for (long i = 0; i < loops; i++) {
		struct map map = map_pages(worker->gntdev, worker->pages);
		*(volatile uint32_t *)map.memory;
		unmap_memory(map, 0, map.pages);
		unmap_grants(worker->gntdev, map);
		torn_down(map.pages);
		if (knows_dmabufs)
			release(export(worker->gntdev, worker->pages), worker->pages);
	}
	return NULL;
}

// One process of the crowd: its threads share an open of gntdev.
static void crowd_in_one_process(void)
{
	struct worker workers[THREADS];
	int gntdev = open_gntdev();
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .gntdev = gntdev, .pages = 1 + i % MOST_PAGES };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			fail("pthread_create");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	close_gntdev(gntdev);
}

static pid_t child(void (*body)(void))
{
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		body();
		_exit(0);
	}
	return pid;
}

static void expect_success(pid_t pid)
{
	int status;
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "crowd: a process failed\n");
		exit(1);
	}
}

static void crowd(void)
{
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child(crowd_in_one_process);
	for (int i = 0; i < PROCESSES; i++)
		expect_success(pids[i]);
}

static int ready[2];

static void map_and_wait_for_death(void)
{
	map_pages(open_gntdev(), 2);
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

// The kernel closes the dead process's files in the dying task: there is no munmap call.
static void killed_with_a_mapping(void)
{
	char byte;
	if (pipe(ready))
		fail("pipe");
	pid_t pid = child(map_and_wait_for_death);
	if (read(ready[0], &byte, 1) != 1)
		fail("read");
	uint64_t start_ns = now_ns();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	note("close", NULL, 0, 0, pid, start_ns, now_ns());
	torn_down(2);
}

static struct map inherited;
static int go[2];

static void unmap_what_was_inherited(void)
{
	char byte;
	if (read(go[0], &byte, 1) != 1)
		_exit(1);
	// A paravirtualised kernel keeps such a mapping from children (VM_DONTCOPY): there is nothing to unmap.
	if (!paravirtualised)
		unmap_memory(inherited, 0, inherited.pages);
}

// The last one to hold the mapping is the child, whose munmap releases the grants.
static void inherited_by_a_child(void)
{
	int gntdev = open_gntdev();
	inherited = map_pages(gntdev, 1);
	if (pipe(go))
		fail("pipe");
	pid_t pid = child(unmap_what_was_inherited);
	unmap_memory(inherited, 0, 1);
	unmap_grants(gntdev, inherited);
	if (write(go[1], "", 1) != 1)
		fail("write");
	expect_success(pid);
	torn_down(1);
	close_gntdev(gntdev);
}

// The mapping holds the device open: it is closed on the way back from munmap.
static void device_closed_before_its_mapping(void)
{
	int gntdev = open_gntdev();
	struct map map = map_pages(gntdev, 2);
	close(gntdev);
	uint64_t start_ns = now_ns();
	unmap_memory(map, 0, 2);
	note("close", NULL, 0, 0, gettid(), start_ns, now_ns());
	torn_down(2);
}

static void unmapped_in_parts(void)
{
	int gntdev = open_gntdev();
	struct map map = map_pages(gntdev, 4);
	unmap_memory(map, 0, 2);
	unmap_memory(map, 2, 2);
	unmap_grants(gntdev, map);
	// A paravirtualised kernel gives up the grants of each part in its munmap, others all of them in the end.
	if (paravirtualised) {
		torn_down(2);
		torn_down(2);
	} else {
		torn_down(4);
	}
	close_gntdev(gntdev);
}

// What a program does that takes a page for the 4 KiB of a grant: in larger pages its two are one, and not what was mapped.
static void mapped_as_if_pages_were_small(void)
{
	int gntdev = open_gntdev();
	struct map map = { .index = map_references(gntdev, 2), .pages = 2 };
	uint64_t start_ns = now_ns();
	void *memory = mmap(NULL, 2 * GRANTED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)map.index);
	note("mmap", "pages", 1, errno, gettid(), start_ns, now_ns());
	if (memory != MAP_FAILED || errno != EINVAL)
		fail("an mmap of the wrong length");
	unmap_grants(gntdev, map);
	close_gntdev(gntdev);
}

static void buffer_with_two_descriptors(void)
{
	int gntdev = open_gntdev();
	int dmabuf = export(gntdev, 2), second = dup(dmabuf);
	close(dmabuf);
	release(second, 2);
	close_gntdev(gntdev);
}

static atomic_bool holder_is_done;

static void *hold_the_lock(void *argument)
{
	int gntdev = *(int *)argument;
	for (int i = 0; i < 5; i++) {
		release(export(gntdev, MANY_PAGES), MANY_PAGES);
	}
	atomic_store(&holder_is_done, true);
	return NULL;
}

// gntdev takes a buffer down under the lock of its open device: meanwhile no other thread can map there.
static void lock_held_for_long(void)
{
	pthread_t holder;
	int gntdev = open_gntdev();
	if (pthread_create(&holder, NULL, hold_the_lock, &gntdev))
		fail("pthread_create");
	while (!atomic_load(&holder_is_done)) {
		struct map map = map_pages(gntdev, 1);
		unmap_memory(map, 0, 1);
		unmap_grants(gntdev, map);
		torn_down(1);
	}
	pthread_join(holder, NULL);
	close_gntdev(gntdev);
}

static void look_at_the_kernel(void)
{
	char kind[8] = "";
	FILE *file = fopen("/sys/hypervisor/guest_type", "r");
	// Only x86 has that file, and other kinds of guests there.
	paravirtualised = file && fgets(kind, sizeof kind, file) && !strcmp(kind, "PV\n");
	if (file)
		fclose(file);
	int gntdev = open_gntdev(), dmabuf = export(gntdev, 1);
	knows_dmabufs = dmabuf >= 0;
	if (knows_dmabufs)
		release(dmabuf, 1);
	close_gntdev(gntdev);
}

static void print_truth(void)
{
	size_t made = atomic_load(&all->made);
	printf("{\"format\":\"grantscope-truth\",\"version\":1,\"scenario\":\"crowd\",\"ending\":{\"how\":\"%s\"},\n\"teardowns\": [",
	       made > ROOM ? "log_overflow" : "complete");
	const char *separator = "";
	for (uint32_t pages = 1; pages <= MANY_PAGES; pages++) {
		if (!all->teardowns[pages])
			continue;
		printf("%s{\"buffer\":\"pages\",\"pages\":%u,\"count\":%u}", separator, pages, all->teardowns[pages]);
		separator = ",";
	}
	printf("],\n\"columns\": [\"op\",\"buffer\",\"pages\",\"outcome\",\"phase\",\"tid\",\"start_ns\",\"duration_ns\"],\n\"calls\": [");
	for (size_t i = 0; i < made && i < ROOM; i++) {
		const struct call *call = &all->calls[i];
		printf("%s[\"%s\",", i ? ",\n" : "\n", call->op);
		if (call->buffer)
			printf("\"%s\",%u", call->buffer, call->pages);
		else
			printf("null,null");
		printf(",\"%s\",\"run\",%d,%llu,%llu]", call->error ? strerrorname_np(call->error) : "ok", call->tid,
		       (unsigned long long)call->start_ns, (unsigned long long)call->duration_ns);
	}
	printf("]}\n");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		loops = strtol(argv[1], NULL, 10);
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		fail("mmap");
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	if (gntalloc < 0)
		fail("/dev/xen/gntalloc (a Xen domain, and root?)");
	struct {
		struct ioctl_gntalloc_alloc_gref head;
		uint32_t more[MANY_PAGES];
	} granted = { .head = { .domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = MANY_PAGES } };
	CALL("grant", "pages", MANY_PAGES, ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &granted));
	memcpy(refs, granted.head.gref_ids, sizeof refs);
	look_at_the_kernel();
	crowd();
	killed_with_a_mapping();
	inherited_by_a_child();
	device_closed_before_its_mapping();
	unmapped_in_parts();
	if (page_size > GRANTED_BYTES)
		mapped_as_if_pages_were_small();
	if (knows_dmabufs) {
		buffer_with_two_descriptors();
		lock_held_for_long();
	}
	struct ioctl_gntalloc_dealloc_gref ungrant = { .index = granted.head.index, .count = MANY_PAGES };
	CALL("ungrant", "pages", MANY_PAGES, ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &ungrant));
	close(gntalloc);
	print_truth();
	return fflush(stdout) ? 1 : 0;
}
