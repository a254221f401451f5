"""Archives of rows and media, unpacked as the batch script does it, read by LLaMA-Factory's own loader."""

import json
import subprocess
from pathlib import Path

from container import image
from container.image_program import run_program
from container.lab.namespace import Mount
from tests.tuning.datasets.archive.archives import as_tar, as_zip
from tests.tuning.datasets.files import as_array, messages
from tuning.datasets import service
from tuning.datasets.storage.store import ContentStore

PROGRAM = Path(__file__).with_name("media_rows.py")
CHATS = [
    messages(("user", "<image>What?"), ("assistant", "A cup."), images=["pictures/1.jpg"]),
    messages(("user", "Hm?"), ("assistant", "A cup."), images=[]),
]
TABLE = b"instruction,output,image\n<image>What?,A dog.,pictures/1.jpg\n"


def test_a_run_finds_the_media_of_several_archives(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir()
    archives = {
        "chats": as_zip({"rows.json": as_array(CHATS), "pictures/1.jpg": b"cup"}),
        "table": as_tar({"dogs/rows.csv": TABLE, "dogs/pictures/1.jpg": b"dog"}, "w:gz"),
    }
    store = ContentStore(tmp_path / "store", max_bytes=10_000_000)
    register = {name: _unpacked(store, content, data) for name, content in archives.items()}
    (data / "dataset_info.json").write_text(json.dumps(register))
    subprocess.run(["chmod", "-R", "a+rX", str(data)], check=True)
    told = json.loads(run_program(image.build("cpu"), PROGRAM, [*archives], mounts=[Mount(data, "/data")]))
    assert [(len(row["images"]), row["are_there"], row["said"]) for row in told] == [
        (1, True, None),
        (0, True, None),
        (1, True, None),
    ]


def _unpacked(store: ContentStore, content: bytes, folder: Path) -> dict[str, object]:
    """Its entry; the files lie in the folder then."""
    with store.receive() as incoming:
        incoming.write(content)
        kept = service.keep(store, incoming)
    place = store.path(kept.content.sha256, kept.extension)
    subprocess.run(["tar", "--extract", "--file", str(place), "--directory", str(folder)], check=True)
    return kept.checked.entry
