// Writes records into the ring of a recorder that runs, at a rate: real ones of operations that it has just recorded, whose beginning is set
// anew. `cargo xtask bench loss` runs it as root. It prints a line: records produced, how many of them the ring refused, and the ns that
// took, by the clock and of the processor's time.
//
//   producer OP_OFFSET FLAGS_OFFSET EVENTS_OFFSET STATUSES_OFFSET HEADER_BYTES FLAGS OPS RATE SECONDS
//
// The first ones say where in a record its operation's id, its flags and the numbers of its events and statuses are, which come behind its
// header and have 8 bytes each: an entry of the ring has several records, one behind the other. Records with one of the FLAGS are left out,
// and so are those whose id's bit is not in OPS. RATE is in records a second; each is an entry of its own, which costs more than several in
// one.
//
// The kernel's BPF machine copies the records, as the probes do, by a program of this file's that the kernel runs on request (BPF_PROG_RUN:
// net/bpf/test_run.c, Linux v6.12). Like them it wakes the reader each time that a quarter of the ring has been written.

#define _GNU_SOURCE
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	PLACE = 1024, // bytes for a record and its length
	PLACES = 64,
	TICK_NS = 1000000,
	PACKET = 64, // what such a program is run on
	// include/uapi/linux/bpf.h
	HELPER_KTIME_GET_NS = 5,
	HELPER_RINGBUF_OUTPUT = 130,
};

// The value of a map: places behind the counters.
struct store {
	uint64_t next, refused;
	unsigned char unused[PLACE - 2 * sizeof(uint64_t)];
	struct {
		uint64_t length;
		unsigned char record[PLACE - sizeof(uint64_t)];
	} places[PLACES];
};

