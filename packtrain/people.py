"""Users, teams, tokens, secrets, limits, use and the record of changes: methods that both clients inherit."""

from typing_extensions import Unpack

from packtrain.operations import people as people_api
from packtrain.schema import (
    AuditEntryPage,
    Limit,
    LimitPage,
    LimitRequest,
    MemberRequest,
    NewToken,
    Scope,
    SecretPage,
    SessionPage,
    Team,
    TeamRequest,
    TeamSummaryPage,
    TokenPage,
    TokenRequest,
    TokensJson,
    UsageReport,
    User,
    UserChange,
    UserPage,
    UserRequest,
)
from packtrain.transport.async_http import AsyncHttp
from packtrain.transport.http import Http


class PeopleMethods:
    """Methods of the synchronous client."""

    _http: Http

    def users(self, *, limit: int = 50, after: str | None = None) -> UserPage:
        """One page of users, by name."""
        return self._http.send(people_api.users(limit, after))

    def user(self, name: str) -> User:
        """One user."""
        return self._http.send(people_api.user(name))

    def create_user(self, **fields: Unpack[UserRequest]) -> User:
        """Make a user. For administrators."""
        return self._http.send(people_api.create_user(fields))

    def change_user(self, name: str, **changes: Unpack[UserChange]) -> User:
        """Change a user, or switch them off or on. For administrators, and a little of it for the user."""
        return self._http.send(people_api.change_user(name, changes))

    def delete_user(self, name: str, *, hand_jobs_to: str | None = None) -> None:
        """Delete a user; jobs and data sets go to another one. For administrators."""
        self._http.send(people_api.delete_user(name, hand_jobs_to))

    def teams(self, *, limit: int = 50, after: str | None = None) -> TeamSummaryPage:
        """One page of teams, by name."""
        return self._http.send(people_api.teams(limit, after))

    def team(self, name: str) -> Team:
        """One team, with its members."""
        return self._http.send(people_api.team(name))

    def create_team(self, **fields: Unpack[TeamRequest]) -> Team:
        """Make a team. For administrators."""
        return self._http.send(people_api.create_team(fields))

    def change_team(self, name: str, *, shares: int) -> Team:
        """Give a team other shares. For administrators."""
        return self._http.send(people_api.change_team(name, shares))

    def delete_team(self, name: str) -> None:
        """Delete a team that has no jobs. For administrators."""
        self._http.send(people_api.delete_team(name))

    def set_member(self, team: str, user: str, **changes: Unpack[MemberRequest]) -> Team:
        """Put a user into a team, or give a member other shares. For leads of the team and administrators."""
        return self._http.send(people_api.set_member(team, user, changes))

    def remove_member(self, team: str, user: str) -> None:
        """Take a user out of a team. For leads of the team and administrators."""
        self._http.send(people_api.remove_member(team, user))

    def audit(self, *, limit: int = 50, after: str | None = None, **filters: str) -> AuditEntryPage:
        """One page of the record of changes, newest first: actor, subject, action, from, to. For administrators."""
        return self._http.send(people_api.audit(limit, after, filters))

    def secrets(self) -> SecretPage:
        """Your own secrets, by name only."""
        return self._http.send(people_api.secrets())

    def keep_secret(self, name: str, value: str) -> None:
        """Keep a secret, in place of an older one of this name."""
        self._http.send(people_api.keep_secret(name, value))

    def delete_secret(self, name: str) -> None:
        """Forget a secret."""
        self._http.send(people_api.delete_secret(name))

    def limits(self, *, limit: int = 500, after: str | None = None) -> LimitPage:
        """One page of the limits that hold for you, with their use; for an administrator of all."""
        return self._http.send(people_api.limits(limit, after))

    def set_limit(self, **fields: Unpack[LimitRequest]) -> Limit:
        """Set a limit, or change its amount. For administrators."""
        return self._http.send(people_api.set_limit(fields))

    def remove_limit(self, limit_id: str) -> None:
        """Take a limit away. For administrators."""
        self._http.send(people_api.remove_limit(limit_id))

    def usage(self, by: str = "user", *, first: str | None = None, last: str | None = None) -> UsageReport:
        """GPU time by user, team or cluster, from the first day to the last: ISO 8601; by default 30 days."""
        return self._http.send(people_api.usage(by, first, last))

    def token_usage(self, *, first: str | None = None, last: str | None = None) -> TokensJson:
        """Tokens of served models in a period: your own, and those of others that you may see."""
        return self._http.send(people_api.token_usage(first, last))

    def usage_csv(self, by: str = "user", *, first: str | None = None, last: str | None = None) -> str:
        """The same as a table (CSV)."""
        return self._http.send(people_api.usage_csv(by, first, last))

    def create_token(
        self,
        name: str,
        *,
        user: str | None = None,
        scopes: list[Scope] | None = None,
        expires_at: str | None = None,
        tool: str | None = None,
        team: str | None = None,
    ) -> NewToken:
        """A new token, whose text is told this one time; `user` by administrators, `tool` of a `team` by its leads."""
        fields: TokenRequest = {"name": name, "user": user, "scopes": scopes, "expires_at": expires_at}
        return self._http.send(people_api.create_token({**fields, "tool": tool, "team": team}))

    def tokens(self, *, limit: int = 50, after: str | None = None) -> TokenPage:
        """One page of tokens, newest first: your own, or all for an administrator."""
        return self._http.send(people_api.tokens(limit, after))

    def revoke_token(self, token_id: str) -> None:
        """End a token at once."""
        self._http.send(people_api.revoke_token(token_id))

    def sessions(self, *, limit: int = 50, after: str | None = None) -> SessionPage:
        """One page of the sessions of browsers, newest first: your own, or all for an administrator."""
        return self._http.send(people_api.sessions(limit, after))

    def end_session(self, session_id: str) -> None:
        """Sign a browser out at once."""
        self._http.send(people_api.end_session(session_id))


