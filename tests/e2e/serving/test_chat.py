"""Talks with models that the lab cluster serves, by OpenAI's client, from a cold start on."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import httpx
import pytest
from openai import APIError, BadRequestError, OpenAI
from pydantic import SecretStr
from typer.testing import CliRunner

from container import image, lab, stack
from container.lab import models
from packtrain.cli.main import app as command_line
from tests.e2e.site import Site, second_site
from tuning.db.engine import open_engine, open_sessions
from tuning.jobs.models import Attempt
from tuning.jobs.serving.keys import start_key
from tuning.jobs.serving.servers import ModelServer
from tuning.secrets.cipher import Cipher
from tuning.tables import configure_tables

MODEL = "tiny-llama"
SERVING = "serve_gpus = 0\naccounting = "
READERS = 20
LOOKS = 10
FIRST_WORDS = """\
import json, sys, time, urllib.request
url, key, body, looks = sys.argv[1:]
head = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
for _ in range(int(looks)):
    began = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), head), timeout=120) as answer:
        lines = (json.loads(line[5:]) for line in answer if line.startswith(b"data:"))
        next(line for line in lines if line["choices"] and line["choices"][0]["delta"].get("content"))
        print(time.monotonic() - began)
        answer.read()
"""
"""Seconds to the first words of streamed answers, as a program measures them that sends plain HTTP."""


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A packtrain whose served models take no GPU, of which the lab has few."""
    folder = tmp_path_factory.mktemp("chatting")
    state = folder / "lab"
    configure_tables()
    try:
        cluster = lab.up(lab.Profile.TRIXIE, state, image=image.build("cpu"), models=models.build(), cpus=4, gpus=1)
        clusters = stack.clusters_toml(cluster).replace("accounting = ", SERVING, 1)
        with second_site(folder / "site", cluster, clusters, PACKTRAIN_ANSWERS_PER_PERSON="64") as site:
            yield site
    finally:
        lab.down(state)


@pytest.fixture
def openai(chatty: Site) -> Iterator[OpenAI]:
    """OpenAI's client, strict, which asks again as it does by itself."""
    env = chatty.env()
    url, token = f"{env['PACKTRAIN_URL']}/v1", env["PACKTRAIN_TOKEN"]
    with OpenAI(base_url=url, api_key=token, max_retries=20, _strict_response_validation=True) as client:
        yield client


def ask(openai: OpenAI, **fields: Any) -> Any:
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Who are you?"}], "max_tokens": 16}
    return openai.chat.completions.create(**{**asked, **fields})


def serving_job(site: Site) -> str:
    """The job that serves MODEL now."""
    with site.client() as client:
        return client.jobs(kind="serve", status=["running"])["data"][0]["id"]


def test_a_model_that_nobody_serves_is_started_and_waited_for(openai: OpenAI) -> None:
    answer = ask(openai)
    assert answer.model == MODEL
    assert 0 < answer.usage.completion_tokens <= 16


def test_an_answer_is_streamed_with_its_usage(openai: OpenAI) -> None:
    *chunks, last = ask(openai, stream=True, stream_options={"include_usage": True})
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")
    assert last.usage.completion_tokens > 0


def test_a_raw_prompt_goes_on(openai: OpenAI) -> None:
    answer = openai.completions.create(model=MODEL, prompt="Once upon", max_tokens=8)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8


def test_a_prompt_longer_than_the_context_is_refused(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="shorten it") as error:
        ask(openai, messages=[{"role": "user", "content": "word " * 60_000}])
    assert (error.value.code, error.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(BadRequestError) as error:
        openai.completions.create(model=MODEL, prompt="word " * 60_000)
    assert (error.value.code, error.value.param) == ("context_length_exceeded", "prompt")


def test_twenty_read_at_once_beside_one_who_reads_nothing(chatty: Site, openai: OpenAI) -> None:
    env = chatty.env()
    body = {"model": MODEL, "stream": True, "max_tokens": 200, "messages": [{"role": "user", "content": "Tell"}]}
    headers = {"Authorization": f"Bearer {env['PACKTRAIN_TOKEN']}"}
    url = f"{env['PACKTRAIN_URL']}/v1/chat/completions"
    with httpx.stream("POST", url, json=body, headers=headers, timeout=300), ThreadPoolExecutor(READERS) as pool:
        reads = [pool.submit(lambda: list(ask(openai, stream=True))) for _ in range(READERS)]
        ends = [read.result()[-1].choices[0].finish_reason for read in reads]
    assert set(ends) <= {"stop", "length"}


def test_the_way_through_the_tunnel_is_measured(chatty: Site, openai: OpenAI) -> None:
    ask(openai)
    direct, ours = _seconds_on_the_login_node(chatty), _seconds_by_packtrain(chatty)
    told = f"first words: {median(direct) * 1000:.1f} ms on the login node, {median(ours) * 1000:.1f} ms by packtrain"
    sys.stderr.write(f"{told}\n")
    assert len(direct) == len(ours) == LOOKS


def test_the_command_talks_in_a_pipe(chatty: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in chatty.env().items():
        monkeypatch.setenv(name, value)
    ended = CliRunner().invoke(command_line, ["chat", MODEL, "--max-tokens", "8"], input="Who are you?")
    assert ended.exit_code == 0, ended.output


def test_a_death_in_the_middle_of_an_answer_is_its_error_and_the_next_starts_it_again(
    chatty: Site, openai: OpenAI
) -> None:
    job_id = serving_job(chatty)
    stream = ask(openai, stream=True, max_tokens=100_000, temperature=0)  # by chance an answer may end at once
    next(stream)
    with chatty.client() as client:
        chatty.on_cluster(f"scancel --signal=KILL {client.job(job_id)['slurm_job_id']}")
    with pytest.raises(APIError):
        list(stream)
    assert ask(openai).usage.completion_tokens > 0
    assert serving_job(chatty) != job_id
    with chatty.client() as client:
        assert client.job(job_id)["status"] in ("failed", "cancelled"), "as Slurm calls it"


def test_tokens_are_counted(chatty: Site) -> None:
    with chatty.client() as client:
        (row,) = client.token_usage()["data"]
    assert row["model"] == MODEL
    assert row["requests"] > READERS


def _seconds_on_the_login_node(site: Site) -> list[float]:
    with open_sessions(open_engine(f"sqlite:///{site.state / 'packtrain.db'}"))() as session:
        job_id = serving_job(site)
        server, attempt = session.get_one(ModelServer, job_id), session.get_one(Attempt, (job_id, 1))
        key = start_key(Cipher(SecretStr((site.state / "secrets_key").read_text())), attempt.token)
        url = f"http://{server.address}:{server.port}/v1/chat/completions"
    said = site.on_cluster(f"python3 -c {shlex.quote(FIRST_WORDS)} {shlex.join(_question(url, key))}")
    return [float(line) for line in said.splitlines()]


def _seconds_by_packtrain(site: Site) -> list[float]:
    env = site.env()
    asked = _question(f"{env['PACKTRAIN_URL']}/v1/chat/completions", env["PACKTRAIN_TOKEN"])
    ended = subprocess.run([sys.executable, "-c", FIRST_WORDS, *asked], check=True, capture_output=True, text=True)
    return [float(line) for line in ended.stdout.splitlines()]


def _question(url: str, key: str) -> tuple[str, str, str, str]:
    messages = [{"role": "user", "content": "Who are you?"}]
    body = {"model": MODEL, "stream": True, "max_tokens": 16, "messages": messages}
    return url, key, json.dumps(body), str(LOOKS)
