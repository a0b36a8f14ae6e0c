"""Where a webhook may go: to public addresses, and to the one that was looked at.

Whoever sets the URL, or answers for its name in DNS, reaches nothing through us that they could not
reach themselves: no instance metadata, no service on a private address (OWASP "Server-Side Request
Forgery Prevention Cheat Sheet"; Standard Webhooks, "Server side request forgery").
"""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# IANA "Internet Protocol Version 6 Address Space": nothing outside is global unicast. So neither
# mapped (::ffff:0:0/96) nor translated (64:ff9b::/96) IPv4 addresses are in it.
GLOBAL_UNICAST = ip_network("2000::/3")
SIX_TO_FOUR = ip_network("2002::/16")  # RFC 3056: it leads to the IPv4 address inside


class UnreachableError(Exception):
    """The receiver has no address that may be dialled; the message says why, and names none."""


def addresses_of(host: str, port: int, *, allow_loopback: bool = False) -> list[str]:
    """The IP addresses of a host, all of them public, in the resolver's order.

    `allow_loopback` is for a receiver on the developer's own machine. Raises UnreachableError,
    also where only some of them are public: DNS that mixes both is broken or hostile.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError("its name is not known") from error
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    for address in addresses:
        ip = ip_address(address)
        if not (is_public(ip) or (allow_loopback and ip.is_loopback)):
            raise UnreachableError("its address is not public")
    return addresses


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Whether everybody reaches the same host there (IANA special-purpose address registries)."""
    if isinstance(ip, IPv6Address) and (ip not in GLOBAL_UNICAST or ip in SIX_TO_FOUR):
        return False
    return ip.is_global and not ip.is_multicast
