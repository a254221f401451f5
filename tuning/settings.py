"""Settings: environment variables PACKTRAIN_*, and one TOML file for the clusters.

Built once in each program's main and passed down; never read at import.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tuning.errors import Finding, InvalidInput
from tuning.queue_settings import QueueSettings
from tuning.serving_settings import ServingSettings
from tuning.sign_in_settings import SignInSettings
from tuning.site_settings import SiteSettings

# Everything that is put into a remote path by us stays within these characters (LLaMA-Factory splits paths at spaces).
PlainPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/@+-]*$", max_length=1000)]
_BIND = re.compile(r"(?P<source>/[A-Za-z0-9._/@+-]*)(:(?P<place>/[A-Za-z0-9._/@+-]*)(:(ro|rw))?)?")
_NOT_SHOWN = "lies where packtrain keeps what people's jobs leave: name another folder"
ANY_GPU = "default"
Argument = str | int | float | bool
# Where Docker, Podman and Kubernetes put secrets: one file a setting, named as the variable in lower case.
SECRETS = Path("/run/secrets")
PREFIX = "PACKTRAIN_"
NOT_OURS = re.compile(r"PACKTRAIN_(URL|TOKEN|CONFIG_DIR|(LAB_)?IMAGE|(DATABASE_|LAB_)?MEMORY|SERVICE_\w+|PORT_\d\w*)")
"""Variables of the client, of docker-compose.yml, and those that Kubernetes sets for a service of this name."""
_DATABASES = "sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
_QUOTED = re.compile("'([^']*)'")


def _ends_of(bind: str) -> tuple[str, str]:
    """Source and place. Raises ValueError."""
    found = _BIND.fullmatch(bind)
    if found is None:
        raise ValueError(f"binds: {bind!r} is not src[:dest[:ro|rw]] of plain absolute paths")
    return found["source"], found["place"] or found["source"]


def _lies_under(path: str, folders: tuple[str, ...]) -> bool:
    return any(f"{path.rstrip('/')}/".startswith(f"{folder}/") for folder in folders)


def _usable_url(database_url: str) -> str:
    """Raises ValueError, in words that hold nothing of the URL: it may have a password."""
    try:
        driver = make_url(database_url).drivername
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"it is no URL of a database: {_DATABASES}") from error
    if driver not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ValueError(f"packtrain has no driver for {driver[:40]}: it takes {_DATABASES}")
    return database_url


class PartitionDefaults(BaseModel):
    """Default resources of a job that does not ask for others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    nodes: int = Field(default=1, ge=1)
    gpus_per_node: int = Field(default=1, ge=0)
    cpus_per_gpu: int | None = Field(default=None, ge=1)
    memory: str | None = None
    time_limit: str = "1-00:00:00"
    gpu_type: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")
    """As Slurm calls it; this and `constraint` only for jobs that name no partition of their own."""
    constraint: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.\[\]()&|*,-]{1,200}$")


