"""What a cluster says of itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.slurm.answers import Part
from tuning.slurm.inventory import Node, Partition, parse_inventory

NODES = "\n".join(
    "\x1f".join(row)
    for row in (
        ("gpu*", "up", "1-00:00:00", "n1", "mixed", "8", "256000", "gpu:a100:4(S:0-1)"),
        ("short", "up", "10:00", "n1", "mixed", "8", "256000", "gpu:a100:4(S:0-1)"),
        ("gpu*", "up", "1-00:00:00", "n2", "drained*", "64+", "256000", "(null)"),
        ("long", "inact", "infinite", "n2", "drained*", "64+", "256000", "(null)"),
    )
)


def parts(**texts: str) -> dict[str, Part]:
    return {name: Part((name,), text.encode()) for name, text in texts.items()}


def test_partitions_and_nodes() -> None:
    inventory = parse_inventory(parts(nodes=NODES, used="n1   gpu:a100:2(IDX:0-1)\nn2   gpu:0"))
    assert inventory.partitions == (
        Partition("gpu", is_default=True, state="UP", max_time_seconds=86_400),
        Partition("short", is_default=False, state="UP", max_time_seconds=600),
        Partition("long", is_default=False, state="INACT", max_time_seconds=None),
    )
    assert inventory.nodes == (
        Node("n1", ("gpu", "short"), "MIXED", True, 8, 256_000, 4, 2, {"a100": 4}),
        Node("n2", ("gpu", "long"), "DRAINED*", False, 64, 256_000, 0, 0, {}),
    )


def test_image_space_version_and_register() -> None:
    register = {"identity": {"file_name": "identity.json"}, "odd": 3}
    space = "/dev/vda 1000 400 600 40% /"
    inventory = parse_inventory(
        parts(
            version="slurm 24.11.5", image="615 1795308203", space=space, writable="yes", register=json.dumps(register)
        )
    )
    assert (inventory.slurm_version, inventory.image_size_bytes, inventory.free_bytes, inventory.is_writable) == (
        "24.11.5",
        615,
        600,
        True,
    )
    assert inventory.image_digest is None
    assert (
        parse_inventory({"image-head": Part(("image-head",), b"ab" * 32 + b"  -\n")}).image_digest
        == "head-sha256:" + "ab" * 32
    )
    assert inventory.datasets == {"identity": {"file_name": "identity.json"}}


def test_the_shapes_of_the_catalogues_models() -> None:
    answer = parts(**{"model-0": '{"hidden_size": 64}', "model-1": ""})
    assert parse_inventory(answer, ["/models/a", "/models/b", "/models/c"]).model_configs == {
        "/models/a": '{"hidden_size": 64}'
    }


def test_what_is_missing_is_unknown() -> None:
    inventory = parse_inventory(parts(register="{broken"))
    assert (inventory.slurm_version, inventory.image_size_bytes, inventory.free_bytes, inventory.is_writable) == (
        None,
        None,
        None,
        False,
    )
    assert (inventory.partitions, inventory.nodes, inventory.datasets) == ((), (), None)


@given(
    st.dictionaries(
        st.sampled_from(["nodes", "used", "image", "space", "register", "version", "model-0"]),
        st.text(max_size=50)
        | st.lists(st.sampled_from(["9" * 400, "\x1f", "x-1", "1-", ":", "gpu:9", "{", " ", "\n"]), max_size=4).map(
            "".join
        ),
    )
)
def test_whatever_is_answered_the_facts_can_be_stored(contents: dict[str, str]) -> None:
    stored = json.dumps(parse_inventory(parts(**contents), ["/models/a"]).to_json(), allow_nan=False)
    assert "\\u0000" not in stored


@pytest.mark.parametrize(("limit", "seconds"), [("infinite", None), ("x-1", None), ("1-", None), ("9" * 99, None)])
def test_a_time_limit_that_is_none_is_no_limit(limit: str, seconds: int | None) -> None:
    inventory = parse_inventory(parts(nodes=NODES.replace(NODES.split("\x1f")[2], limit)))
    assert inventory.partitions[0].max_time_seconds == seconds


def test_a_register_holds_what_json_can() -> None:
    stored = parse_inventory(parts(register='{"a": {"b": NaN, "c\\u0000": 1e999}}')).to_json()
    assert stored["datasets"] == {"a": {"b": None, "c\ufffd": None}}


def test_the_facts_are_plain_values() -> None:
    stored = parse_inventory(parts(nodes=NODES)).to_json()
    assert json.loads(json.dumps(stored))["nodes"][0]["name"] == "n1"


def test_gpus_of_several_types_on_a_node_are_counted_by_type() -> None:
    gres = "gpu:h100:2(S:0),gpu:1g.10gb:7(S:1),gpu:h100:1,shard:8"
    row = "\x1f".join(("gpu*", "up", "1-00:00:00", "n1", "mixed", "8", "256000", gres))
    (node,) = parse_inventory(parts(nodes=row)).nodes
    assert (node.gpus, node.gpu_types) == (10, {"h100": 3, "1g.10gb": 7})


def test_gpus_in_use_whose_type_slurm_does_not_name_are_counted() -> None:
    row = "\x1f".join(("gpu*", "up", "1-00:00:00", "n1", "mixed", "8", "256000", "gpu:8(S:0-1)"))
    (node,) = parse_inventory(parts(nodes=row, used="n1   gpu:(null):3(IDX:0-2)")).nodes
    assert (node.gpus, node.gpus_in_use, node.gpu_types) == (8, 3, {})


def test_types_in_use_are_told_of_a_node_with_several_types() -> None:
    row = "\x1f".join(("gpu*", "up", "1-00:00:00", "n1", "mixed", "8", "256000", "gpu:h100:2(S:0),gpu:1g.10gb:7(S:1)"))
    (node,) = parse_inventory(parts(nodes=row, used="n1   gpu:h100:1(IDX:0),gpu:1g.10gb:3(IDX:2-4)")).nodes
    assert (node.gpus_in_use, node.gpu_types_in_use) == (4, {"h100": 1, "1g.10gb": 3})
