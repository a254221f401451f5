"""Targets of notices: which URLs are taken, and which addresses are connected to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.notices.targets import Target, check_mail, check_url, mail_address, refusal, target_of

INSIDE = [
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    str(ipaddress.IPv4Address(0)), "0.1.2.3", "100.64.0.1", "100.127.255.255", "224.0.0.1", "239.1.1.1",
    "255.255.255.255", "240.0.0.1", "192.0.0.8", "198.18.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "::", "::1",
    "fe80::1", "fe80::1%2", "fc00::1", "fd12::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1",
    "2002:7f00:1::1", "2001:0:1::1", "::7f00:1", "2001:db8::1", "fec0::1", "100::1", "5f00::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("text", INSIDE)
def test_an_address_inside_is_refused_with_a_reason(text: str) -> None:
    reason = refusal(ipaddress.ip_address(text), ())
    assert reason is not None
    assert reason.startswith(f"{ipaddress.ip_address(text)} is ")


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_public_address_is_connected_to(text: str) -> None:
    assert refusal(ipaddress.ip_address(text), ()) is None


def test_what_the_operator_allows_is_connected_to_and_no_more() -> None:
    allowed = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/32"))
    assert refusal(ipaddress.ip_address("10.1.2.3"), allowed) is None
    assert refusal(ipaddress.ip_address("fd00:1::5"), allowed) is None
    assert refusal(ipaddress.ip_address("10.2.0.1"), allowed) is not None
    assert refusal(ipaddress.ip_address("::ffff:10.1.2.3"), allowed) is not None


@given(st.ip_addresses())
def test_whatever_python_calls_private_is_refused(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    is_special = not address.is_global or address.is_multicast
    if is_special:
        assert refusal(address, ()) is not None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.org", Target(True, "hooks.example.org", 443, "/")),
        ("http://Example.org/a?b=c", Target(False, "example.org", 80, "/a?b=c")),
        ("https://example.org:8443/x%20y", Target(True, "example.org", 8443, "/x%20y")),
        ("https://[2606:4700::1111]:443/", Target(True, "2606:4700::1111", 443, "/")),
        ("https://bücher.example/", Target(True, "xn--bcher-kva.example", 443, "/")),
    ],
)
def test_a_good_url_is_taken_apart(url: str, target: Target) -> None:
    assert check_url(url, ()) == []
    assert target_of(url) == target


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.org/", "no URL"),
        ("file:///etc/passwd", "no URL"),
        ("gopher://example.org/", "no URL"),
        ("example.org", "no URL"),
        ("https://", "no URL"),
        ("https:///path", "no URL"),
        ("https://example.org/#part", "no URL"),
        ("https://example.org:99999/", "no URL"),
        ("https://[::1", "no URL"),
        ("https://" + "a" * 3000, "no URL"),
        ("https://example.org/a b", "no URL"),
        ("https://example.org/ä", "characters"),
        ("https://exa mple.org/", "no URL"),
        ("https://example.org/\r\n\tx", "no URL"),
        ("https://user:pass@example.org/", "user or password"),
        ("https://user@example.org/", "user or password"),
        ("http://example.org:25/", "port 25"),
        ("http://example.org:22/", "port 22"),
        ("http://example.org:6379/", "port 6379"),
        ("http://127.0.0.1/", "loopback"),
        ("http://[::1]:8080/", "loopback"),
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://localhost:9000/", "loopback"),
        ("http://a.localhost/", "loopback"),
        ("http://10.0.0.7/", "private"),
    ],
)
def test_a_bad_url_is_refused_in_words(url: str, words: str) -> None:
    found = check_url(url, ())
    assert [finding.loc for finding in found] == [("url",)]
    assert words in found[0].message
    assert found[0].hint


def test_a_receiver_inside_is_taken_where_the_operator_allows_it() -> None:
    allowed = (ipaddress.ip_network("127.0.0.0/8"),)
    assert check_url("http://127.0.0.1:8080/", allowed) == []
    assert check_url("http://localhost:8080/", allowed) == []


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    check_url(text, ())
    check_url(f"https://{text}", ())
    check_mail(text)


@pytest.mark.parametrize("address", ["ada@example.org", "a.b+c@mail.example.org", "x@host"])
def test_a_plain_address_is_taken_for_mail(address: str) -> None:
    assert check_mail(f"mailto:{address}") == []
    assert mail_address(f"mailto:{address}") == address


@pytest.mark.parametrize(
    "url",
    [
        "ada@example.org", "mailto:", "mailto:ada", "mailto:ada@", "mailto:a@b,c@d", "mailto:a@b.org?cc=x@y.org",
        "mailto:a@b\r\nBcc: c@d", "mailto:<a@b>", "mailto:a b@c.org", "mailto:ä@b.org", f"mailto:{300 * 'a'}@b.org",
    ],
)  # fmt: skip
def test_what_is_more_than_one_plain_address_is_refused(url: str) -> None:
    assert check_mail(url)[0].loc == ("url",)
