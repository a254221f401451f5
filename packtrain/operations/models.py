"""Operations on models by name, as calls. Pure."""

from packtrain.operations.query import given_query, page_query
from packtrain.schema import Job, Model, ModelAliasRequest, ModelPage
from packtrain.transport.call import Call, path_of


def models(limit: int, after: str | None, **wanted: str | None) -> Call[ModelPage]:
    """`wanted`: kind, q."""
    filters = {name: value for name, value in wanted.items() if value is not None}
    return Call("GET", "models", page_query(limit, after, filters))


def model(name: str) -> Call[Model]:
    return Call("GET", path_of("models", name))


def remove_model(name: str) -> Call[None]:
    return Call("DELETE", path_of("models", name))


def pin_model(name: str) -> Call[None]:
    return Call("PUT", path_of("models", name, "pin"))


def unpin_model(name: str) -> Call[None]:
    return Call("DELETE", path_of("models", name, "pin"))


def grant_model(name: str, to_team: str) -> Call[None]:
    return Call("PUT", path_of("models", name, "grants", to_team))


def withdraw_model_grant(name: str, of_team: str) -> Call[None]:
    return Call("DELETE", path_of("models", name, "grants", of_team))


def set_model_alias(alias: str, model: str, cluster: str | None) -> Call[ModelAliasRequest]:
    named = {"cluster": cluster} if cluster is not None else {}
    return Call("PUT", "models/aliases", body={"alias": alias, "model": model, **named})


def remove_model_alias(alias: str, cluster: str | None) -> Call[None]:
    return Call("DELETE", "models/aliases", given_query(alias=alias, cluster=cluster))


def serve_model(model: str, cluster: str | None) -> Call[Job]:
    named = {"cluster": cluster} if cluster is not None else {}
    return Call("POST", "models/serve", body={"model": model, **named})


def stop_serving(model: str, cluster: str | None) -> Call[Job]:
    return Call("DELETE", "models/serve", given_query(model=model, cluster=cluster))
