// Holds grant mappings of every kind at known moments, and says on standard output what it holds: for checks of the ledger of live
// mappings. Run it as root in a Xen domain: it grants pages to its own domain and maps them.
//
//   holder kinds        one mapping of each kind that this kernel has; then "holding", and it stays until it is ended
//   holder steps N      N mappings of 1 to 4 pages; 3 s; half of them unmapped; 3 s; all unmapped; 3 s
//   holder leaks        a page held in a pipe after the device is closed, and a dma-buf whose owner is killed; 6 s each
//
// A line is: what, buffer kind, pages. Of a kind it goes on: runs of pages that are consecutive in Linux, runs that are so in the machine, those
// of Linux that are in pieces there, and pages with the same number in both, "-" for what nothing can be said of, "?" for what this program cannot see. The first word of a step is
// "held", then mappings and pages. Before the steps comes "runs": in the machine, of the first page, of the first two, and so on to four.
//
// The runs are from /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst, Linux v6.12). They are those of the machine only in a
// domain that is direct-mapped: then a page that it grants has the same number there.
//
// Build: aarch64-linux-gnu-gcc -static -O2 -Wall -Wextra -pthread -o holder holder.c

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

enum { MOST_PAGES = 16, STEP_SECONDS = 3, LEAK_SECONDS = 6 };

static uint32_t refs[MOST_PAGES];
// Of the page behind each.
static uint64_t granted[MOST_PAGES];
static size_t page_size;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_gntdev(void)
{
	int gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		fail("/dev/xen/gntdev");
	return gntdev;
}

// The page frame numbers behind some pages of this process.
static void read_frames(const volatile void *memory, uint64_t *frames, uint32_t pages)
{
	const uint64_t present = 1ull << 63, number = (1ull << 55) - 1;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)memory / page_size * sizeof(*frames));
	if (pagemap < 0 || pread(pagemap, frames, pages * sizeof(*frames), at) != (ssize_t)(pages * sizeof(*frames)))
		fail("/proc/self/pagemap");
	close(pagemap);
	for (uint32_t i = 0; i < pages; i++) {
		if (!(frames[i] & present) || !(frames[i] & number)) {
			fprintf(stderr, "page %u has no number\n", i);
			exit(1);
		}
		frames[i] &= number;
	}
}

// A granted page is the first 4 KiB of a page: where pages are larger, none follows on another.
static uint32_t runs(const uint64_t *frames, uint32_t pages, uint64_t step)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < pages; i++)
		count += i == 0 || frames[i] * step != frames[i - 1] * step + 1;
	return count;
}

static uint32_t runs_in_machine(uint32_t pages)
{
	return runs(granted, pages, page_size / 4096);
}

// Runs in Linux that are none in the machine. What lies behind a grant in a larger page is not granted.
static uint32_t split_runs(const uint64_t *frames, uint32_t pages)
{
	uint32_t count = 0, begin = 0;
	for (uint32_t end = 1; end <= pages; end++) {
		if (end < pages && frames[end] == frames[end - 1] + 1)
			continue;
		count += page_size > 4096 || runs(granted + begin, end - begin, 1) > 1;
		begin = end;
	}
	return count;
}

static void grant_pages(void)
{
	struct {
		struct ioctl_gntalloc_alloc_gref head;
		uint32_t more[MOST_PAGES];
	} argument = { .head = { .domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = MOST_PAGES } };
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	if (gntalloc < 0 || ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &argument) < 0)
		fail("gntalloc");
	volatile char *memory = mmap(NULL, MOST_PAGES * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, (off_t)argument.head.index);
	if (memory == MAP_FAILED)
		fail("mmap of gntalloc");
	uint64_t frames[MOST_PAGES];
	for (uint32_t i = 0; i < MOST_PAGES; i++)
		memory[i * page_size] = 1;
	read_frames(memory, frames, MOST_PAGES);
	// Two and two the other way round: whatever order the kernel took its pages in, runs begin and end.
	for (uint32_t i = 0; i < MOST_PAGES; i++) {
		uint32_t from = i ^ (i & 2 ? 1 : 0);
		refs[i] = argument.head.gref_ids[from];
		granted[i] = frames[from];
	}
}

// Only allocates: the grants are mapped by mmap.
static uint64_t allocate(int gntdev, uint32_t pages)
{
	struct {
		struct ioctl_gntdev_map_grant_ref head;
		struct ioctl_gntdev_grant_ref more[MOST_PAGES];
	} argument = { .head.count = pages };
	struct ioctl_gntdev_grant_ref *list = argument.head.refs;
	for (uint32_t i = 0; i < pages; i++)
		list[i] = (struct ioctl_gntdev_grant_ref){ .domid = 0, .ref = refs[i] };
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &argument) < 0)
		fail("map");
	return argument.head.index;
}

static void *map_memory(int gntdev, uint64_t index, uint32_t pages)
{
	void *memory = mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)index);
	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

static void unmap_grants(int gntdev, uint64_t index, uint32_t pages)
{
	struct ioctl_gntdev_unmap_grant_ref argument = { .index = index, .count = pages };
	if (ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &argument) < 0)
		fail("unmap");
}

