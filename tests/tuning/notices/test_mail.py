"""Mail of notices."""

from email import message_from_bytes, policy

from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOON
from tests.tuning.notices.payloads import make_payload
from tuning.notices.mail import mail_of


def test_a_mail_says_which_job_and_why() -> None:
    mail = mail_of("packtrain@lab.example", "ada@example.org", "msg_1", make_payload(), NOON)
    assert (mail["From"], mail["To"]) == ("packtrain@lab.example", "ada@example.org")
    assert mail["Subject"] == "[packtrain] job.failed: wmt ja-en"
    assert mail["Message-ID"] == "<msg_1@lab.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "wmt ja-en (job_1, ada) failed: out of memory" in mail.get_content()
    assert "status: failed" in mail.get_content()


def test_a_carriage_return_in_a_name_makes_no_line_of_its_own() -> None:
    mail = mail_of(
        "packtrain@lab.example", "ada@example.org", "msg_1", make_payload(job_name="x\ry", message="a\rb"), NOON
    )
    assert "\nname: x y\n" in mail.get_content()


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_name_or_message_adds_a_header_or_breaks_the_mail(name: str, message: str) -> None:
    payload = make_payload(job_name=name, message=message)
    mail = mail_of("packtrain@lab.example", "ada@example.org", "msg_1", payload, NOON)
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    assert len(read["Subject"]) <= 200
    assert set(read.keys()) == set(mail.keys())
    assert read["To"] == "ada@example.org"
