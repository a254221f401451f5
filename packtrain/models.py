"""Models by name: methods that both clients inherit."""

from packtrain.operations import models as models_api
from packtrain.schema import Job, Model, ModelAliasRequest, ModelPage
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.http import Http


class ModelMethods:
    """Methods of the synchronous client."""

    _http: Http

    def models(
        self, *, limit: int = 50, after: str | None = None, kind: str | None = None, q: str | None = None
    ) -> ModelPage:
        """One page of models: the catalogues' (kind `catalogue`), then what jobs left (`result`), the newest first."""
        return self._http.send(models_api.models(limit, after, kind=kind, q=q))

    def model(self, name: str) -> Model:
        """One model by any of its names, with the lineage of what a job left."""
        return self._http.send(models_api.model(name))

    def remove_model(self, name: str) -> None:
        """Let what a job left, or one of its checkpoints, leave the cluster; the job stays."""
        self._http.send(models_api.remove_model(name))

    def pin_model(self, name: str) -> None:
        """Let clean-up spare what a job left."""
        self._http.send(models_api.pin_model(name))

    def unpin_model(self, name: str) -> None:
        """Let clean-up remove it again."""
        self._http.send(models_api.unpin_model(name))

    def grant_model(self, name: str, team: str) -> None:
        """Let another team use what a job left."""
        self._http.send(models_api.grant_model(name, team))

    def withdraw_model_grant(self, name: str, team: str) -> None:
        """Take it back from a team."""
        self._http.send(models_api.withdraw_model_grant(name, team))

    def set_model_alias(self, alias: str, model: str, *, cluster: str | None = None) -> ModelAliasRequest:
        """Let a name mean a model: what a job of yours left, or (for administrators) one of the catalogue."""
        return self._http.send(models_api.set_model_alias(alias, model, cluster))

    def remove_model_alias(self, alias: str, *, cluster: str | None = None) -> None:
        """Forget a further name of a model."""
        self._http.send(models_api.remove_model_alias(alias, cluster))

    def serve_model(self, model: str, *, cluster: str | None = None) -> Job:
        """Serve a model, to be talked to: the job that does so already, or a new one."""
        return self._http.send(models_api.serve_model(model, cluster))

    def stop_serving(self, model: str, *, cluster: str | None = None) -> Job:
        """End a served model. Raises NotFound where none is."""
        return self._http.send(models_api.stop_serving(model, cluster))


class AsyncModelMethods:
    """Methods of the asynchronous client."""

    _http: AsyncHttp

    async def models(
        self, *, limit: int = 50, after: str | None = None, kind: str | None = None, q: str | None = None
    ) -> ModelPage:
        """One page of models: the catalogues' (kind `catalogue`), then what jobs left (`result`), the newest first."""
        return await self._http.send(models_api.models(limit, after, kind=kind, q=q))

    async def model(self, name: str) -> Model:
        """One model by any of its names, with the lineage of what a job left."""
        return await self._http.send(models_api.model(name))

    async def remove_model(self, name: str) -> None:
        """Let what a job left, or one of its checkpoints, leave the cluster; the job stays."""
        await self._http.send(models_api.remove_model(name))

    async def pin_model(self, name: str) -> None:
        """Let clean-up spare what a job left."""
        await self._http.send(models_api.pin_model(name))

    async def unpin_model(self, name: str) -> None:
        """Let clean-up remove it again."""
        await self._http.send(models_api.unpin_model(name))

    async def grant_model(self, name: str, team: str) -> None:
        """Let another team use what a job left."""
        await self._http.send(models_api.grant_model(name, team))

    async def withdraw_model_grant(self, name: str, team: str) -> None:
        """Take it back from a team."""
        await self._http.send(models_api.withdraw_model_grant(name, team))

    async def set_model_alias(self, alias: str, model: str, *, cluster: str | None = None) -> ModelAliasRequest:
        """Let a name mean a model: what a job of yours left, or (for administrators) one of the catalogue."""
        return await self._http.send(models_api.set_model_alias(alias, model, cluster))

    async def remove_model_alias(self, alias: str, *, cluster: str | None = None) -> None:
        """Forget a further name of a model."""
        await self._http.send(models_api.remove_model_alias(alias, cluster))

    async def serve_model(self, model: str, *, cluster: str | None = None) -> Job:
        """Serve a model, to be talked to: the job that does so already, or a new one."""
        return await self._http.send(models_api.serve_model(model, cluster))

    async def stop_serving(self, model: str, *, cluster: str | None = None) -> Job:
        """End a served model. Raises NotFound where none is."""
        return await self._http.send(models_api.stop_serving(model, cluster))
