// Times calls that do nothing, as the workload times its own: what is left of a call's time without these is what the kernel did for it.
// `cargo xtask bench truth` runs it. It prints a truth file (docs/truth.md).
//
//   nothing COUNT
//
// `refused` is an ioctl that gntdev does not have: it takes the way of every ioctl of gntdev, up to gntdev_ioctl and back.
// `entered` is getppid(2): it enters the kernel and comes back.

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 100000 };

struct call {
	uint64_t start_ns, duration_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// COUNT calls of gntdev with a request that no driver has.
static void refuse(struct call *calls, size_t count, int gntdev)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start_ns = now_ns();
		ioctl(gntdev, _IO('G', 255), 0);
		calls[i] = (struct call){ start_ns, now_ns() - start_ns };
	}
}

static void enter(struct call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start_ns = now_ns();
		getppid();
		calls[i] = (struct call){ start_ns, now_ns() - start_ns };
	}
}

static void print(const char *name, const char *outcome, const struct call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s[\"%s\",null,null,\"%s\",\"run\",%d,%llu,%llu]", i ? ",\n" : "\n", name, outcome,
		       (int)getpid(), (unsigned long long)calls[i].start_ns,
		       (unsigned long long)calls[i].duration_ns);
}

int main(int argc, char **argv)
{
	size_t count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (count < 1 || count > MOST || gntdev < 0) {
		fprintf(stderr, "nothing COUNT, from 1 to %d, in a Xen domain with gntdev\n", MOST);
		return 2;
	}
	struct call *refused = malloc(2 * count * sizeof(*refused));
	if (!refused)
		return 1;
	struct call *entered = refused + count;
	// So that no page of it is new to a call.
	memset(refused, 0, 2 * count * sizeof(*refused));
	refuse(refused, count, gntdev);
	enter(entered, count);
	printf("{\"format\":\"grantscope-truth\",\"version\":1,\"ending\":{\"how\":\"complete\"},\n\"columns\": "
	       "[\"op\",\"buffer\",\"pages\",\"outcome\",\"phase\",\"tid\",\"start_ns\",\"duration_ns\"],\n\"calls\": [");
	print("refused", "ENOTTY", refused, count);
	printf(",");
	print("entered", "ok", entered, count);
	printf("]\n}\n");
	return 0;
}
