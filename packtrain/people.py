"""Users, teams and the record of changes among the methods of both clients, which inherit them."""

from typing_extensions import Unpack

from packtrain import operations
from packtrain.schema import (
    AuditEntryPage,
    MemberRequest,
    Team,
    TeamRequest,
    TeamSummaryPage,
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
        return self._http.send(operations.users(limit, after))

    def user(self, name: str) -> User:
        """One user."""
        return self._http.send(operations.user(name))

    def create_user(self, **fields: Unpack[UserRequest]) -> User:
        """Make a user. For administrators."""
        return self._http.send(operations.create_user(fields))

    def change_user(self, name: str, **changes: Unpack[UserChange]) -> User:
        """Change a user, or switch them off or on. For administrators, and a little of it for the user."""
        return self._http.send(operations.change_user(name, changes))

    def delete_user(self, name: str, *, hand_jobs_to: str | None = None) -> None:
        """Delete a user; jobs and data sets go to another one. For administrators."""
        self._http.send(operations.delete_user(name, hand_jobs_to))

    def teams(self, *, limit: int = 50, after: str | None = None) -> TeamSummaryPage:
        """One page of teams, by name."""
        return self._http.send(operations.teams(limit, after))

    def team(self, name: str) -> Team:
        """One team, with its members."""
        return self._http.send(operations.team(name))

    def create_team(self, **fields: Unpack[TeamRequest]) -> Team:
        """Make a team. For administrators."""
        return self._http.send(operations.create_team(fields))

    def change_team(self, name: str, *, shares: int) -> Team:
        """Give a team other shares. For administrators."""
        return self._http.send(operations.change_team(name, shares))

    def delete_team(self, name: str) -> None:
        """Delete a team that has no jobs. For administrators."""
        self._http.send(operations.delete_team(name))

    def set_member(self, team: str, user: str, **changes: Unpack[MemberRequest]) -> Team:
        """Put a user into a team, or give a member other shares. For leads of the team and administrators."""
        return self._http.send(operations.set_member(team, user, changes))

    def remove_member(self, team: str, user: str) -> None:
        """Take a user out of a team. For leads of the team and administrators."""
        self._http.send(operations.remove_member(team, user))

    def audit(self, *, limit: int = 50, after: str | None = None, **filters: str) -> AuditEntryPage:
        """One page of the record of changes, newest first: actor, subject, action, from, to. For administrators."""
        return self._http.send(operations.audit(limit, after, filters))


class AsyncPeopleMethods:
    """Methods of the asynchronous client."""

    _http: AsyncHttp

    async def users(self, *, limit: int = 50, after: str | None = None) -> UserPage:
        """One page of users, by name."""
        return await self._http.send(operations.users(limit, after))

    async def user(self, name: str) -> User:
        """One user."""
        return await self._http.send(operations.user(name))

    async def create_user(self, **fields: Unpack[UserRequest]) -> User:
        """Make a user. For administrators."""
        return await self._http.send(operations.create_user(fields))

    async def change_user(self, name: str, **changes: Unpack[UserChange]) -> User:
        """Change a user, or switch them off or on. For administrators, and a little of it for the user."""
        return await self._http.send(operations.change_user(name, changes))

    async def delete_user(self, name: str, *, hand_jobs_to: str | None = None) -> None:
        """Delete a user; jobs and data sets go to another one. For administrators."""
        await self._http.send(operations.delete_user(name, hand_jobs_to))

    async def teams(self, *, limit: int = 50, after: str | None = None) -> TeamSummaryPage:
        """One page of teams, by name."""
        return await self._http.send(operations.teams(limit, after))

    async def team(self, name: str) -> Team:
        """One team, with its members."""
        return await self._http.send(operations.team(name))

    async def create_team(self, **fields: Unpack[TeamRequest]) -> Team:
        """Make a team. For administrators."""
        return await self._http.send(operations.create_team(fields))

    async def change_team(self, name: str, *, shares: int) -> Team:
        """Give a team other shares. For administrators."""
        return await self._http.send(operations.change_team(name, shares))

    async def delete_team(self, name: str) -> None:
        """Delete a team that has no jobs. For administrators."""
        await self._http.send(operations.delete_team(name))

    async def set_member(self, team: str, user: str, **changes: Unpack[MemberRequest]) -> Team:
        """Put a user into a team, or give a member other shares. For leads of the team and administrators."""
        return await self._http.send(operations.set_member(team, user, changes))

    async def remove_member(self, team: str, user: str) -> None:
        """Take a user out of a team. For leads of the team and administrators."""
        await self._http.send(operations.remove_member(team, user))

    async def audit(self, *, limit: int = 50, after: str | None = None, **filters: str) -> AuditEntryPage:
        """One page of the record of changes, newest first: actor, subject, action, from, to. For administrators."""
        return await self._http.send(operations.audit(limit, after, filters))
