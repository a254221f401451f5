"""Uploads in parts among the methods of both clients: `Packtrain` and `AsyncPacktrain` inherit them."""

from typing_extensions import Unpack

from packtrain.operations import uploads as uploads_api
from packtrain.schema import Dataset, DatasetUpload, DatasetUploadPart, UploadCompletionRequest
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.http import Http


class UploadMethods:
    """Methods of the synchronous client."""

    _http: Http

    def begin_upload(self, name: str, size_bytes: int, *, sha256: str | None = None) -> DatasetUpload:
        """An upload in parts: a new one, or that of the same content which is under way, with the parts it has."""
        return self._http.send(uploads_api.begin_upload(name, size_bytes, sha256))

    def upload(self, upload_id: str) -> DatasetUpload:
        """An upload in parts, with the parts that have arrived."""
        return self._http.send(uploads_api.upload(upload_id))

    def send_upload_part(self, upload_id: str, number: int, data: bytes) -> DatasetUploadPart:
        """A part of up to 64 MiB, in any order; sent again, it replaces the one of its number."""
        return self._http.send(uploads_api.send_upload_part(upload_id, number, data))

    def complete_upload(self, upload_id: str, **fields: Unpack[UploadCompletionRequest]) -> Dataset:
        """The data set of the parts, checked as an upload in one request is."""
        return self._http.send(uploads_api.complete_upload(upload_id, fields))

    def cancel_upload(self, upload_id: str) -> None:
        """End an upload in parts; what has arrived is removed."""
        self._http.send(uploads_api.cancel_upload(upload_id))


class AsyncUploadMethods:
    """Methods of the asynchronous client."""

    _http: AsyncHttp

    async def begin_upload(self, name: str, size_bytes: int, *, sha256: str | None = None) -> DatasetUpload:
        """An upload in parts: a new one, or that of the same content which is under way, with the parts it has."""
        return await self._http.send(uploads_api.begin_upload(name, size_bytes, sha256))

    async def upload(self, upload_id: str) -> DatasetUpload:
        """An upload in parts, with the parts that have arrived."""
        return await self._http.send(uploads_api.upload(upload_id))

    async def send_upload_part(self, upload_id: str, number: int, data: bytes) -> DatasetUploadPart:
        """A part of up to 64 MiB, in any order; sent again, it replaces the one of its number."""
        return await self._http.send(uploads_api.send_upload_part(upload_id, number, data))

    async def complete_upload(self, upload_id: str, **fields: Unpack[UploadCompletionRequest]) -> Dataset:
        """The data set of the parts, checked as an upload in one request is."""
        return await self._http.send(uploads_api.complete_upload(upload_id, fields))

    async def cancel_upload(self, upload_id: str) -> None:
        """End an upload in parts; what has arrived is removed."""
        await self._http.send(uploads_api.cancel_upload(upload_id))
