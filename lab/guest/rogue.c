// A front end of dom0's own, without a driver, that asks a back end for what was not granted. Run it as root in dom0, where xenstore is.
//
//   rogue ring     a network card with a ring that was not granted
//   rogue block    a disk with a good ring, and one request for as many pages as fit, of which the last was not granted
//   rogue net      a network card with good rings, and one frame that was not granted
//
// It waits until the back end has refused that and is gone, and says which operations that makes in the kernel, a line for each:
// operation, what its caller's name begins with, references, and how many of them are bad.
//
// Rings and requests: xen/include/public/io/{ring,blkif,netif}.h of Xen 4.17.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint32_t grant_ref_t;
typedef uint16_t domid_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>

enum {
	PAGE = 4096,
	PAGES = 2,
	SEGMENTS = 11,
	TRIES = 3000,
	PAUSE_US = 10000,
	// enum xenbus_state
	INITIALISING = 1,
	INITIALISED = 3,
	CONNECTED = 4,
	CLOSED = 6,
	// Both back ends answer so.
	ERROR = -1,
};

// Beyond every grant table.
static const uint32_t BAD_REF = 1u << 30;

struct ring {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
	unsigned char entries[];
};

struct block_request {
	uint8_t operation, segments;
	uint16_t handle;
	uint32_t pad;
	uint64_t id, sector;
	struct {
		uint32_t ref;
		uint8_t first_sector, last_sector;
	} segment[SEGMENTS];
};

struct block_response {
	uint64_t id;
	uint8_t operation;
	int16_t status;
};

struct net_request {
	uint32_t ref;
	uint16_t offset, flags, id, size;
};

struct net_response {
	uint16_t id;
	int16_t status;
};

static struct {
	const char *kind; // vbd or vif
	unsigned number;
	uint32_t refs[PAGES];
	struct ring *rings[PAGES];
	int events;
	unsigned port;
} card;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

// The two ends have a folder each in xenstore. The front end's is not where dom0's own drivers look for devices.
enum end { FRONT, BACK };

static void path(char room[64], enum end end)
{
	if (end == FRONT)
		snprintf(room, 64, "/local/domain/0/rogue/%u", card.number);
	else
		snprintf(room, 64, "/local/domain/0/backend/%s/0/%u", card.kind, card.number);
}

static void store(enum end end, const char *name, const char *format, ...)
{
	char value[64], folder[64], command[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	path(folder, end);
	snprintf(command, sizeof(command), "xenstore-write %s/%s %s", folder, name, value);
	if (system(command))
		fail(command);
}

static void await(const char *what, int (*came)(void))
{
	for (int tries = 0; !came(); tries++) {
		if (tries == TRIES) {
			fprintf(stderr, "timed out waiting for: %s\n", what);
			exit(1);
		}
		usleep(PAUSE_US);
	}
}

static int back_end_is_connected(void)
{
	char folder[64], command[256];
	path(folder, BACK);
	snprintf(command, sizeof(command), "[ \"$(xenstore-read %s/state)\" = %d ]", folder, CONNECTED);
	return !system(command);
}

static int back_end_gave_up(void)
{
	char command[256];
	snprintf(command, sizeof(command), "xenstore-read /local/domain/0/error/backend/%s/0/%u/error >/dev/null 2>&1", card.kind, card.number);
	return !system(command);
}

static int back_end_is_gone(void)
{
	char device[64];
	snprintf(device, sizeof(device), "/sys/bus/xen-backend/devices/%s-0-%u", card.kind, card.number);
	return access(device, F_OK) < 0;
}

static void notify(void)
{
	struct ioctl_evtchn_notify request = { .port = card.port };
	if (ioctl(card.events, IOCTL_EVTCHN_NOTIFY, &request) < 0)
		fail("to notify the back end");
}

// A back end that was not listening yet has missed the notification: it is repeated once a second, which a ring allows.
static int has_answered(void)
{
	static unsigned int looks;
	if (++looks % (1000000 / PAUSE_US) == 0)
		notify();
	return __atomic_load_n(&card.rings[0]->rsp_prod, __ATOMIC_ACQUIRE) == 1;
}

// Grants pages to this domain itself, where the back end is.
static void grant_rings(void)
{
	struct {
		struct ioctl_gntalloc_alloc_gref head;
		uint32_t more[PAGES];
	} argument = { .head = { .domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = PAGES } };
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	if (gntalloc < 0 || ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &argument) < 0)
		fail("gntalloc");
	memcpy(card.refs, argument.head.gref_ids, sizeof(card.refs));
	unsigned char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, (off_t)argument.head.index);
	if (pages == MAP_FAILED)
		fail("mmap of gntalloc");
	for (int page = 0; page < PAGES; page++) {
		card.rings[page] = (struct ring *)(pages + page * PAGE);
		card.rings[page]->req_event = card.rings[page]->rsp_event = 1;
	}
}

