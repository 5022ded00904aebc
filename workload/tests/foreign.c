// A program that is not grantscope's, for checking that a third-party client's calls are profiled as exactly
// as the workload's: raw ioctls after the kernel's own headers, its own clock around each call, and
// a truth file in the same format (docs/truth.md) on standard output. It shares no code with the
// workload. Run it as root in a Xen domain: it grants pages to its own domain and maps them.
//
//   foreign [LOOPS [PAGES [DOMID]]]      default: 50 loops, 16 pages, domain 0
//
// Build: aarch64-linux-gnu-gcc -static -O2 -Wall -Wextra -o foreign foreign.c

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

enum { CALLS_PER_LOOP = 11, CALLS_BESIDES = 8, MOST_PAGES = 512, MOST_LOOPS = 100000 };

struct call {
	const char *op, *buffer, *phase;
	uint32_t pages;
	int error; // 0 is success
	uint64_t start_ns, duration_ns;
};

static struct call *calls;
static size_t calls_made, calls_room;
static uint64_t last_start_ns, last_end_ns;
// Maps of each kind that gave up their grants, all of the same size.
static const char *const kinds[] = { "pages", "wc", "coherent" };
static unsigned long teardowns[3];
// The first export shows it: ENOTTY if the kernel has no dma-bufs.
static int no_dmabufs;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Times CALL, whose value is negative on failure, and leaves that value in RESULT.
#define TIMED(result, call)                                                                        \
	do {                                                                                       \
		last_start_ns = now_ns();                                                          \
		(result) = (call);                                                                 \
		last_end_ns = now_ns();                                                            \
	} while (0)

// Notes the call that was just timed. Returns 0 if it succeeded.
static int note(const char *op, const char *buffer, uint32_t pages, const char *phase, int failed)
{
	int error = failed ? errno : 0;
	if (calls_made < calls_room)
		calls[calls_made++] = (struct call){ op,    buffer,        phase, pages,
						     error, last_start_ns, last_end_ns - last_start_ns };
	return error;
}

static void torn_down(const char *buffer)
{
	for (int i = 0; i < 3; i++)
		teardowns[i] += !strcmp(kinds[i], buffer);
}

static const char *outcome(int error)
{
	return error ? strerrorname_np(error) : "ok";
}

static const char *quoted(const char *name, char room[32])
{
	if (!name)
		return "null";
	snprintf(room, 32, "\"%s\"", name);
	return room;
}

