"""The form's bytes, in pieces of every size."""

import pytest

from server.uploads.form import FormFields, UploadForm
from tuning.errors import InvalidInput

KNOWN = FormFields("file", frozenset({"name"}), "send a form")

BODY = (
    b'--XX\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xe6\x97\xa5\xe8\x8b\xb1\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a b.jsonl"\r\n'
    b"Content-Type: application/json\r\n\r\n{}\r\n--X\r\n\r\n--XX--\r\n"
)


class _Kept:
    def __init__(self) -> None:
        self.content = b""

    def write(self, chunk: bytes) -> None:
        self.content += chunk


@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000])
def test_the_file_goes_to_the_sink_and_the_fields_are_held(size: int) -> None:
    kept = _Kept()
    form = UploadForm(b"XX", kept, KNOWN)
    for start in range(0, len(BODY), size):
        form.feed(BODY[start : start + size])
    form.finish()
    assert (kept.content, form.filename, form.fields) == (b"{}\r\n--X\r\n", "a b.jsonl", {"name": "日英"})


@pytest.mark.parametrize("end", range(len(BODY) - 4))
def test_a_form_that_breaks_off_anywhere_is_refused(end: int) -> None:
    with pytest.raises(InvalidInput, match="broke off"):
        _feed(BODY[:end])


@pytest.mark.parametrize("boundary", [None, b""])
def test_a_form_without_a_boundary_is_refused(boundary: bytes | None) -> None:
    with pytest.raises(InvalidInput, match="no multipart form"):
        UploadForm(boundary, _Kept(), KNOWN)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b'Content-Disposition: form-data; name="size"\r\n\r\n1', "there is no field 'size'"),
        (b"Content-Disposition: form-data\r\n\r\n1", "there is no field ''"),
        (b'Content-Disposition: form-data; name="name"\r\n\r\n' + b"a" * 5000, "name is too long"),
        (b'Content-Disposition: form-data; name="name"\r\n\r\n\xff', "name is not UTF-8"),
        (b'Content-Disposition: form-data; name="name"\r\n\r\na', "file is missing"),
        (b"no header\r\n\r\n", "the multipart form is broken"),
        (b"X: " + b"a" * 100_000 + b"\r\n\r\n", "the multipart form is broken"),
    ],
)
def test_a_broken_form_is_refused_with_what_is_wrong(part: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        _feed(b"--XX\r\n" + part + b"\r\n--XX--\r\n")


def test_a_second_file_is_refused() -> None:
    file = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n'
    with pytest.raises(InvalidInput, match="file comes twice"):
        _feed(file + file + b"--XX--\r\n")


def _feed(body: bytes) -> None:
    form = UploadForm(b"XX", _Kept(), KNOWN)
    form.feed(body)
    form.finish()


@pytest.mark.parametrize("head", [b"X: " + b"a" * 10_000, b"\r\n".join(b"X%d: a" % number for number in range(5000))])
def test_a_part_with_a_long_head_is_refused(head: bytes) -> None:
    with pytest.raises(InvalidInput, match="broken: Maximum header"):
        _feed(b"--XX\r\n" + head + b"\r\n\r\nx\r\n--XX--\r\n")