static void open_port(void)
{
	struct ioctl_evtchn_bind_unbound_port unbound = { .remote_domain = 0 };
	card.events = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	int port = card.events < 0 ? -1 : ioctl(card.events, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	if (port < 0)
		fail("an event channel");
	card.port = (unsigned)port;
}

// What follows is what a toolstack does for a device, and a driver for its end of it.
static void offer_device(int front_state)
{
	char front[64];
	path(front, FRONT);
	store(FRONT, "event-channel", "%u", card.port);
	store(FRONT, "state", "%d", front_state);
	store(BACK, "frontend", "%s", front);
	store(BACK, "frontend-id", "0");
	store(BACK, "online", "1");
	store(BACK, "state", "%d", INITIALISING);
}

static void offer_disk(uint32_t ring)
{
	store(FRONT, "ring-ref", "%u", ring);
	store(BACK, "dev", "rogue");
	store(BACK, "physical-device", "7:0");
	store(BACK, "mode", "r");
	offer_device(INITIALISED);
}

static void offer_network_card(uint32_t sends, uint32_t receives)
{
	store(FRONT, "tx-ring-ref", "%u", sends);
	store(FRONT, "rx-ring-ref", "%u", receives);
	store(FRONT, "request-rx-copy", "1");
	store(FRONT, "feature-rx-notify", "1");
	store(BACK, "handle", "%u", card.number);
	store(BACK, "mac", "00:16:3e:00:00:%02x", card.number);
	store(BACK, "script", "vif");
	store(BACK, "hotplug-status", "connected");
	offer_device(CONNECTED);
}

// Hands the one request over that was put into the ring, and waits for the answer.
static void hand_over(void)
{
	__atomic_store_n(&card.rings[0]->req_prod, 1, __ATOMIC_RELEASE);
	notify();
	await("for the answer", has_answered);
}

static void expect_error(int status)
{
	if (status == ERROR)
		return;
	fprintf(stderr, "the back end answered %d\n", status);
	exit(1);
}

static void read_disk(void)
{
	struct block_request *request = (struct block_request *)card.rings[0]->entries;
	// Answers lie where requests lay.
	const struct block_response *response = (struct block_response *)card.rings[0]->entries;
	request->segments = SEGMENTS;
	for (int segment = 0; segment < SEGMENTS; segment++)
		request->segment[segment].ref = segment < SEGMENTS - 1 ? card.refs[1] : BAD_REF;
	await("for the disk", back_end_is_connected);
	hand_over();
	expect_error(response->status);
}

// A new card is announced before it can be raised.
static int network_card_is_up(void)
{
	char command[64];
	snprintf(command, sizeof(command), "ip link set vif0.%u up 2>/dev/null", card.number);
	return !system(command);
}

static void send_frame(void)
{
	struct net_request *request = (struct net_request *)card.rings[0]->entries;
	const struct net_response *response = (struct net_response *)card.rings[0]->entries;
	request->ref = BAD_REF;
	request->size = 1400; // more than is copied: the rest is to be mapped
	await("for the network card", back_end_is_connected);
	await("to raise the network card", network_card_is_up);
	hand_over();
	expect_error(response->status);
}

static void take_away(void)
{
	store(BACK, "online", "0");
	store(FRONT, "state", "%d", CLOSED);
	await("for the back end to go", back_end_is_gone);
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	grant_rings();
	open_port();
	if (!strcmp(what, "ring")) {
		card.kind = "vif";
		card.number = 1;
		offer_network_card(BAD_REF, card.refs[1]);
		await("for the back end to give up", back_end_gave_up);
		puts("batch_map xenbus_ 1 1");
	} else if (!strcmp(what, "block")) {
		card.kind = "vbd";
		card.number = 51968;
		offer_disk(card.refs[0]);
		read_disk();
		printf("map_refs xen_blkbk_ %d 1\n", SEGMENTS);
	} else if (!strcmp(what, "net")) {
		card.kind = "vif";
		card.number = 2;
		offer_network_card(card.refs[0], card.refs[1]);
		send_frame();
		puts("batch_copy xenvif_ 1 1\nmap_refs xenvif_ 1 1");
	} else {
		fprintf(stderr, "rogue ring | rogue block | rogue net\n");
		return 2;
	}
	take_away();
	return 0;
}