class ClusterSettings(ServingSettings, SiteSettings):
    """One Slurm cluster, reached over SSH by one service account."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    host: str
    port: int = 22
    user: str
    key_file: Path | None = None
    """The private key; left out where the agent has it."""
    certificate_file: Path | None = None
    """A certificate of the key, as ssh-keygen -s makes it, where the site wants one."""
    key_agent: bool = False
    """Whether the keys of the SSH agent are offered (SSH_AUTH_SOCK); the agent is never forwarded."""
    known_hosts_file: Path
    jump_host: str | None = None
    """A host to go through, as ssh -J does; its key is in known_hosts_file too."""
    jump_port: int = 22
    jump_user: str | None = None
    """The account there; by default the same."""
    root: PlainPath
    """Our folder on the cluster's shared file system."""
    image: PlainPath
    """The training image (SIF) on the cluster."""
    llamafactory_version: Literal["0.9.4", "0.9.5"] = "0.9.5"
    """That of the image: requests are checked against its arguments."""
    container_gpu_flag: Literal["--nv", "--rocm", "none"] = "--nv"
    llamafactory_checkout: PlainPath | None = None
    """A LLaMA-Factory folder bound to /mnt, whose data/dataset_info.json names data sets usable as they are."""
    binds: tuple[str, ...] = ()
    """Further binds, in Apptainer's own form `src[:dest[:ro|rw]]`; read only unless they say `rw`."""
    allowed_roots: tuple[PlainPath, ...] = ()
    """Model and data paths must lie under one of these."""
    models: dict[str, PlainPath] = Field(default_factory=dict)
    """The catalogue: names that users may give as model_name_or_path."""
    trusted_models: tuple[str, ...] = ()
    """Names of the catalogue's models whose own code (trust_remote_code) runs may execute."""
    allow_hub_models: bool = False
    """Whether a hub id (`org/name`) may be asked for: only where the nodes' cache holds it or the net is reached."""
    arguments: dict[str, Argument] = Field(default_factory=dict)
    """LLaMA-Factory arguments that the operator lays over every job's (a cluster of CPUs: use_cpu = true)."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Environment variables inside the container."""
    gpu_memory_gb: dict[str, float] = Field(default_factory=dict)
    """GiB of one GPU by its type as Slurm calls it; under `default` that of all others. Runs are held to it."""
    defaults: PartitionDefaults = PartitionDefaults()
    accounting: bool = True
    """False where the site has no slurmdbd: sacct is never asked."""
    poll_interval_seconds: float = Field(default=10.0, ge=0.2, le=600)
    submit_settle_seconds: float = Field(default=45.0, ge=5)
    """How long an unanswered submission is looked for before it is given up: longer than sbatch itself waits."""
    end_stalled: bool = False
    """End runs that stand still (docs/user-guide.md), so that they go on from their newest checkpoint."""
    save_patience_seconds: float = Field(default=600.0, ge=1)
    """How long a run that is to be held, or cancelled with a checkpoint, may take to save it."""
    window_jobs: int = Field(default=20, ge=1, le=10_000)
    """So many jobs of a partition wait inside Slurm at least, where several people's do; more where GPUs are free."""
    commands_per_minute: int = Field(default=240, ge=10)
    """Remote commands and transfers of the worker in any minute: what would be more waits."""
    connections_per_minute: int = Field(default=12, ge=1)
    connect_timeout_seconds: float = Field(default=15.0, gt=0)
    command_timeout_seconds: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.key_file is None and not self.key_agent:
            raise ValueError("there is no key to log in with: give key_file, or key_agent = true")
        return self

    @model_validator(mode="after")
    def _trusts_models_it_has(self) -> Self:
        if unknown := sorted(set(self.trusted_models) - self.models.keys()):
            raise ValueError(f"trusted_models: {', '.join(unknown)}: not among models")
        return self

    @model_validator(mode="after")
    def _keeps_its_folder_to_itself(self) -> Self:
        """No run is shown what other runs keep (docs/decisions/0006)."""
        closed = tuple(f"{self.root.rstrip('/')}/{name}" for name in ("jobs", "datasets", "incoming", "compiled"))
        for bind in self.binds:
            source, place = _ends_of(bind)
            if _lies_under(place, (self.root,)):
                raise ValueError(f"binds: {bind!r} leads into root, which is packtrain's own: choose another place")
            if _lies_under(source, closed):
                raise ValueError(f"binds: {bind!r} {_NOT_SHOWN}")
        checkout = [self.llamafactory_checkout] if self.llamafactory_checkout else []
        for path in (*self.allowed_roots, *self.models.values(), *checkout):
            if _lies_under(path, closed):
                raise ValueError(f"{path} {_NOT_SHOWN}")
        return self

    @property
    def jump(self) -> "ClusterSettings | None":
        """The way to the host in between, where there is one."""
        if self.jump_host is None:
            return None
        there = {"host": self.jump_host, "port": self.jump_port, "user": self.jump_user or self.user}
        return self.model_copy(update={**there, "jump_host": None})


