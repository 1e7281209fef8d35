"""Who may do what on NATS: one operator, one account for the deployment, and a name-scoped key that admits agents.

nats-server runs in operator mode: it trusts the operator's key, and everything below is signed.

    operator ─ signs ─> system account   pushes new claims to a running server
             └ signs ─> account          market, engine and worker: one user, no limits inside the account
                        └ scoped key     signs agents; its template gives each node the subjects with its own name,
                                         whatever the agent's token says

`Authority` holds the roots and stays with whoever runs the servers. Every server process gets `server.creds`, the
market process also `agents.json`, the scoped key: it can admit agents, and make nothing that can do more than one.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from common import codec, subjects
from common.errors import InvalidInput
from common.private_files import write_private
from runtime.nats_jwt import KeyKind, credentials_file, is_public_key, new_seed, public_key, signed

SERVER_CREDENTIALS = "server.creds"
AGENTS = "agents.json"

_AUTHORITY = "authority.json"
_NAME = "nestex"
_SUBJECT_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_NODE = "{{name()}}"  # nats-server puts the user's name here
_ANSWER_NANOS = 5_000_000_000
_NO_USER_LIMITS = {"subs": -1, "data": -1, "payload": -1}
_NO_ACCOUNT_LIMITS = _NO_USER_LIMITS | {"imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": 0}
_JETSTREAM_LIMITS = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}


@dataclass(frozen=True, slots=True)
class AgentIssuer:
    """What the market process needs to admit agents: the account's public key and the seed of its scoped key."""

    account: str
    signing_seed: str

    @classmethod
    def load(cls, path: Path) -> AgentIssuer:
        """The issuer in an `agents.json`."""
        return codec.decode(AgentIssuer, path.read_bytes())

    def agent_jwt(self, node: str, agent_public_key: str, issued_at: int) -> str:
        """The user token of a node's agent, whose private key never leaves it. `issued_at`: seconds since the epoch.

        Raises InvalidInput (`invalid_field`) for a key that is none, and for a node whose name is not one plain token
        of a subject: `*` or `a.b` in the template would open the subjects of others.
        """
        if not _SUBJECT_TOKEN.fullmatch(node):
            raise InvalidInput("invalid_field", "a node's id is letters, digits, - and _", field="node")
        if not is_public_key(agent_public_key, "user"):
            raise InvalidInput("invalid_field", "the public key must be a NATS user key: U...", field="public_key")
        return signed(
            "user",
            subject=agent_public_key,
            name=node,
            issuer_seed=self.signing_seed,
            issued_at=issued_at,
            body={"issuer_account": self.account},  # permissions come from the key's template, and only from there
        )


@dataclass(frozen=True, slots=True)
class Authority:
    """The roots of trust, as seeds; every token follows from them. Instants are seconds since the Unix epoch.

    `revoked` maps an agent's public key to the instant up to which its tokens are void.
    """

    operator_seed: str
    system_seed: str
    account_seed: str
    signing_seed: str
    server_seed: str
    issued_at: int
    revoked: dict[str, int] = field(default_factory=dict)

    @classmethod
    def create(cls, issued_at: int) -> Self:
        """A new operator with a system account, the deployment's account, its scoped key, and the servers' user."""
        account, user = new_seed("account"), new_seed("user")
        return cls(new_seed("operator"), new_seed("account"), account, new_seed("account"), user, issued_at)

    @classmethod
    def load(cls, folder: Path) -> Authority:
        """The authority that `save` wrote."""
        return codec.decode(Authority, (folder / _AUTHORITY).read_bytes())

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether the folder holds a saved authority."""
        return (folder / _AUTHORITY).exists()

    def save(self, folder: Path) -> None:
        """Write the roots, and beside them one file for each kind of process; each readable by its owner only."""
        write_private(folder / AGENTS, codec.encode(self.agents).decode())
        write_private(folder / SERVER_CREDENTIALS, credentials_file(*self.server_credentials()))
        write_private(folder / _AUTHORITY, codec.encode(self).decode())  # last: then `exists` says that all are there

    @property
    def agents(self) -> AgentIssuer:
        """The part of the market process."""
        return AgentIssuer(self.account, self.signing_seed)

    @property
    def account(self) -> str:
        """Public key of the deployment's account."""
        return public_key(self.account_seed)

    @property
    def system_account(self) -> str:
        """Public key of the system account."""
        return public_key(self.system_seed)

    def operator_jwt(self) -> str:
        """The operator's token about itself, for nats-server's configuration."""
        subject = public_key(self.operator_seed)
        return self._by_operator("operator", subject, {"system_account": self.system_account})

    def system_jwt(self) -> str:
        """The system account's token. It has no JetStream, as nats-server demands."""
        return self._by_operator("account", self.system_account, {"limits": _NO_ACCOUNT_LIMITS})

    def account_jwt(self) -> str:
        """The account's token: JetStream, the scoped key with its template, and who is revoked."""
        body = {
            "limits": _NO_ACCOUNT_LIMITS | _JETSTREAM_LIMITS,
            "signing_keys": [
                {
                    "kind": "user_scope",
                    "key": public_key(self.signing_seed),
                    "role": "agent",
                    "template": _agent_template(),
                }
            ],
            "revocations": self.revoked,
        }
        return self._by_operator("account", self.account, body)

    def server_credentials(self) -> tuple[str, str]:
        """Token and seed of the user that market, engine and worker share."""
        return self._user(self.server_seed, "servers", self.account_seed), self.server_seed

    def system_credentials(self) -> tuple[str, str]:
        """Token and seed of a fresh user of the system account, who may push claims."""
        seed = new_seed("user")
        return self._user(seed, "claims", self.system_seed), seed

    def revoke(self, agent_public_key: str, at: int) -> Self:
        """The authority under which all tokens of this key that were issued up to `at` are void.

        Its `account_jwt`, sent to `$SYS.REQ.CLAIMS.UPDATE` by a user of the system account, throws the agent out at
        once.
        """
        return dataclasses.replace(self, issued_at=at, revoked={**self.revoked, agent_public_key: at})

    def _by_operator(self, kind: KeyKind, subject: str, body: dict[str, Any]) -> str:
        return signed(
            kind, subject=subject, name=_NAME, issuer_seed=self.operator_seed, issued_at=self.issued_at, body=body
        )

    def _user(self, seed: str, name: str, account_seed: str) -> str:
        return signed(
            "user",
            subject=public_key(seed),
            name=name,
            issuer_seed=account_seed,
            issued_at=self.issued_at,
            body=_NO_USER_LIMITS,
        )


def _agent_template() -> dict[str, Any]:
    """What an agent may do, for the node whose name stands in its token."""
    stream, consumer = subjects.ALLOC_STREAM, subjects.allocation_consumer(_NODE)
    return {
        "pub": {
            "allow": [
                subjects.usage(_NODE),
                subjects.status(_NODE, ">"),
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
                f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
                f"$JS.ACK.{stream}.{consumer}.>",
            ]
        },
        "sub": {"allow": [f"{subjects.inbox_prefix(_NODE)}.>", subjects.command(_NODE, ">")]},
        "resp": {"max": 1, "ttl": _ANSWER_NANOS},
        **_NO_USER_LIMITS,
    }
