// Sends raw frames through a network card, and counts those that arrive: no protocol of the internet is needed for that.
//
//   frames send INTERFACE COUNT SIZE     sends a batch: COUNT frames of SIZE bytes, to the broadcast address
//   frames receive INTERFACE             says "listens" and comes back; a part of it stays, and says a line for each lot that
//                                        arrived: "COUNT frames of SIZE bytes, WHOLE whole"
//
// A frame carries its number and its lot's size, and is filled with bytes that follow from the number. A lot has arrived when its
// last frame has: what got lost before is missing from WHOLE, and what another frame's bytes are in is not whole.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PROTOCOL = 0x88b5, // for local experiments (IEEE 802, "OUI Extended EtherType")
	LARGEST = 65535,
	ROOM_BYTES = 16 << 20, // for a whole batch that is not read yet
	RETRY_US = 1000,
};

struct frame {
	struct ethhdr ethernet;
	uint32_t number, count, size;
	unsigned char filling[];
} __attribute__((packed));

static union {
	struct frame frame;
	unsigned char bytes[LARGEST];
} room;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned char filling(uint32_t number, size_t at)
{
	return (unsigned char)(number * 31 + at);
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL) };
	address.sll_ifindex = (int)if_nametoindex(interface);
	if (!address.sll_ifindex)
		fail(interface);
	int size = ROOM_BYTES;
	int opened = socket(AF_PACKET, SOCK_RAW, htons(PROTOCOL));
	if (opened < 0 || setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    bind(opened, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("a socket for raw frames");
	return opened;
}

static void send_lot(int to, uint32_t count, uint32_t size)
{
	struct frame *frame = &room.frame;
	memset(frame->ethernet.h_dest, 0xff, ETH_ALEN);
	// Unassigned: of the range for local use.
	memcpy(frame->ethernet.h_source, (unsigned char[]){ 2, 0, 0, 0, 0, 1 }, ETH_ALEN);
	frame->ethernet.h_proto = htons(PROTOCOL);
	frame->count = count;
	frame->size = size;
	for (frame->number = 0; frame->number < count; frame->number++) {
		for (size_t at = 0; at < size - sizeof(*frame); at++)
			frame->filling[at] = filling(frame->number, at);
		while (send(to, frame, size, 0) < 0) {
			// The card's queue is full.
			if (errno != ENOBUFS)
				fail("send");
			usleep(RETRY_US);
		}
	}
}

static int is_whole(const struct frame *frame, size_t size)
{
	if (size != frame->size)
		return 0;
	for (size_t at = 0; at < size - sizeof(*frame); at++)
		if (frame->filling[at] != filling(frame->number, at))
			return 0;
	return 1;
}

static void receive_lots(int from)
{
	struct frame *frame = &room.frame;
	uint32_t whole = 0;
	ssize_t size;
	// Ends with the interface.
	while ((size = recv(from, room.bytes, sizeof(room.bytes), 0)) > 0) {
		if ((size_t)size < sizeof(*frame))
			continue;
		whole += (uint32_t)is_whole(frame, (size_t)size);
		if (frame->number + 1 != frame->count)
			continue;
		printf("%u frames of %u bytes, %u whole\n", frame->count, frame->size, whole);
		fflush(stdout);
		whole = 0;
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "receive")) {
		int from = open_socket(argv[2]);
		puts("listens");
		fflush(stdout);
		pid_t stays = fork();
		if (stays < 0)
			fail("fork");
		if (stays == 0)
			receive_lots(from);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "send")) {
		unsigned long count = strtoul(argv[3], NULL, 10), size = strtoul(argv[4], NULL, 10);
		if (count && size >= sizeof(struct frame) && size <= LARGEST) {
			send_lot(open_socket(argv[2]), (uint32_t)count, (uint32_t)size);
			return 0;
		}
	}
	fprintf(stderr, "frames send INTERFACE COUNT SIZE | frames receive INTERFACE\n");
	return 2;
}