class Settings(QueueSettings, SignInSettings, BaseSettings):
    """Settings of the three programs, as given from outside."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, allow_inf_nan=False)

    database_url: Annotated[str, AfterValidator(_usable_url)] = "sqlite:///.packtrain/packtrain.db"
    clusters_file: Path = Path(".packtrain/clusters.toml")
    data_dir: Path = Path(".packtrain/data")
    host: str = "127.0.0.1"
    port: int = Field(default=8421, ge=0, le=65_535)
    lease_seconds: float = Field(default=30.0, gt=0, le=3600)
    feed_interval_seconds: float = Field(default=0.2, gt=0, le=60)
    slurm_wait_seconds: float = Field(default=8.0, ge=0, le=60)
    """How long a request to be validated waits for Slurm's own word."""
    rate_per_second: float = Field(default=50.0, ge=0)
    """How many requests a second one person may make in the long run, by all tokens together; 0 = any number."""
    rate_burst: int = Field(default=200, ge=1)
    """How many of them at once."""
    streams_per_person: int = Field(default=200, ge=1)
    """Event streams, log streams and waiting polls of one person at once."""
    answers_per_person: int = Field(default=8, ge=1, le=256)
    """Answers of served models that one person may wait for or read at once."""
    question_bytes: int = Field(default=8 * 1024**2, ge=64 * 1024, le=64 * 1024**2)
    """The largest body of a question to a served model; sixteen as large are held at once."""
    serve_wait_seconds: float = Field(default=50.0, ge=0, le=600)
    """How long a question that is not streamed waits for its model to start, before it is told when to come back."""
    downloads_per_person: int = Field(default=2, ge=1)
    """Files of one cluster that one person may read at once."""
    downloads_per_cluster: int = Field(default=6, ge=1, le=8)
    """Files of one cluster that all people together may read at once: an OpenSSH connection has ten channels."""
    uploads_per_person: int = Field(default=3, ge=1)
    """Uploads of one person at once, their checks included."""
    checks_at_once: int = Field(default=2, ge=1)
    """Uploaded files that are checked at once, and as many previews; of one person one of each. More of them wait."""
    check_memory_bytes: int = Field(default=2 * 1024**3, ge=256 * 1024**2)
    """Memory that each process of a check may take."""
    check_seconds: float = Field(default=60.0, gt=0)
    """Processor time that the check of a file may take, and one second more for each megabyte."""
    trials_per_person: int = Field(default=2, ge=1)
    """Validations of one person that wait for Slurm's word at once; of more, Slurm is not asked."""
    head_seconds: float = Field(default=10.0, gt=0)
    """How long a request's head may take to arrive."""
    idle_seconds: float = Field(default=30.0, gt=0)
    """How long a sender may send nothing, and a reader take nothing, before the connection is cut."""
    body_seconds: float = Field(default=60.0, gt=0)
    """How long a body may take to arrive that is no upload."""
    transfer_seconds: float = Field(default=24 * 3600.0, gt=0)
    """How long an upload may take to arrive, and a download to be taken."""
    slowest_bytes_per_second: float = Field(default=4096.0, ge=0)
    """How slow uploads and downloads may be, on average after their first minute."""
    max_connections: int = Field(default=8192, ge=16)
    """Connections at once, as far as the process may have descriptors for them."""
    max_upload_bytes: int = 64 * 1024**3
    kept_bytes_per_person: int = Field(default=512 * 1024**3, ge=0)
    """How much the uploads of one person may keep on the server's disk: as JSON lines, however small they were sent."""
    datasets_per_person: int = Field(default=1000, ge=1)
    """How many data sets one person may have."""
    priority_of_members: int = Field(default=100, ge=0, le=1_000_000)
    """The highest priority that anybody but an administrator may give a job, and minus that the lowest."""
    visible_jobs: Literal["everybody", "team", "own"] = "everybody"
    """Whose jobs, logs, results and data sets members see: everybody's, their teams', or their own (and leads those of
    the teams that they lead). Administrators see all."""
    secrets_key: SecretStr | None = None
    """What users' secrets are encrypted with, any long random text; without it none can be kept."""
    notice_targets: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Networks inside, with commas between, that notices may be sent to beside public addresses."""
    notice_patience_seconds: float = Field(default=3 * 24 * 3600.0, gt=0)
    """How long nothing may reach a webhook before it is switched off."""
    smtp_host: str | None = None
    """The server that takes the service's mail; without it and `smtp_from` none is sent."""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """TLS asked for after the greeting, from the beginning, or not at all."""
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: Annotated[str, Field(pattern=r"^[!-~]+@[A-Za-z0-9.-]+$", max_length=254)] | None = None
    """The address that mail comes from."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("notice_targets", mode="before")
    @classmethod
    def _parts(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then SECRETS: a database's password need not stand in the environment."""
        if SECRETS.is_dir():
            file_secret_settings = SecretsSettingsSource(settings_cls, secrets_dir=SECRETS)
        return init_settings, env_settings, dotenv_settings, file_secret_settings


def load_settings() -> Settings:
    """The settings of the environment. Raises InvalidInput for each that does not hold, and for unknown variables.

    A misspelt variable that is passed over would have the service work on another database.
    """
    findings = list(_unknown_variables(os.environ))
    try:
        settings = Settings()
    except ValidationError as error:
        findings += [_of_a_setting(found) for found in error.errors(include_input=False, include_url=False)]
    if findings:
        raise InvalidInput(findings)
    return settings


def _unknown_variables(names: Iterable[str]) -> Iterator[Finding]:
    known = [name.upper() for name in Settings.model_fields]
    for name in sorted(names):
        setting = name.upper().removeprefix(PREFIX)
        if name.upper() != setting and setting not in known and not NOT_OURS.fullmatch(name.upper()):
            close = difflib.get_close_matches(setting[:100], known, n=1)
            hint = (
                f"did you mean {PREFIX}{close[0]}?" if close else "remove it: docs/operator-guide.md has all settings"
            )
            yield Finding((name[:100],), f"there is no setting {name[:100]}", hint)


def _of_a_setting(error: Mapping[str, Any]) -> Finding:
    """Fault of a setting, without its value."""
    name = f"{PREFIX}{error['loc'][0]}".upper()
    known = _QUOTED.findall(error.get("ctx", {}).get("expected", ""))
    if known:
        return Finding((name,), f"{name} must be one of {', '.join(known)}")
    return Finding((name,), f"{name}: {error['msg'].removeprefix('Value error, ')}")


def load_clusters(path: Path) -> dict[str, ClusterSettings]:
    """The clusters of the TOML file, by name; its form is `[clusters.NAME]` tables.

    Raises InvalidInput when the file is missing, is no TOML or does not hold.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("clusters", {})
        return {name: ClusterSettings.model_validate({**table, "name": name}) for name, table in tables.items()}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"the clusters file {path} cannot be read: {reason}"
        raise InvalidInput([Finding(("PACKTRAIN_CLUSTERS_FILE",), message)]) from error
    except ValidationError as error:
        findings = [Finding((str(path), *problem["loc"]), problem["msg"]) for problem in error.errors()]
        raise InvalidInput(findings) from error