class AsyncPeopleMethods:
    """Methods of the asynchronous client."""

    _http: AsyncHttp

    async def users(self, *, limit: int = 50, after: str | None = None) -> UserPage:
        """One page of users, by name."""
        return await self._http.send(people_api.users(limit, after))

    async def user(self, name: str) -> User:
        """One user."""
        return await self._http.send(people_api.user(name))

    async def create_user(self, **fields: Unpack[UserRequest]) -> User:
        """Make a user. For administrators."""
        return await self._http.send(people_api.create_user(fields))

    async def change_user(self, name: str, **changes: Unpack[UserChange]) -> User:
        """Change a user, or switch them off or on. For administrators, and a little of it for the user."""
        return await self._http.send(people_api.change_user(name, changes))

    async def delete_user(self, name: str, *, hand_jobs_to: str | None = None) -> None:
        """Delete a user; jobs and data sets go to another one. For administrators."""
        await self._http.send(people_api.delete_user(name, hand_jobs_to))

    async def teams(self, *, limit: int = 50, after: str | None = None) -> TeamSummaryPage:
        """One page of teams, by name."""
        return await self._http.send(people_api.teams(limit, after))

    async def team(self, name: str) -> Team:
        """One team, with its members."""
        return await self._http.send(people_api.team(name))

    async def create_team(self, **fields: Unpack[TeamRequest]) -> Team:
        """Make a team. For administrators."""
        return await self._http.send(people_api.create_team(fields))

    async def change_team(self, name: str, *, shares: int) -> Team:
        """Give a team other shares. For administrators."""
        return await self._http.send(people_api.change_team(name, shares))

    async def delete_team(self, name: str) -> None:
        """Delete a team that has no jobs. For administrators."""
        await self._http.send(people_api.delete_team(name))

    async def set_member(self, team: str, user: str, **changes: Unpack[MemberRequest]) -> Team:
        """Put a user into a team, or give a member other shares. For leads of the team and administrators."""
        return await self._http.send(people_api.set_member(team, user, changes))

    async def remove_member(self, team: str, user: str) -> None:
        """Take a user out of a team. For leads of the team and administrators."""
        await self._http.send(people_api.remove_member(team, user))

    async def audit(self, *, limit: int = 50, after: str | None = None, **filters: str) -> AuditEntryPage:
        """One page of the record of changes, newest first: actor, subject, action, from, to. For administrators."""
        return await self._http.send(people_api.audit(limit, after, filters))

    async def secrets(self) -> SecretPage:
        """Your own secrets, by name only."""
        return await self._http.send(people_api.secrets())

    async def keep_secret(self, name: str, value: str) -> None:
        """Keep a secret, in place of an older one of this name."""
        await self._http.send(people_api.keep_secret(name, value))

    async def delete_secret(self, name: str) -> None:
        """Forget a secret."""
        await self._http.send(people_api.delete_secret(name))

    async def limits(self, *, limit: int = 500, after: str | None = None) -> LimitPage:
        """One page of the limits that hold for you, with their use; for an administrator of all."""
        return await self._http.send(people_api.limits(limit, after))

    async def set_limit(self, **fields: Unpack[LimitRequest]) -> Limit:
        """Set a limit, or change its amount. For administrators."""
        return await self._http.send(people_api.set_limit(fields))

    async def remove_limit(self, limit_id: str) -> None:
        """Take a limit away. For administrators."""
        await self._http.send(people_api.remove_limit(limit_id))

    async def usage(self, by: str = "user", *, first: str | None = None, last: str | None = None) -> UsageReport:
        """GPU time by user, team or cluster, from the first day to the last: ISO 8601; by default 30 days."""
        return await self._http.send(people_api.usage(by, first, last))

    async def token_usage(self, *, first: str | None = None, last: str | None = None) -> TokensJson:
        """Tokens of served models in a period: your own, and those of others that you may see."""
        return await self._http.send(people_api.token_usage(first, last))

    async def usage_csv(self, by: str = "user", *, first: str | None = None, last: str | None = None) -> str:
        """The same as a table (CSV)."""
        return await self._http.send(people_api.usage_csv(by, first, last))

    async def create_token(
        self,
        name: str,
        *,
        user: str | None = None,
        scopes: list[Scope] | None = None,
        expires_at: str | None = None,
        tool: str | None = None,
        team: str | None = None,
    ) -> NewToken:
        """A new token, whose text is told this one time; `user` by administrators, `tool` of a `team` by its leads."""
        fields: TokenRequest = {"name": name, "user": user, "scopes": scopes, "expires_at": expires_at}
        return await self._http.send(people_api.create_token({**fields, "tool": tool, "team": team}))

    async def tokens(self, *, limit: int = 50, after: str | None = None) -> TokenPage:
        """One page of tokens, newest first: your own, or all for an administrator."""
        return await self._http.send(people_api.tokens(limit, after))

    async def revoke_token(self, token_id: str) -> None:
        """End a token at once."""
        await self._http.send(people_api.revoke_token(token_id))

    async def sessions(self, *, limit: int = 50, after: str | None = None) -> SessionPage:
        """One page of the sessions of browsers, newest first: your own, or all for an administrator."""
        return await self._http.send(people_api.sessions(limit, after))

    async def end_session(self, session_id: str) -> None:
        """Sign a browser out at once."""
        await self._http.send(people_api.end_session(session_id))