static int same_series(const struct call *a, const struct call *b)
{
	return !strcmp(a->op, b->op) && a->buffer == b->buffer && a->pages == b->pages &&
	       a->error == b->error;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

// Pages are known exactly where a buffer is.
static void print_pages(const struct call *call)
{
	if (call->buffer)
		printf("%u", call->pages);
	else
		printf("null");
}

static void print_totals(void)
{
	uint64_t *durations = calloc(calls_made + 1, sizeof *durations);
	const char *separator = "\n";
	char room[32];
	for (size_t first = 0; durations && first < calls_made; first++) {
		size_t earlier = 0, count = 0;
		uint64_t sum = 0;
		while (earlier < first && !same_series(&calls[earlier], &calls[first]))
			earlier++;
		if (earlier < first)
			continue;
		for (size_t i = first; i < calls_made; i++)
			if (same_series(&calls[i], &calls[first])) {
				durations[count++] = calls[i].duration_ns;
				sum += calls[i].duration_ns;
			}
		qsort(durations, count, sizeof *durations, by_number);
		printf("%s{\"op\":\"%s\",\"buffer\":%s,\"pages\":", separator, calls[first].op,
		       quoted(calls[first].buffer, room));
		print_pages(&calls[first]);
		printf(",\"outcome\":\"%s\",\"count\":%zu,\"min_ns\":%llu,\"p50_ns\":%llu,"
		       "\"max_ns\":%llu,\"sum_ns\":%llu}",
		       outcome(calls[first].error), count, (unsigned long long)durations[0],
		       (unsigned long long)durations[(count - 1) / 2],
		       (unsigned long long)durations[count - 1], (unsigned long long)sum);
		separator = ",\n";
	}
	free(durations);
}

static void print_teardowns(uint32_t pages)
{
	const char *separator = "";
	printf("\"teardowns\": [");
	for (int i = 0; i < 3; i++) {
		if (!teardowns[i])
			continue;
		printf("%s{\"buffer\":\"%s\",\"pages\":%u,\"count\":%lu}", separator, kinds[i], pages,
		       teardowns[i]);
		separator = ",";
	}
	printf("],\n");
}

static void print_truth(int argc, char **argv, uint64_t started_ns, uint32_t pages, const char *failure)
{
	char room[32], started[32];
	time_t now = time(NULL);
	strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	printf("{\"format\":\"grantscope-truth\",\"version\":1,\"scenario\":\"foreign\",\"seed\":0,"
	       "\"page_size\":%ld,\"argv\":[",
	       sysconf(_SC_PAGESIZE));
	// The name and numbers only: nothing in them needs escaping.
	printf("\"foreign\"");
	for (int i = 1; i < argc; i++)
		printf(",\"%ld\"", atol(argv[i]));
	printf("],\"pid\":%d,\"clock\":\"CLOCK_MONOTONIC\",\"started\":\"%s\",\"started_ns\":%llu,"
	       "\"ended_ns\":%llu,",
	       (int)getpid(), started, (unsigned long long)started_ns,
	       (unsigned long long)now_ns());
	if (failure)
		printf("\"ending\":{\"how\":\"failed\",\"error\":\"%s\"},", failure);
	else
		printf("\"ending\":{\"how\":\"complete\"},");
	printf("\"skipped\":[],\n");
	print_teardowns(pages);
	printf("\"totals\": [");
	print_totals();
	printf("],\n\"columns\": [\"op\",\"buffer\",\"pages\",\"outcome\",\"phase\",\"tid\","
	       "\"start_ns\",\"duration_ns\"],\n\"calls\": [");
	for (size_t i = 0; i < calls_made; i++) {
		printf("%s[\"%s\",%s,", i ? ",\n" : "\n", calls[i].op,
		       quoted(calls[i].buffer, room));
		print_pages(&calls[i]);
		printf(",\"%s\",\"%s\",%d,%llu,%llu]", outcome(calls[i].error), calls[i].phase,
		       (int)gettid(), (unsigned long long)calls[i].start_ns,
		       (unsigned long long)calls[i].duration_ns);
	}
	printf("]\n}\n");
}

// Maps PAGES references, looks at each page, and undoes it.
static const char *map_cycle(int gntdev, domid_t domid, const uint32_t *refs, uint32_t pages)
{
	const size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	struct ioctl_gntdev_map_grant_ref *map =
		calloc(1, sizeof *map + pages * sizeof map->refs[0]);
	const char *failure = NULL;
	int status;
	if (!map)
		return "no memory";
	map->count = pages;
	for (uint32_t i = 0; i < pages; i++)
		map->refs[i] = (struct ioctl_gntdev_grant_ref){ .domid = domid, .ref = refs[i] };
	TIMED(status, ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, map));
	if (note("map", "pages", pages, "run", status < 0)) {
		free(map);
		return "map";
	}

	void *memory;
	TIMED(memory, mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev,
			   (off_t)map->index));
	if (note("mmap", "pages", pages, "run", memory == MAP_FAILED)) {
		failure = "mmap";
	} else {
		for (uint32_t i = 0; i < pages; i++) {
			volatile uint32_t *word = (void *)((char *)memory + i * page_size);
			if (*word != 0xf0000000u + i)
				failure = "a page holds something else";
		}
		TIMED(status, munmap(memory, pages * page_size));
		if (note("munmap", "pages", pages, "run", status < 0))
			failure = "munmap";
	}

	struct ioctl_gntdev_unmap_grant_ref unmap = { .index = map->index, .count = pages };
	TIMED(status, ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap));
	if (note("unmap", "pages", pages, "run", status < 0))
		failure = "unmap";
	if (!failure)
		torn_down("pages");
	free(map);
	return failure;
}

// Exports PAGES references with FLAGS, and closes the buffer.
static const char *export_cycle(int gntdev, domid_t domid, const uint32_t *refs, uint32_t pages,
				uint32_t flags, const char *buffer)
{
	struct ioctl_gntdev_dmabuf_exp_from_refs *export =
		calloc(1, sizeof *export + pages * sizeof export->refs[0]);
	int status;
	if (!export)
		return "no memory";
	export->flags = flags;
	export->count = pages;
	export->domid = domid;
	memcpy(export->refs, refs, pages * sizeof refs[0]);
	TIMED(status, ioctl(gntdev, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, export));
	int failed = note("export", buffer, pages, "run", status < 0);
	int dmabuf = (int)export->fd;
	free(export);
	if (failed == ENOTTY) {
		no_dmabufs = 1;
		return NULL;
	}
	if (failed)
		return "export";
	torn_down(buffer);
	TIMED(status, close(dmabuf));
	return note("release", buffer, pages, "run", status < 0) ? "release" : NULL;
}

