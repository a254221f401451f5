"""dspy. Argument: a base model that is served, and says that it is Kyoto."""

import os
import sys

import dspy
from dspy.clients.utils_finetune import TrainDataFormat

CHAT = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Kyoto"}]


def main(model: str) -> None:
    """A program's answer by the model, and a fine-tuning from the upload to the new model."""
    lm = dspy.LM(
        f"openai/{model}", api_base=os.environ["OPENAI_BASE_URL"], api_key=os.environ["OPENAI_API_KEY"], cache=False
    )
    with dspy.context(lm=lm):
        assert dspy.Predict("question -> answer")(question="Where?").answer == "Kyoto"
    job = lm.finetune([{"messages": CHAT}] * 10, TrainDataFormat.CHAT, {"n_epochs": 1})
    tuned = job.result()
    assert isinstance(tuned, dspy.LM), tuned
    assert tuned.model.startswith(f"ft:{model}:"), tuned.model


main(*sys.argv[1:])
