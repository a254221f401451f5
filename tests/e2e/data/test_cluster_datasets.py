"""Data that lies on the cluster: checked there as an upload is checked here, and trained on."""

import os
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from container import stack
from packtrain.client import Packtrain
from packtrain.schema import Dataset, ProblemError
from tests.e2e.site import SHORT_RUN, Site, wait_for, wait_status
from tests.tuning.datasets.files import alpaca, as_lines

pytestmark = pytest.mark.lab
FOLDER = "/srv/LLaMA-Factory/sets"


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    """A file with these rows."""
    buffer = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


ROWS = [alpaca(output=f"It rained for {day} days.") for day in range(1, 30)]
CSV = "instruction,output\n" + "".join(f"Say {number}.,It is {number}.\n" for number in range(20))
FILES = {
    "rows.parquet": as_parquet(ROWS),
    "good.jsonl": as_lines([*ROWS, alpaca(output=None)]),
    "pairs.csv": CSV.encode(),
    "broken.jsonl": as_lines(ROWS[:2]) + b'{"instruction": \n' + as_lines(ROWS[2:3]) + b"[1]\n",
}


@pytest.fixture(scope="module")
def folder(site: Site) -> str:
    """A folder on the cluster with all files, and links that lead out of it."""
    there = site.lab.root_dir / FOLDER.lstrip("/")
    there.mkdir()
    for name, content in FILES.items():
        (there / name).write_bytes(content)
    (there / "leak").symlink_to("/home/packtrain/secret.jsonl")
    (site.lab.root_dir / "home/packtrain/secret.jsonl").write_bytes(FILES["good.jsonl"])
    site.lab.run("chown", "-R", "packtrain", FOLDER, "/home/packtrain/secret.jsonl")
    return FOLDER


def settled(client: Packtrain, dataset: Dataset) -> Dataset:
    """The data set once its check has ended."""
    assert dataset["check_job"] is not None
    wait_status(client, dataset["check_job"], "succeeded")
    return client.dataset(dataset["id"])


def report_of(client: Packtrain, dataset_id: str) -> dict[str, Any]:
    """Its report, without what only a tokenizer tells."""
    report: Mapping[str, Any] = client.dataset_report(dataset_id)
    return {name: value for name, value in report.items() if name != "tokens"}


def uploaded(client: Packtrain, tmp_path: Any, name: str) -> str:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    return client.upload_dataset(path)["id"]


def test_it_is_told_of_as_an_upload_and_trained_on_to_the_end(
    site: Site, client: Packtrain, folder: str, tmp_path: Any
) -> None:
    asked = client.add_dataset(f"{folder}/good.jsonl", tokenizer="tiny-llama", purpose="sft")
    assert asked["status"] == "checking"
    ready = settled(client, asked)
    assert (ready["status"], ready["kept"], ready["dropped"]) == ("ready", 29, 1)
    assert report_of(client, ready["id"]) == report_of(client, uploaded(client, tmp_path, "good.jsonl"))
    assert site.get(f"datasets/{ready['id']}/report").json()["tokens"]["total"] > 0
    preview = client.dataset_preview(ready["id"], template="llama3")
    assert preview["rows"][0]["value"] == ROWS[0]
    check = client.job(asked["check_job"] or "")
    assert (check["kind"], check["resources"]["gpus_per_node"]) == ("check", 0)
    assert len(site.sacct(check)) == 1
    assert "29 of 30 rows are trained on" in client.logs(check["id"]).text

    config = {name: value for name, value in SHORT_RUN.items() if name != "dataset"}
    job = client.submit(config=config, datasets=[ready["id"]])
    wait_status(client, job["id"], "succeeded")


def test_a_table_becomes_json_lines_and_leaves_with_its_data_set(
    site: Site, client: Packtrain, folder: str, tmp_path: Any
) -> None:
    environment = {**os.environ, **site.env()}
    dataset_id = stack.packtrain(["datasets", "add", f"{folder}/pairs.csv", "--name", "pairs"], environment).strip()
    shown = site.get(f"datasets/{dataset_id}").json()
    assert (shown["status"], shown["made_from"], shown["name"], shown["rows"]) == ("ready", "csv", "pairs", 20)
    copy = f"/home/packtrain/packtrain/datasets/{shown['sha256']}.jsonl"
    assert site.on_cluster(f"sha256sum {copy}").split()[0] == shown["sha256"]
    assert not list((site.state / "data/datasets").glob(f"{shown['sha256'][:2]}/{shown['sha256'][2:]}*"))

    client.delete_dataset(dataset_id)
    there = f"test -e {copy} && echo there || true"
    wait_for("removal", lambda: True if site.on_cluster(there) == "" else None)
    assert site.on_cluster("ls /home/packtrain/packtrain/incoming") == ""

    upload = uploaded(client, tmp_path, "pairs.csv")
    assert client.dataset(upload)["size_bytes"] == shown["size_bytes"]


def test_a_parquet_file_is_read_there(client: Packtrain, folder: str) -> None:
    ready = settled(client, client.add_dataset(f"{folder}/rows.parquet"))
    assert (ready["status"], ready["rows"], ready["findings"]) == ("ready", 29, None)


def test_a_broken_file_is_refused_with_its_lines(client: Packtrain, folder: str) -> None:
    refused = settled(client, client.add_dataset(f"{folder}/broken.jsonl"))
    assert refused["status"] == "refused"
    assert [entry["loc"] for entry in refused["findings"] or ()] == [["file", 3], ["file", 5]]
    with pytest.raises(Exception, match="refused by its check"):
        client.dataset_report(refused["id"])


def findings_of(dataset: Dataset) -> list[ProblemError]:
    assert dataset["findings"]
    return dataset["findings"]


def test_a_missing_file_and_a_link_out_of_the_folder_are_refused_plainly(client: Packtrain, folder: str) -> None:
    missing, leak = (client.add_dataset(f"{folder}/{name}") for name in ("none.jsonl", "leak"))
    (finding,) = findings_of(settled(client, missing))
    assert finding["message"] == f"{folder}/none.jsonl cannot be read on the cluster: No such file or directory"
    (finding,) = findings_of(settled(client, leak))
    assert finding["loc"] == ["cluster_path"]


def test_a_cancelled_check_refuses_and_a_retry_looks_again(site: Site, client: Packtrain, folder: str) -> None:
    asked = client.add_dataset(f"{folder}/good.jsonl")
    client.cancel(asked["check_job"] or "")
    wait_status(client, asked["check_job"] or "", "cancelled")
    refused = client.dataset(asked["id"])
    assert refused["status"] == "refused"
    (finding,) = findings_of(refused)
    assert finding["message"].startswith(f"the check {asked['check_job']} was cancelled")
    again = client.retry(asked["check_job"] or "")
    wait_status(client, again["id"], "succeeded")
    assert client.dataset(asked["id"])["status"] == "ready"


def test_a_place_outside_is_refused_at_once(site: Site) -> None:
    env = site.env()
    headers = {"Authorization": f"Bearer {env['PACKTRAIN_TOKEN']}"}
    url = f"{env['PACKTRAIN_URL']}/api/v1/datasets"
    answer = httpx.post(url, json={"cluster_path": "/home/packtrain/secret.jsonl"}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "cluster_path"])