static const char *one_loop(domid_t domid, const uint32_t *refs, uint32_t pages)
{
	const char *failure;
	int status, gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (gntdev < 0)
		return "open of /dev/xen/gntdev";
	failure = map_cycle(gntdev, domid, refs, pages);
	if (!failure && !no_dmabufs)
		failure = export_cycle(gntdev, domid, refs, pages, 0, "pages");
	if (!failure && !no_dmabufs)
		failure = export_cycle(gntdev, domid, refs, pages, GNTDEV_DMA_FLAG_WC, "wc");
	if (!failure && !no_dmabufs)
		failure = export_cycle(gntdev, domid, refs, pages, GNTDEV_DMA_FLAG_COHERENT,
				       "coherent");
	TIMED(status, close(gntdev));
	if (note("close", NULL, 0, "run", status < 0) && !failure)
		failure = "close";
	return failure;
}

// Writes another number into each page than the workload does.
static int fill(int gntalloc, const struct ioctl_gntalloc_alloc_gref *granted)
{
	const size_t page_size = (size_t)sysconf(_SC_PAGESIZE), size = granted->count * page_size;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc,
			    (off_t)granted->index);
	if (memory == MAP_FAILED)
		return -1;
	for (uint32_t i = 0; i < granted->count; i++)
		*(volatile uint32_t *)(void *)(memory + i * page_size) = 0xf0000000u + i;
	return munmap(memory, size);
}

static long argument(int argc, char **argv, int index, long otherwise, long least, long most)
{
	if (index >= argc)
		return otherwise;
	char *end;
	long value = strtol(argv[index], &end, 10);
	if (*argv[index] && !*end && value >= least && value <= most)
		return value;
	fprintf(stderr, "foreign: \"%s\" is not a number from %ld to %ld\n"
			"usage: foreign [LOOPS [PAGES [DOMID]]]\n", argv[index], least, most);
	exit(2);
}

int main(int argc, char **argv)
{
	long loops = argument(argc, argv, 1, 50, 1, MOST_LOOPS);
	uint32_t pages = (uint32_t)argument(argc, argv, 2, 16, 1, MOST_PAGES);
	domid_t domid = (domid_t)argument(argc, argv, 3, 0, 0, 0x7fef);
	uint64_t started_ns = now_ns();
	const char *failure = NULL;
	int status;

	calls_room = (size_t)loops * CALLS_PER_LOOP + CALLS_BESIDES;
	calls = calloc(calls_room, sizeof *calls);
	struct ioctl_gntalloc_alloc_gref *granted =
		calloc(1, sizeof *granted + pages * sizeof granted->gref_ids[0]);
	if (!calls || !granted) {
		fprintf(stderr, "foreign: no memory for %ld loops; give fewer\n", loops);
		return 1;
	}
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	if (gntalloc < 0) {
		perror("foreign: /dev/xen/gntalloc (a Xen domain, and root?)");
		return 1;
	}
	granted->domid = domid;
	granted->flags = GNTALLOC_FLAG_WRITABLE;
	granted->count = pages;
	TIMED(status, ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, granted));
	if (note("grant", "pages", pages, "setup", status < 0)) {
		failure = "grant";
	} else {
		if (fill(gntalloc, granted))
			failure = "fill";
		for (long i = 0; i < loops && !failure; i++)
			failure = one_loop(domid, granted->gref_ids, pages);
		struct ioctl_gntalloc_dealloc_gref ungrant = { .index = granted->index,
							       .count = pages };
		TIMED(status, ioctl(gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &ungrant));
		if (note("ungrant", "pages", pages, "teardown", status < 0) && !failure)
			failure = "ungrant";
	}
	close(gntalloc);
	if (failure)
		fprintf(stderr, "foreign: failed at: %s (see the last calls)\n", failure);
	print_truth(argc, argv, started_ns, pages, failure);
	if (fflush(stdout)) {
		perror("foreign: cannot write the truth to standard output");
		return 1;
	}
	free(calls);
	free(granted);
	return failure ? 1 : 0;
}
