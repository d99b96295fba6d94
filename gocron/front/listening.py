"""The socket at which check-ins come in: opened by any name, and shut without losing who came."""

import contextlib
import socket
import struct
from array import array

from gocron.errors import ConfigError

# All crontabs of a fleet fire in the same second; what waits here is answered, not refused.
BACKLOG = 4096

# From <linux/socket.h> and <linux/tcp.h>; Python has no names for these.
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_TCP_INFO_SIZE = 104
_ACCEPT_QUEUE_AT = 24

# A filter drops what begins a connection, a SYN without ACK, and lets all else pass. Each row is
# an instruction of the kernel's packet filter: code, jump if true, jump if false, operand.
_NOTHING_NEW = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header's flags
    (0x54, 0, 0, 0x12),  # of these ACK and SYN
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # then drop
    (0x06, 0, 0, 0xFFFF_FFFF),  # else pass
)


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host`, an address or a name of this host.

    Of a name's addresses the first that can be had counts, IPv4 before IPv6. Raises ConfigError.
    """
    failure: OSError | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in sorted(found, key=lambda one: one[0]):
            try:
                return _listen(family, address)
            except OSError as error:
                failure = failure or error
    except (OSError, UnicodeError) as error:
        failure = error if isinstance(error, OSError) else OSError(str(error))
    raise ConfigError(
        f"listen_host {host}, listen_port {port}",
        f"can't listen: {failure.strerror or failure}" if failure else "can't listen",
        "free the port or choose another",
    ) from None


def _listen(family: int, address: object) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # An answer leaves at once; the connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            # `::` takes IPv4 too, whatever the host's default is.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)  # type: ignore[arg-type]
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def hold_back(listener: socket.socket) -> None:
    """Let no further connection begin; those that wait to be accepted stay.

    A client that comes now asks again after a second, and meets whoever listens then. A socket
    that was shut instead would reset all that wait.
    """
    code = array("B", b"".join(struct.pack("HBBI", *row) for row in _NOTHING_NEW))
    program = struct.pack("HL", len(_NOTHING_NEW), code.buffer_info()[0])
    # A kernel without such filters goes on: who comes in the last moment is reset there.
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def let_in(listener: socket.socket) -> None:
    """Undo `hold_back`."""
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def is_anyone_waiting(listener: socket.socket) -> bool:
    """Tell whether a connection waits to be accepted, as far as the kernel tells."""
    try:
        told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    except OSError:
        return False
    waiting: int = struct.unpack_from("I", told.ljust(_TCP_INFO_SIZE, b"\0"), _ACCEPT_QUEUE_AT)[0]
    return waiting > 0
