"""Where webhooks never go: to addresses that are not public, and to whom is not the receiver."""

import socket
import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from functions.deliver_webhooks.addresses import UnreachableError, addresses_of, is_public
from functions.deliver_webhooks.receiver import NotTakenError, Receiver
from tests.webhooks import Inbox, receiving

KEY = ec.generate_private_key(ec.SECP256R1())
PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0.0.0.0"),
    *("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
    *("64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1"),
    *("fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "100::1", "5f00::1"),
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    assert not is_public(ip_address(address))
    for answers in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
        monkeypatch.setattr(socket, "getaddrinfo", resolving(answers))
        with pytest.raises(UnreachableError, match="not public"):
            addresses_of("hooks.example", 443)
        with pytest.raises(NotTakenError, match="not public"):
            Receiver("https://hooks.example/").post(b"{}", {})


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1"])
def test_a_public_address_is_not(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving([address, address]))
    assert addresses_of("hooks.example", 443) == [address]


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f000001", "017700000001", "localhost", "[::1]", "①②⑦.0.0.1"]
)
def test_another_way_to_write_loopback_is_refused_too(inbox: Inbox, host: str) -> None:
    with pytest.raises(NotTakenError, match=r"not public|not known"):
        Receiver(f"https://{host}:{inbox.port}/").post(b"{}", {})
    assert inbox.deliveries == []


def test_without_leave_nothing_goes_to_this_machine(inbox: Inbox) -> None:
    with pytest.raises(NotTakenError, match="not https"):
        Receiver(inbox.url).post(b"{}", {})
    with pytest.raises(NotTakenError, match="not public"):
        Receiver(inbox.url.replace("http:", "https:")).post(b"{}", {})
    assert inbox.deliveries == []


def test_a_port_that_there_is_not_is_said() -> None:
    with pytest.raises(NotTakenError, match="no such port"):
        Receiver("https://hooks.example:99999/").post(b"{}", {})


def test_a_name_that_nobody_knows_is_not_the_end() -> None:
    with pytest.raises(NotTakenError, match="not known"):
        Receiver("https://hooks.invalid/").post(b"{}", {})


def test_what_was_looked_at_is_what_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS that answers otherwise the second time is not asked a second time."""
    with receiving(server_tls("hooks.example")) as inbox:
        asked: list[str] = []

        def once(host: str, port: int, **_: Any) -> Any:
            asked.append(host)
            answers = ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]
            return resolving(answers)(host, port)

        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **more: (
                real(host, *rest, **more) if host == "127.0.0.1" else once(host, rest[0])
            ),
        )
        receiver = Receiver(
            f"https://hooks.example:{inbox.port}/",
            allow_loopback=True,
            tls=client_tls("hooks.example"),
        )
        receiver.post(b"{}", {})
        [delivery] = inbox.deliveries
        assert delivery.headers["host"] == f"hooks.example:{inbox.port}"
        assert asked == ["hooks.example"]


@pytest.mark.parametrize("trusts", [True, False], ids=["another name", "an unknown issuer"])
def test_a_certificate_must_be_of_the_name_and_trusted(
    monkeypatch: pytest.MonkeyPatch, trusts: bool
) -> None:
    with receiving(server_tls("other.example" if trusts else "localhost")) as inbox:
        tls = client_tls("other.example") if trusts else ssl.create_default_context()
        receiver = Receiver(f"https://localhost:{inbox.port}/", allow_loopback=True, tls=tls)
        monkeypatch.setattr(socket, "getaddrinfo", resolving(["127.0.0.1"]))
        with pytest.raises(NotTakenError, match="certificate"):
            receiver.post(b"{}", {})
        assert inbox.deliveries == []


def test_who_speaks_no_tls_gets_nothing(inbox: Inbox) -> None:
    url = inbox.url.replace("http:", "https:")
    with pytest.raises(NotTakenError, match="TLS"):
        Receiver(url, allow_loopback=True).post(b"{}", {})
    assert inbox.deliveries == []


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiving() as inbox:
        yield inbox


def resolving(addresses: list[str]) -> Any:
    """getaddrinfo that answers with these addresses."""

    def getaddrinfo(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]

    return getaddrinfo


@cache
def certificate(name: str) -> x509.Certificate:
    """Of a server of that name, by itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(KEY, hashes.SHA256())
    )


def server_tls(name: str) -> ssl.SSLContext:
    pem = certificate(name).public_bytes(serialization.Encoding.PEM)
    key = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.pem"
        path.write_bytes(pem + key)
        context.load_cert_chain(path)
    return context


def client_tls(name: str) -> ssl.SSLContext:
    """Trusts that server alone."""
    pem = certificate(name).public_bytes(serialization.Encoding.PEM)
    return ssl.create_default_context(cadata=pem.decode())
