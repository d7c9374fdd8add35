"""The switch of one lab network: a program of its own, sent to `python3 -` on L0.

    python3 -I - guest=IDENTITY SOCKET LARGEST

Guests' QEMUs connect to SOCKET (`-netdev stream`). Each frame has its length before it: 4 bytes,
big endian (QEMU's net/stream.c and net/net.c). It listens, prints its process id and goes to the
background; TERM ends it. LARGEST is the longest frame it passes on, in bytes.

Guests are untrusted: memory for each is bounded, a frame for one that does not read is lost as on
any switch, and one that breaks the framing is cut off. Needs Python 3.6 and nothing else.
"""

import os
import selectors
import signal
import socket
import stat
import sys
import time
from collections import OrderedDict

LENGTH = 4
ETHERNET = 14  # bytes of destination, source and type
CHUNK = 65536  # bytes read at once
LIES = 69632  # QEMU's NET_BUFSIZE (4096 + 65536): no frame of its is longer
BACKLOG = 262144  # bytes kept for one that does not read
ADDRESSES = 1024  # learnt behind one port; the oldest is forgotten
PORTS = 512
AGE = 300.0  # seconds that an address is believed, as on other switches (IEEE 802.1Q)


class Port:
    """One guest: what it has sent of a frame, and what it has not read yet."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.incoming = bytearray()
        self.skip = 0  # bytes of a frame that is too long
        self.outgoing = bytearray()
        self.addresses = OrderedDict()  # type: OrderedDict[bytes, float]

    def frames(self, data: bytes, largest: int) -> "list[bytes]":
        """The whole frames that came; ValueError when the framing is broken."""
        found = []  # type: list[bytes]
        self.incoming += data
        while True:
            cut = min(self.skip, len(self.incoming))
            del self.incoming[:cut]
            self.skip -= cut
            if self.skip or len(self.incoming) < LENGTH:
                return found
            size = int.from_bytes(self.incoming[:LENGTH], "big")
            if not 0 < size <= LIES:
                raise ValueError(size)
            if size > largest:
                self.skip = LENGTH + size
                continue
            if len(self.incoming) < LENGTH + size:
                return found
            found.append(bytes(self.incoming[LENGTH : LENGTH + size]))
            del self.incoming[: LENGTH + size]


class Switch:
    """Learns who is where, and passes frames on."""

    def __init__(self, listener: socket.socket, largest: int) -> None:
        self.listener = listener
        self.largest = largest
        self.selector = selectors.DefaultSelector()
        self.ports = []  # type: list[Port]
        self.table = {}  # type: dict[bytes, Port]
        self.listening = False
        self.listen(True)

    def serve(self) -> None:
        """Until a signal."""
        while True:
            ready = self.selector.select()
            if any(key.data is None for key, _ in ready):
                self.accept()  # first: who connected before a frame was sent shall get it
            for key, events in ready:
                port = key.data
                if events & selectors.EVENT_WRITE and port in self.ports:
                    self.send(port)
                if events & selectors.EVENT_READ and port in self.ports:
                    self.receive(port)

    def listen(self, wanted: bool) -> None:
        """Take connections or let them wait: without a free descriptor, accept() would spin."""
        if wanted and not self.listening:
            self.selector.register(self.listener, selectors.EVENT_READ, None)
        elif self.listening and not wanted:
            self.selector.unregister(self.listener)
        self.listening = wanted

    def accept(self) -> None:
        """All guests that wait."""
        while len(self.ports) < PORTS:
            try:
                stream, _ = self.listener.accept()
            except BlockingIOError:
                return
            except OSError:
                break
            stream.setblocking(False)
            port = Port(stream)
            self.ports.append(port)
            self.selector.register(stream, selectors.EVENT_READ, port)
        self.listen(not self.ports)  # else until one goes

    def drop(self, port: Port) -> None:
        """A guest has gone, or broke the framing."""
        self.ports.remove(port)
        for address in port.addresses:
            del self.table[address]
        self.selector.unregister(port.stream)
        port.stream.close()
        self.listen(True)

    def receive(self, port: Port) -> None:
        """Read once, pass on what is whole, and write to each receiver once."""
        try:
            data = port.stream.recv(CHUNK)
            frames = port.frames(data, self.largest)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            data, frames = b"", []
        receivers = []  # type: list[Port]
        for frame in frames:
            for receiver in self.receivers(port, frame):
                if self.queue(receiver, frame) and receiver not in receivers:
                    receivers.append(receiver)
        for receiver in receivers:
            self.send(receiver)
        if not data:
            self.drop(port)

    def receivers(self, port: Port, frame: bytes) -> "list[Port]":
        """Learn the source; the port of the destination, or all others when nobody knows it."""
        if len(frame) < ETHERNET:
            return []
        target, source = frame[:6], frame[6:12]
        if source[0] & 1:  # no card has the address of a group
            return []
        now = time.monotonic()
        self.learn(port, source, now)
        known = self.table.get(target)
        if known is None or now - known.addresses[target] > AGE:
            return [other for other in self.ports if other is not port]
        return [] if known is port else [known]

    def learn(self, port: Port, source: bytes, now: float) -> None:
        """Remember behind which port an address was seen last."""
        before = self.table.get(source)
        if before is not None and before is not port:
            del before.addresses[source]
        port.addresses[source] = now
        port.addresses.move_to_end(source)
        self.table[source] = port
        if len(port.addresses) > ADDRESSES:
            oldest, _ = port.addresses.popitem(last=False)
            del self.table[oldest]

    def queue(self, port: Port, frame: bytes) -> bool:
        """Add a frame to what a port shall get; one that is far behind loses it."""
        if len(port.outgoing) + LENGTH + len(frame) > BACKLOG:
            return False
        port.outgoing += len(frame).to_bytes(LENGTH, "big") + frame
        return True

    def send(self, port: Port) -> None:
        """Write what fits; the rest when there is room."""
        if port not in self.ports:
            return
        try:
            sent = port.stream.send(port.outgoing)
            del port.outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError:
            port.outgoing.clear()  # it has gone, which reading will tell
        events = selectors.EVENT_READ
        if port.outgoing:
            events |= selectors.EVENT_WRITE
        self.selector.modify(port.stream, events, port)


def remove_stale(path: str) -> None:
    """A switch that was killed leaves its socket; nobody listens there any more."""
    if not os.path.exists(path) or not stat.S_ISSOCK(os.lstat(path).st_mode):
        return
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
    finally:
        probe.close()


def listen_at(path: str) -> socket.socket:
    """A socket for this user only; OSError when something else is there already."""
    os.umask(0o077)
    remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(PORTS)
    listener.setblocking(False)
    return listener


def to_background() -> None:
    """Go on in a process of its own, of which the first one prints the id."""
    child = os.fork()
    if child:
        sys.stdout.write("%d\n" % child)
        sys.stdout.flush()
        os._exit(0)
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def main() -> None:
    """See above; the words of an OSError go to stderr."""
    path, largest = sys.argv[2], int(sys.argv[3])
    try:
        listener = listen_at(path)
    except OSError as problem:
        sys.exit("%s: %s" % (path, problem.strerror or problem))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    to_background()
    try:
        Switch(listener, largest).serve()
    finally:
        os.unlink(path)


if __name__ == "__main__":
    main()