static struct {
	size_t op_offset, flags_offset, events_offset, statuses_offset, header_bytes;
	unsigned long flags, ops;
} wanted;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int bpf(int command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

// The recorder's ring, by its name in probes/src/out/ring.rs.
static int find_ring(size_t *bytes)
{
	union bpf_attr next = { .start_id = 0 };
	while (!bpf(BPF_MAP_GET_NEXT_ID, &next)) {
		union bpf_attr by_id = { .map_id = next.next_id };
		struct bpf_map_info info = { 0 };
		int ring = bpf(BPF_MAP_GET_FD_BY_ID, &by_id);
		union bpf_attr describe = { .info = { .bpf_fd = (__u32)ring, .info_len = sizeof(info), .info = (__u64)(unsigned long)&info } };
		if (ring < 0 || bpf(BPF_OBJ_GET_INFO_BY_FD, &describe))
			fail("a map's description");
		if (info.type == BPF_MAP_TYPE_RINGBUF && !strcmp(info.name, "RECORDS")) {
			*bytes = info.max_entries;
			return ring;
		}
		close(ring);
		next.start_id = next.next_id;
	}
	fprintf(stderr, "no recorder runs\n");
	exit(1);
}

static int is_wanted(const unsigned char *record, size_t length)
{
	return length <= PLACE - sizeof(uint64_t) &&
	       record[wanted.op_offset] < 8 * sizeof(wanted.ops) && (wanted.ops >> record[wanted.op_offset] & 1) &&
	       !(record[wanted.flags_offset] & wanted.flags);
}

// Keeps those of an entry's records that are wanted, and counts them.
static size_t take_entry(const unsigned char *entry, size_t bytes, size_t found, struct store *store)
{
	while (bytes >= wanted.header_bytes) {
		size_t length = wanted.header_bytes + 8 * ((size_t)entry[wanted.events_offset] + entry[wanted.statuses_offset]);
		if (length > bytes)
			break;
		if (is_wanted(entry, length)) {
			store->places[found % PLACES].length = length;
			memcpy(store->places[found % PLACES].record, entry, length);
			found++;
		}
		entry += length;
		bytes -= length;
	}
	return found;
}

// Keeps the newest records; those that were read are still there while the ring has not been filled once.
static void take_records(int ring, size_t bytes, struct store *store)
{
	const unsigned char *pages = mmap(NULL, PAGE + 2 * bytes, PROT_READ, MAP_SHARED, ring, PAGE);
	if (pages == MAP_FAILED)
		fail("the ring");
	uint64_t end = *(const volatile uint64_t *)pages;
	if (end > bytes) {
		fprintf(stderr, "the ring was filled more than once: record less before\n");
		exit(1);
	}
	size_t found = 0;
	for (uint64_t at = 0; at < end;) {
		const unsigned char *head = pages + PAGE + at;
		uint32_t length = *(const uint32_t *)(const void *)head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		found = take_entry(head + BPF_RINGBUF_HDR_SZ, length, found, store);
		at += (BPF_RINGBUF_HDR_SZ + length + 7) & ~7u;
	}
	if (found < PLACES) {
		fprintf(stderr, "%zu records in the ring are too few\n", found);
		exit(1);
	}
}

#define INSTRUCTION(c, to, from, o, i) ((struct bpf_insn){ .code = (c), .dst_reg = (to), .src_reg = (from), .off = (o), .imm = (i) })
#define MOVE(to, from) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define SET(to, number) INSTRUCTION(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, number)
#define ADD(to, number) INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, number)
#define LOAD(to, from, offset) INSTRUCTION(BPF_LDX | BPF_MEM | BPF_DW, to, from, offset, 0)
#define STORE(to, offset, from) INSTRUCTION(BPF_STX | BPF_MEM | BPF_DW, to, from, offset, 0)
#define CALL(helper) INSTRUCTION(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define MAP(to, kind, map) INSTRUCTION(BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, map), INSTRUCTION(0, 0, 0, 0, 0)

// Copies the next record into the ring.
static int load(int ring, int store, int flags)
{
	const struct bpf_insn program[] = {
		MAP(6, BPF_PSEUDO_MAP_VALUE, store),
		LOAD(7, 6, 0),
		MOVE(8, 7),
		ADD(8, 1),
		STORE(6, 0, 8),
		INSTRUCTION(BPF_ALU64 | BPF_AND | BPF_K, 7, 0, 0, PLACES - 1),
		INSTRUCTION(BPF_ALU64 | BPF_MUL | BPF_K, 7, 0, 0, PLACE),
		MOVE(8, 6),
		ADD(8, PLACE),
		INSTRUCTION(BPF_ALU64 | BPF_ADD | BPF_X, 8, 7, 0, 0),
		CALL(HELPER_KTIME_GET_NS),
		STORE(8, 8, 0),
		LOAD(3, 8, 0),
		INSTRUCTION(BPF_JMP | BPF_JGT | BPF_K, 3, 0, 10, PLACE - 8),
		MAP(1, BPF_PSEUDO_MAP_FD, ring),
		MOVE(2, 8),
		ADD(2, 8),
		SET(4, flags),
		CALL(HELPER_RINGBUF_OUTPUT),
		INSTRUCTION(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3, 0),
		LOAD(1, 6, 8),
		ADD(1, 1),
		STORE(6, 8, 1),
		SET(0, 0),
		INSTRUCTION(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static char log[1 << 16];
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (__u64)(unsigned long)program,
		.insn_cnt = sizeof(program) / sizeof(*program),
		.license = (__u64)(unsigned long)"GPL",
		.log_buf = (__u64)(unsigned long)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int loaded = bpf(BPF_PROG_LOAD, &attributes);
	if (loaded < 0) {
		fprintf(stderr, "%s\n", log);
		fail("the program");
	}
	return loaded;
}

static void run(int program, uint32_t times)
{
	static unsigned char packet[PACKET];
	union bpf_attr attributes = { .test = {
		.prog_fd = (__u32)program,
		.data_in = (__u64)(unsigned long)packet,
		.data_size_in = PACKET,
		.repeat = times,
	} };
	if (times && bpf(BPF_PROG_TEST_RUN, &attributes))
		fail("a run of the program");
}

// Runs the program `count` times, and in its place the one that wakes the reader, where another quarter of the ring has been written.
static void produce(uint64_t count, int quiet, int waking, size_t quarter, const struct store *store)
{
	static uint64_t next, written;
	uint32_t waits = 0;
	for (; count; count--) {
		uint64_t before = written;
		written += store->places[next++ % PLACES].length;
		if (before / quarter == written / quarter) {
			waits++;
			continue;
		}
		run(quiet, waits);
		run(waking, 1);
		waits = 0;
	}
	run(quiet, waits);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	static struct store store;
	if (argc != 10) {
		fprintf(stderr, "producer OP_OFFSET FLAGS_OFFSET EVENTS_OFFSET STATUSES_OFFSET HEADER_BYTES FLAGS OPS RATE SECONDS\n");
		return 2;
	}
	size_t *const offsets[] = { &wanted.op_offset, &wanted.flags_offset, &wanted.events_offset, &wanted.statuses_offset,
				    &wanted.header_bytes };
	for (int i = 0; i < 5; i++)
		*offsets[i] = strtoul(argv[1 + i], NULL, 0);
	for (int i = 0; i < 4; i++)
		if (*offsets[i] >= wanted.header_bytes) {
			fprintf(stderr, "a header ends before what it has\n");
			return 2;
		}
	wanted.flags = strtoul(argv[6], NULL, 0);
	wanted.ops = strtoul(argv[7], NULL, 0);
	uint64_t rate = strtoul(argv[8], NULL, 0), duration_ns = strtoul(argv[9], NULL, 0) * 1000000000u;
	size_t bytes;
	int ring = find_ring(&bytes);
	take_records(ring, bytes, &store);

	union bpf_attr attributes = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = sizeof(store), .max_entries = 1 };
	uint32_t key = 0;
	int kept = bpf(BPF_MAP_CREATE, &attributes);
	union bpf_attr update = { .map_fd = (__u32)kept, .key = (__u64)(unsigned long)&key, .value = (__u64)(unsigned long)&store };
	if (kept < 0 || bpf(BPF_MAP_UPDATE_ELEM, &update))
		fail("a map");
	int quiet = load(ring, kept, BPF_RB_NO_WAKEUP), waking = load(ring, kept, BPF_RB_FORCE_WAKEUP);

	uint64_t start_ns = now_ns(CLOCK_MONOTONIC), cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID), produced = 0, passed_ns = 0;
	while (passed_ns < duration_ns) {
		usleep(TICK_NS / 1000);
		passed_ns = now_ns(CLOCK_MONOTONIC) - start_ns;
		uint64_t due = rate * passed_ns / 1000000000u - produced;
		produce(due, quiet, waking, bytes / 4, &store);
		produced += due;
	}
	cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &update))
		fail("the counters");
	if (store.next != produced) {
		fprintf(stderr, "%llu runs instead of %llu\n", (unsigned long long)store.next, (unsigned long long)produced);
		return 1;
	}
	printf("%llu %llu %llu %llu\n", (unsigned long long)produced, (unsigned long long)store.refused,
	       (unsigned long long)passed_ns, (unsigned long long)cpu_ns);
	return 0;
}
