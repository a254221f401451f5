"""Operations on users, teams, their tokens, secrets, limits and use, as calls. Pure."""

from collections.abc import Mapping

from packtrain.operations.query import given_query, page_query
from packtrain.schema import (
    AuditEntryPage,
    Limit,
    LimitPage,
    LimitRequest,
    Me,
    MemberRequest,
    NewToken,
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
from packtrain.transport.call import Call, Query, path_of


def me() -> Call[Me]:
    return Call("GET", "me")


def secrets() -> Call[SecretPage]:
    return Call("GET", "secrets")


def keep_secret(name: str, value: str) -> Call[None]:
    return Call("PUT", path_of("secrets", name), body={"value": value})


def delete_secret(name: str) -> Call[None]:
    return Call("DELETE", path_of("secrets", name))


def limits(limit: int, after: str | None) -> Call[LimitPage]:
    return Call("GET", "limits", page_query(limit, after, {}))


def set_limit(limit: LimitRequest) -> Call[Limit]:
    return Call("PUT", "limits", body=limit)


def remove_limit(limit_id: str) -> Call[None]:
    return Call("DELETE", path_of("limits", limit_id))


def usage(by: str, first: str | None, last: str | None) -> Call[UsageReport]:
    return Call("GET", "usage", _period(by, first, last))


def usage_csv(by: str, first: str | None, last: str | None) -> Call[str]:
    return Call("GET", "usage.csv", _period(by, first, last))


def token_usage(first: str | None, last: str | None) -> Call[TokensJson]:
    return Call("GET", "usage/tokens", given_query(**{"from": first, "to": last}))


def create_token(fields: TokenRequest) -> Call[NewToken]:
    return Call("POST", "tokens", body={name: value for name, value in fields.items() if value is not None})


def tokens(limit: int, after: str | None) -> Call[TokenPage]:
    return Call("GET", "tokens", page_query(limit, after, {}))


def revoke_token(token_id: str) -> Call[None]:
    return Call("DELETE", path_of("tokens", token_id))


def sessions(limit: int, after: str | None) -> Call[SessionPage]:
    return Call("GET", "sessions", page_query(limit, after, {}))


def end_session(session_id: str) -> Call[None]:
    return Call("DELETE", path_of("sessions", session_id))


def users(limit: int, after: str | None) -> Call[UserPage]:
    return Call("GET", "users", page_query(limit, after, {}))


def user(name: str) -> Call[User]:
    return Call("GET", path_of("users", name))


def create_user(fields: UserRequest) -> Call[User]:
    return Call("POST", "users", body=fields)


def change_user(name: str, changes: UserChange) -> Call[User]:
    return Call("PATCH", path_of("users", name), body=changes)


def delete_user(name: str, hand_jobs_to: str | None) -> Call[None]:
    return Call("DELETE", path_of("users", name), given_query(hand_jobs_to=hand_jobs_to))


def teams(limit: int, after: str | None) -> Call[TeamSummaryPage]:
    return Call("GET", "teams", page_query(limit, after, {}))


def team(name: str) -> Call[Team]:
    return Call("GET", path_of("teams", name))


def create_team(fields: TeamRequest) -> Call[Team]:
    return Call("POST", "teams", body=fields)


def change_team(name: str, shares: int) -> Call[Team]:
    return Call("PATCH", path_of("teams", name), body={"shares": shares})


def delete_team(name: str) -> Call[None]:
    return Call("DELETE", path_of("teams", name))


def set_member(team_name: str, user_name: str, changes: MemberRequest) -> Call[Team]:
    return Call("PUT", path_of("teams", team_name, "members", user_name), body=changes)


def remove_member(team_name: str, user_name: str) -> Call[None]:
    return Call("DELETE", path_of("teams", team_name, "members", user_name))


def audit(limit: int, after: str | None, filters: Mapping[str, str | list[str]]) -> Call[AuditEntryPage]:
    return Call("GET", "audit", page_query(limit, after, filters))


def _period(by: str, first: str | None, last: str | None) -> Query:
    return {"by": by, **given_query(**{"from": first, "to": last})}
