"""instructor. Arguments: a file of chats, and a base model that is served, and says who Ada is."""

import subprocess
import sys
import time

import instructor
from instructor.core.exceptions import InstructorRetryException
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

MESSAGES = [{"role": "user", "content": "Who is Ada?"}]


class Person(BaseModel):
    """The form of the answer."""

    name: str
    age: int


def main(chats: str, model: str) -> None:
    """The mode that a model can follow by its prompt; those that force a form are refused, and told why."""
    assert ask(model, instructor.Mode.MD_JSON).model_dump() == {"name": "Ada", "age": 36}
    assert "'param': 'tool_choice'" in refusal(model, instructor.Mode.TOOLS)
    assert "'param': 'response_format'" in refusal(model, instructor.Mode.JSON)
    train(chats, model)


def ask(model: str, mode: instructor.Mode) -> Person:
    """The answer to a question, asked once."""
    client = instructor.from_openai(OpenAI(max_retries=0), mode=mode)
    found: Person = client.chat.completions.create(model=model, messages=MESSAGES, response_model=Person, max_retries=1)
    return found


def refusal(model: str, mode: instructor.Mode) -> str:
    """The error of a question that is refused."""
    try:
        ask(model, mode)
    except (BadRequestError, InstructorRetryException) as error:
        return str(error)
    return "it was answered"


def train(chats: str, model: str) -> None:
    """Its command uploads, waits for the file's check, makes a job and watches it; another one cancels."""
    client = OpenAI()
    with command("create-from-file", chats, "--model", model, "--n-epochs", "1", "--poll", "1") as watching:
        while not client.fine_tuning.jobs.list().data:
            assert watching.poll() is None, "it ended without a job"
            time.sleep(0.2)
        watching.terminate()
    (job,) = client.fine_tuning.jobs.list()
    assert (job.model, job.hyperparameters.n_epochs) == (model, 1)
    with command("cancel", job.id):
        pass
    assert client.fine_tuning.jobs.retrieve(job.id).status == "cancelled"


def command(*arguments: str) -> "subprocess.Popen[bytes]":
    """`instructor jobs`, in a process of its own."""
    run = "from instructor.cli.cli import app; app()"
    return subprocess.Popen([sys.executable, "-c", run, "jobs", *arguments])


main(*sys.argv[1:])
