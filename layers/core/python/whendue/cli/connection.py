"""Which deployment a command talks to: the environment, or a profile of the configuration file."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from whendue.cli.failures import UsageProblemError
from whendue.cli.output import note
from whendue.client import Client, RetryPolicy, TokenFile
from whendue.client.settings import TIMEOUT_S
from whendue.client.tokens.sources import TokenLike
from whendue.quotas import BODY_BYTES
from whendue.support.clock import Clock, system_clock

_KEYS: Final = frozenset({"url", "token", "token_file", "plain_http"})
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", envvar="WHENDUE_PROFILE", help="Deployment of the configuration file."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON: a document, or one per line for lists.")]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as a client is made of.

    Args:
        url: of its API.
        token: where the token comes from; never shown.
        plain_http: whether the token may be sent without TLS.
    """

    url: str
    token: TokenLike
    plain_http: bool = False

    def __repr__(self) -> str:
        return f"Deployment({self.url!r}, ...)"


def connect(profile: str | None) -> Client:
    """Return a client of the deployment that the environment or the profile names.

    Raises:
        UsageProblemError: none is configured, or the configuration is not valid.
    """
    return client_of(deployment_of(profile, os.environ), clock=system_clock())


def client_of(
    deployment: Deployment, *, clock: Clock, retry: RetryPolicy | None = None, timeout_s: float = TIMEOUT_S
) -> Client:
    """Return a client of a deployment.

    Args:
        deployment: which one.
        clock: time, chance and sleep.
        retry: when a request is sent again. Default: the client's.
        timeout_s: how long one attempt may take, seconds.

    Raises:
        UsageProblemError: URL or token cannot be used.
    """
    try:
        return Client(
            deployment.url,
            deployment.token,
            plain_http=deployment.plain_http,
            clock=clock,
            retry=retry,
            timeout_s=timeout_s,
        )
    except ValueError as error:
        raise UsageProblemError(f"the deployment cannot be used: {error}") from None


def deployment_of(profile: str | None, environ: Mapping[str, str]) -> Deployment:
    """Return the deployment: `WHENDUE_URL` and `WHENDUE_TOKEN` of the environment, over those of the profile.

    The token of a profile is sent to the URL of this profile only.

    Args:
        profile: name of the profile; None is the default of the file.
        environ: the environment.

    Raises:
        UsageProblemError: none is configured, or the configuration is not valid.
    """
    token = _token_of(environ)
    if url := environ.get("WHENDUE_URL"):
        if profile:
            note(f"WHENDUE_URL is set, so the profile {profile} is not used")
        if token is None:
            raise UsageProblemError("WHENDUE_URL is set: set WHENDUE_TOKEN or WHENDUE_TOKEN_FILE, too")
        return Deployment(url, token)
    path = config_path(environ)
    settings = _profile_in(path, profile)
    own = token if token is not None else _token_in(path, settings)
    return Deployment(settings["url"], own, settings.get("plain_http", False))


def config_path(environ: Mapping[str, str]) -> Path:
    """Return the path of the configuration file: `whendue/config.toml` in `$XDG_CONFIG_HOME`, or in `~/.config`."""
    base = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home(), ".config")
    return Path(base, "whendue", "config.toml")


def only_mine(path: Path) -> None:
    """Insist that nobody else can read a file that holds a token.

    Raises:
        UsageProblemError: others can, or it cannot be read at all.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageProblemError(f"{path} cannot be read: {error.strerror}") from None
    if mode & _OTHERS:
        raise UsageProblemError(f"{path} holds a token and can be read by others: run chmod 600 {path}")


def _token_of(environ: Mapping[str, str]) -> TokenLike | None:
    token, file = environ.get("WHENDUE_TOKEN"), environ.get("WHENDUE_TOKEN_FILE")
    if token and file:
        raise UsageProblemError("set WHENDUE_TOKEN or WHENDUE_TOKEN_FILE, not both")
    return TokenFile(file) if file else token or None


def _profile_in(path: Path, name: str | None) -> Mapping[str, Any]:
    config = _read(path)
    profiles = config.get("profiles", {})
    wanted = name or config.get("default")
    if not isinstance(profiles, dict) or not all(isinstance(values, dict) for values in profiles.values()):
        raise UsageProblemError(f"{path}: profiles must be tables, as in [profiles.staging]")
    if wanted is None and len(profiles) == 1:
        [wanted] = profiles
    if wanted is None:
        raise UsageProblemError(f"{path}: name a profile with --profile, or in default")
    if wanted not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise UsageProblemError(f"{path}: no profile is called {wanted}; profiles: {known}")
    return _checked(path, str(wanted), profiles[wanted])


def _checked(path: Path, name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if unknown := sorted(set(settings) - _KEYS):
        raise UsageProblemError(f"{path}: profile {name}: {unknown[0]} is not one of {', '.join(sorted(_KEYS))}")
    if not settings.get("url"):
        raise UsageProblemError(f"{path}: profile {name}: url is missing")
    for key, value in settings.items():
        if not isinstance(value, bool if key == "plain_http" else str):
            raise UsageProblemError(f"{path}: profile {name}: {key} is not a {'boolean' if key[0] == 'p' else 'text'}")
    return settings


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.loads(file.read(BODY_BYTES).decode())
    except FileNotFoundError:
        raise UsageProblemError(
            f"no deployment is configured: set WHENDUE_URL and WHENDUE_TOKEN, or write {path} (docs/reference/cli.md)"
        ) from None
    except OSError as error:
        raise UsageProblemError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        # A TOML error names line and column; it quotes a character at most, not a value.
        raise UsageProblemError(f"{path} is not TOML: {type(error).__name__}{_place(error)}") from None


def _place(error: ValueError) -> str:
    text = str(error)
    return f" {text[text.rindex('(') :]}" if text.endswith(")") else ""


def _token_in(path: Path, settings: Mapping[str, Any]) -> TokenLike:
    token, file = settings.get("token"), settings.get("token_file")
    if bool(token) == bool(file):
        raise UsageProblemError(f"{path}: the profile needs token or token_file, not both; or set WHENDUE_TOKEN")
    if not file:
        only_mine(path)
        return str(token)
    named = Path(path.parent, Path(file).expanduser())
    only_mine(named)
    return TokenFile(named)
