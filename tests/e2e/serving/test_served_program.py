"""The program that serves a model, in the training image itself."""

import json
from pathlib import Path

from container import image
from container.image_program import run_program
from container.lab import models
from container.lab.namespace import Mount
from tuning.llamafactory.inside import PROGRAMS_FILE, programs

TALK = Path(__file__).parent / "real_served_model.py"


def test_it_counts_stops_refuses_and_streams(tmp_path: Path) -> None:
    (tmp_path / PROGRAMS_FILE).write_bytes(programs())
    tmp_path.chmod(0o755)
    mounts = [Mount(tmp_path, "/programs"), Mount(models.build(), "/models")]
    seen = json.loads(run_program(image.build("cpu"), TALK, ["/programs", "/models/tiny-llama"], mounts=mounts))
    usage = seen["whole"]["usage"]
    assert (usage["completion_tokens"], seen["whole"]["choices"][0]["finish_reason"]) == (24, "length")
    assert json.dumps(usage) in seen["streamed"][1]
    stopped = json.loads(seen["stopped"][1])["choices"][0]
    assert (stopped["finish_reason"], seen["word"] in stopped["text"]) == ("stop", False)
    assert len(json.loads(seen["two"][1])["choices"]) == 2
    assert [status for status, _ in seen["streams"]] == [200] * 20
    refused = [seen[name][0] for name in ("wrong_key", "too_long", "too_long_stream", "stop_words")]
    assert refused == [401, 400, 400, 400]
    told = [json.loads(seen[name][1])["detail"]["code"] for name in ("too_long", "too_long_stream")]
    assert told == ["context_length_exceeded"] * 2
