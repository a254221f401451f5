"""Answers are cut out of what comes over a connection, wherever its packets end."""

import pytest

from tests.bench.clients.http_answers import HttpAnswer, HttpAnswers

FULL = b'HTTP/1.1 200 OK\r\ncontent-length: 4\r\netag: W/"3-0"\r\ncontent-type: application/json\r\n\r\n{"a"'
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\ndate: now\r\netag: W/"3-0"\r\n\r\n'
WANTED = [HttpAnswer(200, b'W/"3-0"', b'{"a"'), HttpAnswer(304, b'W/"3-0"', b""), HttpAnswer(200, b'W/"3-0"', b'{"a"')]


@pytest.mark.parametrize("size", [1, 7, 60, 10_000])
def test_answers_in_packets_of_any_size(size: int) -> None:
    stream, answers = FULL + UNCHANGED + FULL, HttpAnswers()
    packets = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [answer for packet in packets for answer in answers.feed(packet)] == WANTED


def test_an_answer_without_a_tag() -> None:
    assert [*HttpAnswers().feed(b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n")] == [HttpAnswer(429, None, b"")]
