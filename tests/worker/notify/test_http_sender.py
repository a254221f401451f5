"""HTTP tries against a real receiver that fails, hangs, redirects and lies."""

import ipaddress
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.worker.notify.receivers import LOOPBACK, QuietServer, Receiver, drip, free_port, hang, raw, receiver, status
from tuning.notices.claims import Outcome
from tuning.notices.targets import Address, Network, Target, target_of
from worker.notify.http_sender import HttpSender

HERE: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.1/32"),)
HOST = "receiver.example"


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


class Names:
    """A resolver that says what it is told, answer by answer, and remembers what it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(text) for text in found]


def sender(
    names: Names | None = None,
    allowed: Sequence[Network] = HERE,
    seconds: float = 5.0,
    stop: threading.Event | None = None,
) -> HttpSender:
    return HttpSender(allowed, stop or threading.Event(), names or Names([LOOPBACK]), seconds)


def post(told: Receiver, seconds: float = 5.0) -> Outcome:
    return sender(seconds=seconds).post(Target(False, HOST, told.port, "/hook?a=b"), b"{}", {"X-Word": "one"})


def test_a_notice_arrives_with_its_path_headers_and_body(told: Receiver) -> None:
    assert post(told) == Outcome(True, 204)
    (got,) = told.got
    assert (got.path, got.body, got.headers["X-Word"]) == ("/hook?a=b", b"{}", "one")
    assert got.headers["Host"] == f"{HOST}:{told.port}"


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_means_that_it_arrived(told: Receiver, code: int) -> None:
    told.answers = [status(code)]
    assert post(told) == Outcome(True, code)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 429, 500, 502, 503, 199, 600])
def test_any_other_status_is_a_failure_with_its_number(told: Receiver, code: int) -> None:
    told.answers = [status(code)]
    found = post(told)
    assert (found.is_delivered, found.status) == (False, code)
    assert str(code) in (found.error or "")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_says_so(told: Receiver, code: int) -> None:
    with receiver() as other:
        told.answers = [status(code, Location=other.url)]
        found = post(told)
        assert (found.is_delivered, found.status, len(other.got)) == (False, code, 0)
    assert "redirects are not followed" in (found.error or "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "ended the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
        (b"\x00\xff" * 100, "no HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500, "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "no HTTP"),
    ],
)
def test_what_is_no_http_is_a_failure_in_words(told: Receiver, content: bytes, words: str) -> None:
    told.answers = [raw(content)]
    found = post(told)
    assert not found.is_delivered
    assert words in (found.error or "")


@pytest.mark.parametrize("body", [b"garbage", b"", b"\x00" * 100_000])
def test_after_a_2xx_the_body_does_not_matter(told: Receiver, body: bytes) -> None:
    told.answers = [raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nContent-Type: lies\r\n\r\n" + body)]
    assert post(told) == Outcome(True, 200)


def test_an_endless_body_is_not_waited_for(told: Receiver) -> None:
    told.answers = [drip(told, b"HTTP/1.1 200 OK\r\n\r\n")]
    assert post(told) == Outcome(True, 200)


def test_a_receiver_that_hangs_is_given_up(told: Receiver) -> None:
    told.answers = [hang(told)]
    found = post(told, seconds=0.3)
    assert (found.is_delivered, found.status) == (False, None)
    assert "gave no answer within" in (found.error or "")


def test_a_head_that_drips_for_ever_is_given_up(told: Receiver) -> None:
    told.answers = [drip(told, b"HTTP/1.1 200 OK\r\nX: ")]
    assert "gave no answer within" in (post(told, seconds=0.5).error or "")


def test_the_workers_end_breaks_a_try_off(told: Receiver) -> None:
    stop = threading.Event()
    told.answers = [hang(told)]

    def stop_then() -> None:
        told.arrived.acquire()
        stop.set()

    thread = threading.Thread(target=stop_then)
    thread.start()
    found = sender(seconds=60.0, stop=stop).post(Target(False, HOST, told.port, "/"), b"", {})
    thread.join()
    assert not found.is_delivered


def test_a_port_where_nobody_listens_is_a_failure() -> None:
    found = sender().post(Target(False, HOST, free_port(), "/"), b"{}", {})
    assert found.error is not None
    assert found.error.startswith(f"no connection to {HOST}: ")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "100.64.0.1"]
)
def test_a_name_that_leads_inside_is_refused_before_any_connection(told: Receiver, address: str) -> None:
    found = sender(Names([address]), allowed=()).post(Target(False, HOST, told.port, "/"), b"{}", {})
    assert "packtrain sends no notices there" in (found.error or "")
    assert told.got == []


def test_a_name_is_looked_up_once_and_its_checked_address_connected_to(told: Receiver) -> None:
    names = Names([LOOPBACK], ["10.0.0.1"])
    assert sender(names).post(Target(False, HOST, told.port, "/"), b"{}", {}).is_delivered
    assert names.asked == [HOST]


def test_of_several_addresses_only_allowed_ones_are_tried(told: Receiver) -> None:
    names = Names(["10.0.0.1", "127.0.0.2", LOOPBACK])
    assert sender(names).post(Target(False, HOST, told.port, "/"), b"{}", {}).is_delivered


def test_of_very_many_addresses_a_few_are_tried() -> None:
    """Nobody listens at any: each takes the time of a connection."""
    port, nobodys = free_port(), [f"127.0.1.{number}" for number in range(9)]
    here = (ipaddress.ip_network("127.0.0.0/8"),)
    found = sender(Names([*nobodys[:4], LOOPBACK]), here).post(Target(False, HOST, port, "/"), b"{}", {})
    assert "no connection" in (found.error or "")
    with receiver() as running:
        found = sender(Names([*nobodys[:4], LOOPBACK]), here).post(Target(False, HOST, running.port, "/"), b"{}", {})
    assert "no connection" in (found.error or ""), "the fifth is not asked"


def test_a_name_that_is_not_there_is_a_failure() -> None:
    def unknown(host: str, port: int) -> Sequence[Address]:
        raise OSError(-2, "Name or service not known")

    found = HttpSender(HERE, threading.Event(), unknown).post(target_of("http://nowhere.example/"), b"", {})
    assert found.error == "no connection to nowhere.example: Name or service not known"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with QuietServer((LOOPBACK, 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        found = sender().post(Target(True, HOST, server.server_address[1], "/"), b"{}", {})
        thread.join()
    assert "the certificate of receiver.example does not hold" in (found.error or "")
