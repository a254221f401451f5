"""Ways to sign in that a server offers, by its settings."""

from starlette.datastructures import State

from server.dashboard.sign_in import oidc, sign_out, token
from server.dashboard.sign_in.provider.client import OidcProvider
from server.dashboard.sign_in.provider.pending import Seal
from tuning.settings import Settings
from tuning.sign_in_settings import GroupGrants

SIGN_IN_ROUTERS = (token.router, oidc.router, sign_out.router)


def offer_sign_in(state: State, settings: Settings, grants: GroupGrants) -> None:
    """Put into an app's state what the routes of sign-in ask for; `grants`: what groups give."""
    state.group_grants = grants
    state.oidc_provider = OidcProvider(settings) if settings.oidc_issuer is not None else None
    state.oidc_seal = Seal(settings.secrets_key)
