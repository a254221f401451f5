"""Operations on uploads in parts, as calls. Pure."""

from packtrain.schema import Dataset, DatasetUpload, DatasetUploadPart, UploadCompletionRequest
from packtrain.transport.call import UPLOAD_READ_SECONDS, Call, Upload, path_of


def begin_upload(name: str, size_bytes: int, sha256: str | None) -> Call[DatasetUpload]:
    given = {"sha256": sha256} if sha256 is not None else {}
    return Call("POST", "uploads", body={"name": name, "size_bytes": size_bytes, **given})


def upload(upload_id: str) -> Call[DatasetUpload]:
    return Call("GET", path_of("uploads", upload_id))


def send_upload_part(upload_id: str, number: int, data: bytes) -> Call[DatasetUploadPart]:
    path = path_of("uploads", upload_id, "parts", str(number))
    return Call("PUT", path, upload=Upload({}, {"data": ("part", data)}))


def complete_upload(upload_id: str, fields: UploadCompletionRequest) -> Call[Dataset]:
    path = path_of("uploads", upload_id, "complete")
    return Call("POST", path, body=fields, read_seconds=UPLOAD_READ_SECONDS)


def cancel_upload(upload_id: str) -> Call[None]:
    return Call("DELETE", path_of("uploads", upload_id))
