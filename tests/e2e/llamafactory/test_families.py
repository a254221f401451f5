"""The families say of every model that LLaMA-Factory has registered what LLaMA-Factory says of it."""

import json
import shlex

from tests.e2e.site import Site
from tuning.recipes.families import family_of

IMAGE = "/opt/packtrain/llamafactory.sif"
REGISTERED = """
import json
from llamafactory.extras.constants import DEFAULT_TEMPLATE, SUPPORTED_MODELS
paths = {name: next(iter(sources.values())) for name, sources in SUPPORTED_MODELS.items()}
print(json.dumps([[name, path, DEFAULT_TEMPLATE[name]] for name, path in paths.items()]))
"""


def test_the_template_is_that_of_llama_factory(site: Site) -> None:
    said = site.on_cluster(f"apptainer exec {IMAGE} python3 -c {shlex.quote(REGISTERED)}").splitlines()[-1]
    registered = [(name, path, template) for name, path, template in json.loads(said) if template]
    claimed = {
        model: (family.template, template)
        for name, path, template in registered
        for model in (name, path)
        if (family := family_of(model)) is not None
    }
    assert len(claimed) > 200
    assert {model: both for model, both in claimed.items() if both[0] != both[1]} == {}
