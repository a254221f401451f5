"""People of a lab: teams with shares and members, each with a token, who order jobs while the server may be dying."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from packtrain.client import Packtrain
from tests.lab_of_people.sleeper import TENTHS

PATIENCE_SECONDS = 600.0
_CONFIG: Mapping[str, object] = {
    "model_name_or_path": "/srv/models/tiny-llama",
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "template": "llama3",
    "dataset": "identity",
    "plot_loss": False,
}


@dataclass(frozen=True)
class Team:
    """A team to be made."""

    name: str
    shares: int
    members: Sequence[str]


@dataclass(frozen=True)
class Wanted:
    """A job that a person wants."""

    name: str
    seconds: float
    """That its training sleeps."""
    cluster: str
    gpus: int = 1
    time_limit: str = "00:02:00"
    partition: str = "gpu"
    job_class: str = "normal"
    priority: int = 0


@dataclass(frozen=True)
class Person:
    """A member of a team, with a token of their own."""

    name: str
    team: str
    url: str
    token: str = field(repr=False)

    def order(self, wanted: Wanted, client: httpx.Client) -> str:
        """Order a job, again and again under the same key until the server answers; its id.

        Raises RuntimeError for a job that the server refuses.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"{self.name}-{wanted.name}"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = client.post(f"{self.url}/api/v1/jobs", json=body(wanted), headers=headers)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.is_success:
                    return str(answer.json()["id"])
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise RuntimeError(f"{self.name} may not have {wanted.name}: {answer.text}")
            time.sleep(0.2)


def body(wanted: Wanted) -> dict[str, Any]:
    """The request for a job."""
    return {
        "name": wanted.name,
        "config": {**_CONFIG, TENTHS: max(round(wanted.seconds * 10), 1)},
        "class": wanted.job_class,
        "priority": wanted.priority,
        "resources": {
            "cluster": wanted.cluster,
            "partition": wanted.partition,
            "gpus_per_node": wanted.gpus,
            "memory": "100M",
            "time_limit": wanted.time_limit,
        },
    }


def gather(admin: Packtrain, url: str, teams: Sequence[Team]) -> list[Person]:
    """Make teams, users and tokens."""
    people = []
    for team in teams:
        admin.create_team(name=team.name, shares=team.shares)
        for name in team.members:
            admin.create_user(name=name, teams=[team.name])
            token = admin.create_token(name, user=name)["token"]
            people.append(Person(name, team.name, url, token))
    return people