// A dma-buf, or -1 where this kernel has none.
static int export(int gntdev, uint32_t flags, uint32_t pages)
{
	struct {
		struct ioctl_gntdev_dmabuf_exp_from_refs head;
		uint32_t more[MOST_PAGES];
	} argument = { .head = { .flags = flags, .count = pages, .domid = 0 } };
	memcpy(argument.head.refs, refs, pages * sizeof(refs[0]));
	if (ioctl(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, &argument) < 0) {
		if (errno == ENOTTY)
			return -1;
		fail("export");
	}
	return (int)argument.head.fd;
}

static void mapped(const char *what, int gntdev, uint32_t pages)
{
	uint64_t frames[MOST_PAGES];
	uint32_t same = 0;
	volatile char *memory = map_memory(gntdev, allocate(gntdev, pages), pages);
	for (uint32_t i = 0; i < pages; i++)
		(void)memory[i * page_size];
	read_frames(memory, frames, pages);
	for (uint32_t i = 0; i < pages; i++)
		same += frames[i] == granted[i];
	printf("%s pages %u %u %u %u %u\n", what, pages, runs(frames, pages, 1), runs_in_machine(pages), split_runs(frames, pages), same);
}

static void exported(const char *what, int gntdev, uint32_t flags, uint32_t pages)
{
	const char *buffer = flags == GNTDEV_DMA_FLAG_WC ? "wc" : flags == GNTDEV_DMA_FLAG_COHERENT ? "coherent" : "pages";
	if (export(gntdev, flags, pages) >= 0)
		// A DMA buffer is contiguous.
		printf("%s %s %u %s %u %s ?\n", what, buffer, pages, flags ? "1" : "?", runs_in_machine(pages),
		       !flags ? "?" : page_size > 4096 || runs_in_machine(pages) > 1 ? "1" : "0");
}

static void kinds(void)
{
	int gntdev = open_gntdev();
	allocate(gntdev, 1);
	puts("allocated pages 1 - - - -");
	mapped("mapped", gntdev, 2);
	int closed = open_gntdev();
	mapped("mapped-and-closed", closed, 3);
	close(closed);
	int exporting = open_gntdev(), closing = open_gntdev();
	exported("exported", exporting, 0, 4);
	exported("exported", exporting, GNTDEV_DMA_FLAG_WC, 5);
	exported("exported", exporting, GNTDEV_DMA_FLAG_COHERENT, 6);
	exported("exported-and-closed", closing, GNTDEV_DMA_FLAG_WC, 7);
	close(closing);
	puts("holding");
	for (;;)
		pause();
}

static void held(uint32_t mappings, uint32_t pages)
{
	struct timespec now;
	sleep(STEP_SECONDS);
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("held %u %u %lld\n", mappings, pages, (long long)now.tv_sec * 1000000000ll + now.tv_nsec);
}

static void steps(uint32_t count)
{
	int gntdev = open_gntdev();
	struct { uint64_t index; void *memory; uint32_t pages; } *maps = calloc(count, sizeof(*maps));
	uint32_t pages = 0, left = count;
	printf("runs %u %u %u %u\n", runs_in_machine(1), runs_in_machine(2), runs_in_machine(3), runs_in_machine(4));
	held(0, 0);
	for (uint32_t i = 0; i < count; i++) {
		maps[i].pages = 1 + i % 4;
		maps[i].index = allocate(gntdev, maps[i].pages);
		maps[i].memory = map_memory(gntdev, maps[i].index, maps[i].pages);
		pages += maps[i].pages;
	}
	held(left, pages);
	for (int part = 0; part < 2; part++) {
		for (uint32_t i = part; i < count; i += 2, left--) {
			munmap(maps[i].memory, maps[i].pages * page_size);
			unmap_grants(gntdev, maps[i].index, maps[i].pages);
			pages -= maps[i].pages;
		}
		held(left, pages);
	}
}

// The kernel uses a page of the mapping, through a pipe, when the device is closed.
static void leave_page_in_pipe(void)
{
	int gntdev = open_gntdev(), ends[2];
	void *memory = map_memory(gntdev, allocate(gntdev, 2), 2);
	struct iovec bytes = { .iov_base = memory, .iov_len = 4096 };
	if (pipe(ends) < 0 || vmsplice(ends[1], &bytes, 1, 0) < 0)
		fail("vmsplice");
	munmap(memory, 2 * page_size);
	close(gntdev);
	puts("closed-with-a-page-in-use pages 2");
	sleep(LEAK_SECONDS);
}

// A child exports a dma-buf, forks an heir, and is killed: the heir still has the buffer open.
static void outlive_owner(void)
{
	int ready[2];
	if (pipe(ready) < 0)
		fail("pipe");
	pid_t owner = fork();
	if (owner == 0) {
		if (export(open_gntdev(), GNTDEV_DMA_FLAG_WC, 3) < 0)
			_exit(2);
		// The heir has what its parent has open: the device and the buffer.
		pid_t heir = fork();
		if (heir == 0) {
			sleep(LEAK_SECONDS + STEP_SECONDS);
			_exit(0);
		}
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	char byte;
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return;
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	printf("owner-killed wc 3 %d\n", owner);
	sleep(LEAK_SECONDS);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	grant_pages();
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "kinds"))
		kinds();
	else if (!strcmp(what, "steps") && argc > 2)
		steps((uint32_t)atoi(argv[2]));
	else if (!strcmp(what, "leaks")) {
		leave_page_in_pipe();
		outlive_owner();
	} else {
		fputs("usage: holder kinds | steps N | leaks\n", stderr);
		return 2;
	}
	return 0;
}
